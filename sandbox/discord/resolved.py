"""The `resolved` data of an interaction: the objects whose ids a member chose."""

from collections.abc import Iterable

from sandbox.discord.client_errors import InteractionError, OptionError
from sandbox.discord.clock import parse_snowflake
from sandbox.discord.constants import ComponentType, OptionType
from sandbox.discord.models import Channel, Message, Payload, User
from sandbox.discord.payloads import role_payload, user_payload
from sandbox.discord.permissions import Permission
from sandbox.discord.state import World

_NOT_IN_MEMBERS = ("user", "deaf", "mute")
_NOT_IN_CHANNELS = ("permission_overwrites",)


_ID_OPTIONS = (
    OptionType.USER,
    OptionType.CHANNEL,
    OptionType.ROLE,
    OptionType.MENTIONABLE,
    OptionType.ATTACHMENT,
)
_ID_COMPONENTS = {
    ComponentType.USER_SELECT: OptionType.USER,
    ComponentType.ROLE_SELECT: OptionType.ROLE,
    ComponentType.MENTIONABLE_SELECT: OptionType.MENTIONABLE,
    ComponentType.CHANNEL_SELECT: OptionType.CHANNEL,
    ComponentType.FILE_UPLOAD: OptionType.ATTACHMENT,
}
"""The option type that corresponds to a component whose values are ids."""


class ResolvedData:
    """Collects the objects that a member chose in a channel."""

    def __init__(self, world: World, user: User, channel: Channel) -> None:
        self._world = world
        self._user = user
        self._channel = channel
        self.payload: Payload = {}

    def add(self, kind: int, text: str, channel_types: list[int] | None = None) -> None:
        """Add an object by its id. `kind` is the type of an option.

        Raises:
            LookupError: it cannot be chosen here.
        """
        number = parse_snowflake(text) or 0
        if kind == OptionType.ROLE or (kind == OptionType.MENTIONABLE and self._is_role(number)):
            self._add_role(number)
        elif kind in (OptionType.USER, OptionType.MENTIONABLE):
            self._add_user(number)
        elif kind == OptionType.CHANNEL:
            self._add_channel(number, channel_types)
        elif kind == OptionType.ATTACHMENT:
            self._add_attachment(number)

    def add_message(self, message: Message) -> None:
        """Add the message that a context menu was used on."""
        self._put("messages", message.id, self._world.payloads.message(message))

    def _put(self, group: str, number: int, payload: Payload) -> None:
        self.payload.setdefault(group, {})[str(number)] = payload

    def _add_user(self, number: int) -> None:
        user = self._world.users.get(number)
        present = user in (*self._channel.users, self._world.application.bot)
        if user is None or (self._channel.guild_id is None and not present):
            raise LookupError("There is no such member.")
        self._put("users", number, user_payload(user))
        if self._channel.guild_id is None:
            return
        if number in self._world.guilds[self._channel.guild_id].members:
            member = self._world.payloads.interaction_member(user, self._channel)
            self._put("members", number, _without(member, _NOT_IN_MEMBERS))

    def _add_channel(self, number: int, channel_types: list[int] | None) -> None:
        channel = self._world.channels.get(number)
        if (
            channel is None
            or channel.guild_id is None
            or channel.guild_id != self._channel.guild_id
        ):
            raise LookupError("There is no such channel here.")
        may = self._world.permissions(channel, self._user)
        if Permission.VIEW_CHANNEL not in may:
            raise LookupError("The member cannot see this channel.")
        if channel_types and channel.kind not in channel_types:
            raise LookupError("Channels of this kind are not offered.")
        shown = _without(self._world.payloads.channel(channel), _NOT_IN_CHANNELS)
        self._put("channels", number, shown | {"permissions": str(int(may))})

    def _is_role(self, number: int) -> bool:
        guild = self._world.guilds.get(self._channel.guild_id or 0)
        return guild is not None and number in guild.roles

    def _add_role(self, number: int) -> None:
        if not self._is_role(number):
            raise LookupError("There is no such role.")
        guild = self._world.guilds[self._channel.guild_id or 0]
        self._put("roles", number, role_payload(guild.roles[number]))

    def _add_attachment(self, number: int) -> None:
        attachment = self._world.cdn.find(number)
        if attachment is None:
            raise LookupError("The file was not uploaded.")
        self._put("attachments", number, self._world.payloads.attachment(attachment))


def _without(payload: Payload, keys: tuple[str, ...]) -> Payload:
    return {key: value for key, value in payload.items() if key not in keys}


def resolve_options(
    world: World, user: User, channel: Channel, options: list[Payload], sent: list[Payload]
) -> Payload:
    """The resolved data of the command options whose values are ids. Raises OptionError."""
    resolved = ResolvedData(world, user, channel)
    registered = {option["name"]: option for option in options}
    for option in sent:
        if option["type"] in _ID_OPTIONS:
            types = registered[option["name"]].get("channel_types")
            try:
                resolved.add(option["type"], option["value"], types)
            except LookupError as error:
                raise OptionError(option["name"], str(error)) from None
    return resolved.payload


def resolve_values(
    world: World, user: User, channel: Channel, parts: Iterable[tuple[Payload, Payload]]
) -> Payload:
    """`resolved` for component values that are ids. Raises InteractionError.

    `parts` are components, each with its submitted form.
    """
    resolved = ResolvedData(world, user, channel)
    for part, submitted in parts:
        for value in submitted.get("values", ()) if part["type"] in _ID_COMPONENTS else ():
            try:
                resolved.add(_ID_COMPONENTS[part["type"]], value, part.get("channel_types"))
            except LookupError as error:
                raise InteractionError(f"{part['custom_id']}: {error}") from None
    return {"resolved": resolved.payload} if resolved.payload else {}
