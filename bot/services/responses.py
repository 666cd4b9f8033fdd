"""Durable responses: every acknowledged interaction gets its response, whatever crashes.

    async with acknowledged(interaction, ephemeral=True) as response:
        ...  # may take a while
        await response.edit(content="Done.")

The interaction is on disk before it is acknowledged, and deleted once Discord has the response. One
that stays open, because the bot was killed or Discord failed, runs again within the 15 minutes of
its token (see `bot.state.pending_responses`).
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import discord
import structlog
from discord.utils import MISSING

from bot.client import OUTDATED_BUTTON, ImagineBot
from bot.errors import (
    ALREADY_ACKNOWLEDGED,
    CONNECTION_ERRORS,
    RefusedError,
    UndeliveredError,
    handle_error,
    is_gone,
)
from bot.installation import is_foreign
from bot.types import Interaction
from core.database.errors import StoreError
from core.i18n import gettext

log = structlog.stdlib.get_logger(__name__)

TRIES = 3  #: attempts at one request to Discord if connections break

RESUME_SECONDS = 5.0  #: between two checks for open responses


@dataclass(slots=True)
class Response:
    """The response to an interaction that was acknowledged."""

    interaction: Interaction
    message_id: int | None
    """The message that says "thinking…", or holds the button that was pressed."""
    deleted: bool = False
    """Whether that message was deleted before a crash; then `edit` sends a new one."""

    async def edit(
        self,
        content: str | None = MISSING,
        *,
        embed: discord.Embed | None = MISSING,
        attachments: Sequence[discord.File] = MISSING,
        view: discord.ui.View | discord.ui.LayoutView | None = MISSING,
    ) -> discord.Message:
        """Edits the response; returns its message. Raises UndeliveredError, discord.HTTPException.

        A layout replaces everything in the message.
        """
        if isinstance(view, discord.ui.LayoutView):
            content = embed = None
        elif self._is_layout():
            raise RefusedError(gettext(OUTDATED_BUTTON))
        tries = 1 if attachments else TRIES  # files can be read only once
        error: Exception | None = None
        for _ in range(tries):
            try:
                return await self._edit(content, embed, attachments, view)
            except discord.HTTPException as failure:
                if failure.status < 500 and failure.status != 429:
                    raise
                error = failure
                break
            except CONNECTION_ERRORS as failure:
                error = failure  # edits are idempotent
        raise UndeliveredError(str(error)) from error

    def _is_layout(self) -> bool:
        """Whether the message is a layout, which can only be replaced by another layout."""
        message = self.interaction.message
        return bool(message and message.id == self.message_id and message.flags.components_v2)

    async def _edit(
        self,
        content: str | None,
        embed: discord.Embed | None,
        attachments: Sequence[discord.File],
        view: discord.ui.View | discord.ui.LayoutView | None,
    ) -> discord.Message:
        if not self.deleted:
            return await self.interaction.edit_original_response(
                content=content, embed=embed, attachments=attachments, view=view
            )
        if isinstance(view, discord.ui.LayoutView):
            message = await self.interaction.followup.send(view=view, files=attachments, wait=True)
        else:
            message = await self.interaction.followup.send(
                content=content or MISSING,
                embed=embed or MISSING,
                files=attachments,
                view=view or MISSING,
                wait=True,
            )
        self.message_id, self.deleted = message.id, False
        return message


@asynccontextmanager
async def acknowledged(
    interaction: Interaction, *, ephemeral: bool = False, updates_message: bool = False
) -> AsyncIterator[Response]:
    """Acknowledges an interaction; the block edits the response, or raises an error to be sent.

    The response is a new message, `ephemeral` or for everyone; with `updates_message`, it is the
    message of the button. Where the bot is not a member, every new message is ephemeral, because
    neither moderators nor, after 15 minutes, the bot itself could delete it. Raises StoreError if
    the interaction cannot be stored, and discord.py's errors if it cannot be acknowledged.
    """
    pending = interaction.client.pending
    ephemeral = ephemeral or is_foreign(interaction)
    resumed = pending.is_resumed(interaction)
    if not resumed:
        await pending.insert(interaction, updates_message=updates_message)
    delivered = False
    try:
        if resumed:
            message_id = interaction.extras["message_id"]
        else:
            try:
                message_id = await _acknowledge(interaction, ephemeral, updates_message)
            except Exception as error:
                delivered = is_gone(error)
                raise
        try:
            yield Response(interaction, message_id, deleted=resumed and message_id is None)
            delivered = True
        except RefusedError as refusal:
            if await pending.refuse(interaction.id, str(refusal)):
                delivered = await handle_error(interaction, refusal)
        except Exception as error:
            delivered = await handle_error(interaction, error)
    finally:
        await pending.close(interaction.id, delivered=delivered)


async def resume_pending_responses(bot: ImagineBot) -> None:
    """Resumes responses that an earlier process or an outage left open, until cancelled."""
    await bot.wait_until_ready()
    while True:
        try:
            await bot.pending.resume_all(bot)
        except StoreError as error:
            log.warning("pending responses not read, retrying", error=str(error))
        except Exception:
            log.exception("pending responses not resumed, retrying")
        await asyncio.sleep(RESUME_SECONDS)


async def _acknowledge(
    interaction: Interaction, ephemeral: bool, updates_message: bool
) -> int | None:
    """Acknowledges the interaction; returns the id of the message that will be edited.

    If Discord's response is lost, the request may have taken effect or not. It is repeated, here or
    by discord.py; if Discord then says that it is already acknowledged, the first one succeeded.
    """
    response = interaction.response
    for _ in range(TRIES):
        try:
            deferred = await response.defer(thinking=not updates_message, ephemeral=ephemeral)
            if updates_message:
                return interaction.message.id if interaction.message else None
            return deferred.message_id if deferred else None
        except CONNECTION_ERRORS as error:
            log.warning("acknowledgement failed, retrying", error=str(error))
        except discord.HTTPException as error:
            if error.code != ALREADY_ACKNOWLEDGED:
                raise
            break
    message = await _original(interaction)
    # discord.py assumes that nothing was sent, and `send_error` relies on it.
    kinds = discord.InteractionResponseType
    response._response_type = (
        kinds.deferred_message_update if updates_message else kinds.deferred_channel_message
    )
    return message.id


async def _original(interaction: Interaction) -> discord.InteractionMessage:
    for _ in range(TRIES - 1):
        with suppress(*CONNECTION_ERRORS):
            return await interaction.original_response()
    return await interaction.original_response()
