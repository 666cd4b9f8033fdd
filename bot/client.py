"""The Discord client: logs in, registers the commands and dispatches interactions."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol
from weakref import WeakValueDictionary

import aiohttp
import discord
import structlog
import yarl
from discord import app_commands
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot.errors import RefusedError, handle_error
from bot.gateway import wait_for_session
from bot.health import log_health_report
from bot.registration import register
from bot.state.membership import Memberships
from bot.state.pending_responses import PendingInteractions
from bot.state.recent_messages import RecentMessages
from bot.state.upload_queue import RejectedUploads, UploadQueue
from bot.translator import CatalogueTranslator
from core.database.audit_log import AuditLog
from core.database.blocks import Blocks
from core.database.connection import Database
from core.database.deletions import Deletions
from core.database.drafts import Drafts
from core.database.guild_defaults import GuildDefaults
from core.database.guild_rules import GuildRules
from core.database.guild_settings import GuildSettings
from core.database.guild_styles import GuildStyles
from core.database.interactions import current_interaction
from core.database.jobs import Jobs
from core.database.members import Members
from core.database.messages import Messages
from core.database.moderation_queue import ModerationQueue
from core.database.queue import JobQueue
from core.database.reports import Reports
from core.discord_ui.job_message import ALLOWED_MENTIONS
from core.i18n import gettext, gettext_noop, set_locale
from core.metrics import counting_trace
from core.own_styles import load_host_styles
from core.settings import Settings
from core.understanding.vocabulary import vocabulary_of

log = structlog.stdlib.get_logger(__name__)

GRACE_SECONDS = 10.0
"""How long handlers get to finish when the bot stops."""

OUTDATED_BUTTON = gettext_noop(
    "This button is from an older message or version and no longer works. Request a new image with"
    " `/imagine`."
)
OUTDATED_FORM = gettext_noop(
    "This form is from an older version and no longer works. Open it again."
)

AnyCommand = app_commands.Command[Any, ..., Any] | app_commands.Group | app_commands.ContextMenu
AnyButton = type[discord.ui.DynamicItem[Any]]


class AnyModal(Protocol):
    """The interface of forms that keep working after a restart."""

    @property
    def template(self) -> re.Pattern[str]:
        """Matches its custom ids."""

    def from_match(self, match: re.Match[str]) -> discord.ui.Modal:
        """The form with this custom id, ready to receive the submitted values."""


BackgroundTask = Callable[["ImagineBot"], Awaitable[None]]
ReactionHandler = Callable[["ImagineBot", discord.RawReactionActionEvent], Awaitable[None]]


class ImagineBot(discord.Client):
    """The bot, with everything that handlers share, such as settings and repositories.

    Create it inside an event loop, and close it at the end.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        commands: Sequence[AnyCommand],
        buttons: Sequence[AnyButton],
        modals: Sequence[AnyModal],
        background: Sequence[BackgroundTask],
        handle_reaction: ReactionHandler,
    ) -> None:
        discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False  # no voice support
        super().__init__(
            intents=discord.Intents(guilds=True, guild_reactions=True, dm_reactions=True),
            allowed_mentions=ALLOWED_MENTIONS,
            max_messages=None,
            member_cache_flags=discord.MemberCacheFlags.none(),
            http_trace=counting_trace(),
            enable_debug_events=True,  # for `on_socket_raw_receive`
        )
        self.settings = settings
        self.database = database
        self.jobs = Jobs(database)
        self.queue = JobQueue(database)
        self.drafts = Drafts(database)
        self.members = Members(database)
        self.guild_settings = GuildSettings(database)
        self.guild_defaults = GuildDefaults(database)
        self.guild_styles = GuildStyles(database)
        self.host_styles = load_host_styles(settings.styles_file)
        self.guild_rules = GuildRules(database)
        self.blocks = Blocks(database)
        self.moderation_queue = ModerationQueue(database)
        self.audit_log = AuditLog(database)
        self.reports = Reports(database)
        self.messages = Messages(database)
        self.deletions = Deletions(database)
        self.moderator_roles: dict[int, int] = {}
        """The moderator role of each server that has one; `/mod role` keeps this up to date."""
        self.admission_locks: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        """One lock per member, held while their jobs are counted and a new one is queued."""
        self.memberships = Memberships()
        self.downloads = aiohttp.ClientSession(auto_decompress=False)
        """For attachments: sends no token and decompresses nothing."""
        self.upload_queue = UploadQueue()
        self.rejected_uploads = RejectedUploads()
        self.recent_messages = RecentMessages()
        self.tree = Tree(
            self,
            allowed_contexts=app_commands.AppCommandContext(
                guild=True, dm_channel=True, private_channel=True
            ),
            allowed_installs=app_commands.AppInstallationType(guild=True, user=True),
        )
        for command in commands:
            self.tree.add_command(command)
        self.add_dynamic_items(*buttons)
        self._buttons = buttons
        self._modals = modals
        self._background = background
        self._handle_reaction = handle_reaction
        self.pending = PendingInteractions(database)
        self._running_handlers: set[asyncio.Task[Any]] = set()
        self._background_tasks: list[asyncio.Future[None]] = []
        self.connected = self.was_ready = False
        """Whether the gateway is connected, and whether it ever was."""
        Route.BASE = settings.discord_api_url

    async def setup_hook(self) -> None:
        """Runs after login, before the gateway: starts background tasks, registers the commands."""
        await self.tree.set_translator(CatalogueTranslator())
        self.moderator_roles = await self.guild_settings.moderator_roles()
        # Not beside requests: they would load it once more, and block the event loop meanwhile.
        await asyncio.to_thread(_load_vocabularies, self.settings.offered_models)
        self._background_tasks = [asyncio.ensure_future(task(self)) for task in self._background]
        _, gateway, sessions = await self.http.get_bot_gateway()
        DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway)
        guild_id = self.settings.discord_guild_id
        guild = discord.Object(guild_id) if guild_id else None
        if await register(self.tree, guild, self.settings.data_dir / "commands.json"):
            log.info("commands registered", guild=guild_id)
        await wait_for_session(sessions)

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Waits before a new session if few of the daily limit are left."""
        await super().before_identify_hook(shard_id, initial=initial)
        if not initial:
            *_, sessions = await self.http.get_bot_gateway()
            # discord.py gives up after a minute, and calls this again.
            await wait_for_session(sessions)

    async def close(self) -> None:
        """Lets the handlers finish, then disconnects."""
        if self._running_handlers:
            await asyncio.wait(self._running_handlers, timeout=GRACE_SECONDS)
        for task in self._background_tasks:
            task.cancel()
            await asyncio.wait([task])
        await super().close()
        await self.downloads.close()

    async def enter(self, interaction: discord.Interaction[Any]) -> bool:
        """Starts handling an interaction; False if it should not be handled.

        Makes the bot wait for the current task before it stops, and sets the member's language.
        """
        self._keep_until_done()
        set_locale(interaction.locale.value)
        current_interaction.set(interaction.id)
        return await self.pending.enter(interaction)

    def _keep_until_done(self) -> None:
        """Makes the bot wait for the current task before it stops."""
        task = asyncio.current_task()
        assert task is not None
        self._running_handlers.add(task)
        task.add_done_callback(self._running_handlers.discard)

    async def fail(self, interaction: discord.Interaction[Any], error: Exception) -> None:
        """Ends the handling of an interaction with an error. Never raises."""
        delivered = await handle_error(interaction, error)
        await self.pending.close(interaction.id, delivered=delivered)

    @asynccontextmanager
    async def error_boundary(self, interaction: discord.Interaction[Any]) -> AsyncIterator[None]:
        """Turns an exception in the block into an error message for the member, and a log line."""
        try:
            yield
        except Exception as error:
            await self.fail(interaction, error)

    async def on_ready(self) -> None:
        self.connected = self.was_ready = True
        log.info("ready", user=str(self.user), guilds=len(self.guilds))
        await log_health_report(self, self.settings)

    async def on_resumed(self) -> None:
        self.connected = True

    async def on_disconnect(self) -> None:
        self.connected = False

    async def on_socket_raw_receive(self, message: str) -> None:
        self.pending.remember_payload(message)

    async def on_raw_reaction_add(self, event: discord.RawReactionActionEvent) -> None:
        self._keep_until_done()
        await self._handle_reaction(self, event)

    async def on_raw_reaction_remove(self, event: discord.RawReactionActionEvent) -> None:
        await self.on_raw_reaction_add(event)

    async def on_interaction(self, interaction: discord.Interaction[Any]) -> None:
        """Dispatches forms, and responds to components without a handler, which would time out."""
        if interaction.type is discord.InteractionType.modal_submit:
            await self._submit(interaction)
            return
        data: Mapping[str, Any] = interaction.data or {}
        if "custom_id" not in data or self._is_known(data["custom_id"]):
            return
        if await self.enter(interaction):
            async with self.error_boundary(interaction):
                raise RefusedError(gettext(OUTDATED_BUTTON))

    async def _submit(self, interaction: discord.Interaction[Any]) -> None:
        """Handles a submitted form, which discord.py does not keep (see `send_modal`)."""
        if not await self.enter(interaction):
            return
        data: Mapping[str, Any] = interaction.data or {}
        async with self.error_boundary(interaction):
            found = self.modal_of(data["custom_id"])
            if found is None:
                raise RefusedError(gettext(OUTDATED_FORM))
            form = found[0].from_match(found[1])
            await form._dispatch_submit(interaction, data["components"], data.get("resolved", {}))

    def modal_of(self, custom_id: str) -> tuple[AnyModal, re.Match[str]] | None:
        """The form class for this custom id, and the match of its template."""
        for modal in self._modals:
            if match := modal.template.fullmatch(custom_id):
                return modal, match
        return None

    def _is_known(self, custom_id: str) -> bool:
        return any(
            button.__discord_ui_compiled_template__.fullmatch(custom_id) for button in self._buttons
        )


class Tree(app_commands.CommandTree[ImagineBot]):
    """The command tree, with one error handler for all commands."""

    async def interaction_check(self, interaction: discord.Interaction[ImagineBot], /) -> bool:
        return await interaction.client.enter(interaction)

    async def on_error(
        self, interaction: discord.Interaction[ImagineBot], error: app_commands.AppCommandError, /
    ) -> None:
        await interaction.client.fail(interaction, error)


def _load_vocabularies(models: Sequence[str]) -> None:
    """Loads what the models know, with what is computed on first use."""
    for vocabulary in filter(None, map(vocabulary_of, models)):
        vocabulary.understand("?")
        vocabulary.suggestions("?")
