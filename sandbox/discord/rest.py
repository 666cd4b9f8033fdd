"""What the routes of the REST API share: requests, responses, and the state they act on."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from sandbox.discord import errors
from sandbox.discord.clock import parse_snowflake
from sandbox.discord.command_permissions import CommandPermissions
from sandbox.discord.commands import Commands
from sandbox.discord.gateway import Gateway
from sandbox.discord.interactions import Interactions
from sandbox.discord.limits import Limits
from sandbox.discord.models import Channel, Draft, Message
from sandbox.discord.permissions import Permission
from sandbox.discord.state import World
from sandbox.discord.uploads import Body

NO_TOKEN_NEEDED = ("/webhooks/{webhook_id}/{webhook_token}", "/interactions/", "/gateway")
"""Routes without a bot token: their path contains a secret, or they are public."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request that was read and matched to its route."""

    params: dict[str, str]
    query: dict[str, str]
    body: Body

    def id(self, name: str) -> int:
        """An id in the path. Raises DiscordError 50035 if it is invalid."""
        return snowflake(name, self.params[name])

    @property
    def json(self) -> Any:
        return {} if self.body.json is None else self.body.json


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and a JSON body; None for an empty body."""

    body: Any = None
    status: int = 200


NOTHING = Answer(None, 204)


Handler = Callable[["Rest", Call], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Route:
    """A method and a path with parameters."""

    method: str
    template: str
    pattern: re.Pattern[str]
    handler: Handler

    def needs_token(self) -> bool:
        return not self.template.startswith(NO_TOKEN_NEEDED) or self.template == "/gateway/bot"


class Routes(list[Route]):
    """The routes of one module, each added by a decorator."""

    def add(self, method: str, template: str) -> Callable[[Handler], Handler]:
        """Adds a handler. Templates are those of Discord's OpenAPI description."""
        pattern = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template))

        def register(handler: Handler) -> Handler:
            self.append(Route(method, template, pattern, handler))
            return handler

        return register


def snowflake(name: str, text: str) -> int:
    """The id in a text. Raises DiscordError 50035 if it is invalid."""
    value = parse_snowflake(text)
    if value is None:
        raise errors.invalid_field(name, "NUMBER_TYPE_COERCE", f'Value "{text}" is not snowflake.')
    return value


class Rest:
    """The state that route handlers act on, and checks that they share."""

    def __init__(
        self,
        world: World,
        gateway: Gateway,
        commands: Commands,
        overrides: CommandPermissions,
        interactions: Interactions,
        limits: Limits,
    ) -> None:
        self.world = world
        self.gateway = gateway
        self.commands = commands
        self.overrides = overrides
        self.interactions = interactions
        self.limits = limits

    def channel(self, call: Call, needed: int = 0) -> Channel:
        """The channel in the path, if the bot has the permissions that it needs there.

        Raises:
            DiscordError: 10003 unknown, 50001 not visible, 50013 a permission is missing.
        """
        channel = self.world.channel(call.id("channel_id"))
        may = self.world.permissions(channel, self.world.application.bot)
        if channel.parent is not None and needed & Permission.SEND_MESSAGES:
            needed ^= Permission.SEND_MESSAGES | Permission.SEND_MESSAGES_IN_THREADS
        if Permission.VIEW_CHANNEL not in may:
            raise errors.missing_access()
        if needed & ~may:
            raise errors.missing_permissions()
        return channel

    def message(self, call: Call, channel: Channel) -> Message:
        """The message in the path. Ephemeral messages cannot be reached this way."""
        message = channel.messages.get(call.id("message_id"))
        if message is None or message.only_for is not None:
            raise errors.unknown_message()
        return message

    def check_recipient(self, channel: Channel) -> None:
        """Check whether a user accepts direct messages from the bot.

        Raises:
            DiscordError: 50278 without a common guild, 50007 if the user does not accept them.
        """
        user, bot = channel.recipient, self.world.application.bot
        if user is None:
            return
        guilds = self.world.guilds.values()
        if not any({user.id, bot.id} <= guild.members.keys() for guild in guilds):
            raise errors.no_common_guild()
        if user.id in self.world.closed:
            raise errors.cannot_message_user()

    def own_application(self, call: Call) -> None:
        if call.id("application_id") != self.world.application.id:
            raise errors.missing_access()

    def scope(self, call: Call) -> int | None:
        """The guild of the commands; None for the global ones."""
        self.own_application(call)
        if "guild_id" not in call.params:
            return None
        guild_id = call.id("guild_id")
        if guild_id not in self.world.guilds:
            raise errors.missing_access()
        return guild_id


def check_not_emptied(message: Message, draft: Draft) -> None:
    """Refuse an edit that would leave an empty message."""
    kept = draft.kept_files
    files = [file for file in message.files if kept is None or file.id in kept]
    left = (
        message.content if draft.content is None else draft.content,
        message.embeds if draft.embeds is None else draft.embeds,
        message.components if draft.components is None else draft.components,
        files,
        draft.uploads,
    )
    if not any(left):
        raise errors.empty_message()
