"""Interactions that were acknowledged but not finished: stored, and resumed after a crash.

A pending response holds the interaction as Discord sent it. To resume it, the bot passes that
payload to discord.py again, so the same command, button or form runs again, with the same options,
attachments, member and permissions. discord.py treats it as a new interaction; the bot recognises
by its id that it is already acknowledged. So handlers may run twice and must be idempotent:
`Jobs.insert` queues one job per interaction, and other changes are made once (see
`core.database.interactions`).
"""

import asyncio
import json
from collections import OrderedDict, deque
from typing import Any

import discord
import structlog

from bot.errors import CONNECTION_ERRORS, RefusedError, handle_error, is_gone
from core.database.connection import Database
from core.database.errors import StoreError, StoreLockedError
from core.database.jobs import Jobs
from core.database.pending_responses import PendingResponse, PendingResponses
from core.discord_ui.limits import INITIAL_RESPONSE_SECONDS
from core.discord_ui.views import static_layout
from core.i18n import gettext, gettext_noop, use_locale

log = structlog.stdlib.get_logger(__name__)

INSERT_SECONDS = INITIAL_RESPONSE_SECONDS / 2
"""How long the row may take to reach the disk; the rest is for reaching Discord."""

REMEMBERED = 1000  #: interactions whose id, or payload, is kept in memory

_AUTOCOMPLETE = discord.InteractionType.autocomplete
_ORIGINAL: Any = "@original"
"""Discord's alias for the id of the initial response; discord.py's types only allow numbers."""

INTERRUPTED = gettext_noop("I was restarted before I could finish this. Please try again.")
"""For rows without a payload."""

FINISHED = gettext_noop("Done. I was restarted before I could show you the details.")
"""For rows whose changes were all made."""


class PendingInteractions:
    """The interactions that this process is handling, or should be."""

    def __init__(self, database: Database) -> None:
        self._rows = PendingResponses(database)
        self._database = database
        self._payloads: OrderedDict[int, str] = OrderedDict()
        self._received: deque[int] = deque(maxlen=REMEMBERED)
        self._delivered: deque[int] = deque(maxlen=REMEMBERED)
        """Interactions that need not run again, even while their rows still exist."""
        self._open: set[int] = set()
        """Interactions with a row and a running handler."""
        self._resumed: dict[int, PendingResponse] = {}
        """The open interactions that an earlier process or attempt acknowledged."""

    def remember_payload(self, message: str) -> None:
        """Keeps the payload if the gateway message is an interaction; discord.py does not."""
        if '"INTERACTION_CREATE"' not in message:
            return
        event: dict[str, Any] = json.loads(message)
        if event.get("t") != "INTERACTION_CREATE" or event["d"]["type"] == _AUTOCOMPLETE.value:
            return
        self._payloads[int(event["d"]["id"])] = json.dumps(event["d"])
        while len(self._payloads) > REMEMBERED:
            self._payloads.popitem(last=False)

    async def enter(self, interaction: discord.Interaction) -> bool:
        """Whether to handle an interaction that has arrived. Never raises.

        False if it was received before, since Discord may send one twice after a lost connection,
        or if it is resumed too late for a response.
        """
        if row := self._resumed.get(interaction.id):
            return await self._restore(interaction, row)
        if interaction.type is _AUTOCOMPLETE:
            return True
        if interaction.id in self._received:
            log.info("interaction received twice", interaction=interaction.id)
            return False
        self._received.append(interaction.id)
        return True

    async def insert(self, interaction: discord.Interaction, *, updates_message: bool) -> None:
        """Stores an interaction before it is acknowledged.

        Raises StoreError if it is not on disk in time; then nothing is pending.
        """
        number = interaction.id
        self._open.add(number)
        inserting = asyncio.create_task(
            self._rows.insert(
                number,
                member_id=interaction.user.id,
                payload=self._payloads.pop(number, None),
                updates_message=updates_message,
                token=interaction.token,
                locale=interaction.locale.value,
            )
        )
        await asyncio.wait({inserting}, timeout=INSERT_SECONDS)
        if not inserting.done():
            self._undoing = asyncio.create_task(self._undo(inserting, number))
            raise StoreLockedError("The database took too long to store an interaction.")
        try:
            inserting.result()
        except StoreError:
            self._open.discard(number)
            raise

    def job_id(self, interaction: discord.Interaction) -> int | None:
        """The job that a resumed interaction has queued before."""
        row = self._resumed.get(interaction.id)
        return row.job_id if row else None

    def is_resumed(self, interaction: discord.Interaction) -> bool:
        """Whether an interaction was acknowledged before and runs again."""
        return interaction.id in self._resumed

    async def refuse(self, interaction_id: int, text: str) -> bool:
        """Stores a refusal before the member reads it; returns whether it is on disk. Never raises.

        Otherwise, if its delivery failed halfway, the request would be decided again.
        """
        try:
            await self._rows.set_refusal(interaction_id, text)
        except StoreError as error:
            log.warning("refusal not recorded, deciding again", error=str(error))
            return False
        return True

    async def close(self, interaction_id: int, *, delivered: bool) -> None:
        """Records that the handler of an interaction has ended.

        Undelivered responses will be resumed. Never raises: a row that cannot be deleted now is
        deleted later, and its handler does not run again.
        """
        if interaction_id not in self._open:
            return
        try:
            if delivered:
                self._delivered.append(interaction_id)
                await self._rows.delete(interaction_id)
        except StoreError as error:
            log.warning("pending response not deleted", error=str(error))
        finally:
            self._open.discard(interaction_id)
            self._resumed.pop(interaction_id, None)

    async def resume_all(self, client: discord.Client) -> None:
        """Restarts open interactions without a running handler. Raises StoreError."""
        for row in await self._rows.all():
            try:
                await self._resume(client, row)
            except StoreError:
                raise
            except (discord.HTTPException, *CONNECTION_ERRORS) as error:
                log.warning("interaction not resumed, retrying", error=str(error))
            except Exception:  # continue with the others
                log.exception("interaction not resumed", interaction=row.interaction_id)

    async def _resume(self, client: discord.Client, row: PendingResponse) -> None:
        number = row.interaction_id
        if number in self._open:
            return
        if number in self._delivered:
            self._open.add(number)
            await self.close(number, delivered=True)
        elif row.done:
            await self._conclude(client, row)
        elif row.payload is None:
            await self._apologise(client, row)
        else:
            log.info("interaction resumed", interaction=number, job=row.job_id)
            self._open.add(number)
            self._resumed[number] = row
            client._connection.parse_interaction_create(json.loads(row.payload))

    async def _restore(self, interaction: discord.Interaction, row: PendingResponse) -> bool:
        """Restores discord.py's state of an interaction; False if its token has expired."""
        message_id: int | None = None
        try:
            message_id = (await interaction.original_response()).id
        except discord.NotFound as error:
            if is_gone(error):  # never acknowledged, or too long ago
                await self.close(interaction.id, delivered=True)
                return False
            # Acknowledged, then deleted in favour of an error that was never sent.
        except (discord.HTTPException, *CONNECTION_ERRORS) as error:
            log.warning("response not read, retrying", error=str(error))
            await self.close(interaction.id, delivered=is_gone(error))
            return False
        kinds = discord.InteractionResponseType
        interaction.response._response_type = (
            kinds.deferred_message_update if row.updates_message else kinds.deferred_channel_message
        )
        interaction.extras["message_id"] = message_id
        if row.refusal is None:
            return True
        delivered = await handle_error(interaction, RefusedError(row.refusal))
        await self.close(interaction.id, delivered=delivered)
        return False

    async def _conclude(self, client: discord.Client, row: PendingResponse) -> None:
        """Everything was done; only the response may be missing."""
        message = await _response_of(client, row)
        if message and await self._is_unanswered(message, row):
            await _edit(message, row, FINISHED)
        self._open.add(row.interaction_id)
        await self.close(row.interaction_id, delivered=True)

    async def _is_unanswered(self, message: discord.WebhookMessage, row: PendingResponse) -> bool:
        if not row.updates_message:
            return message.flags.loading
        # The engine shows how a job ended; any other message loses its buttons once answered.
        return (
            bool(message.components) and await Jobs(self._database).by_message(message.id) is None
        )

    async def _apologise(self, client: discord.Client, row: PendingResponse) -> None:
        if message := await _response_of(client, row):
            await _edit(message, row, INTERRUPTED)
        self._open.add(row.interaction_id)
        await self.close(row.interaction_id, delivered=True)

    async def _undo(self, inserting: asyncio.Task[None], interaction_id: int) -> None:
        await asyncio.wait({inserting})
        await self.close(interaction_id, delivered=inserting.exception() is None)


async def _response_of(
    client: discord.Client, row: PendingResponse
) -> discord.WebhookMessage | None:
    """The message that says "thinking…", or has the button; None if it is too late."""
    data: Any = {"id": str(client.application_id), "type": 3, "token": row.token}
    webhook = discord.Webhook.from_state(data, state=client._connection)
    try:
        return await webhook.fetch_message(_ORIGINAL)
    except discord.NotFound:
        log.info("response expired", interaction=row.interaction_id)
        return None


async def _edit(message: discord.WebhookMessage, row: PendingResponse, text: str) -> None:
    with use_locale(row.locale):
        if message.flags.components_v2:  # it can only stay a layout
            layout = static_layout([discord.ui.TextDisplay(gettext(text))])
            await message.edit(attachments=[], view=layout)
            return
        await message.edit(content=gettext(text), embed=None, attachments=[], view=None)
