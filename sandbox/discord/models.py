"""What Discord stores: guilds, channels, members and messages, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.discord.cdn import Attachment
from sandbox.discord.clock import moment_of
from sandbox.discord.constants import DEFAULT_LOCALE, ChannelType, ContextType, MessageType
from sandbox.discord.permissions import EVERYTHING, Permission, resolve

Payload = dict[str, Any]
"""A JSON object in the shape of Discord's API."""


@dataclass(frozen=True, slots=True)
class User:
    """A person or a bot."""

    id: int
    name: str
    bot: bool = False


@dataclass(slots=True)
class Role:
    """A role of a guild. The role with the guild's own id is @everyone."""

    id: int
    name: str
    permissions: Permission
    position: int
    managed: bool = False


@dataclass(slots=True)
class GuildMember:
    """A user in a guild."""

    user: User
    roles: list[int]
    joined: float


@dataclass(frozen=True, slots=True)
class Origin:
    """The interaction that a message responds to."""

    interaction_id: int
    kind: int
    user: User
    command: str | None = None
    message_id: int | None = None
    target_message_id: int | None = None
    """The message that a context menu was used on."""
    target_user: User | None = None
    trigger: "Origin | None" = None
    """For a submitted modal: the interaction that opened it."""
    installations: Mapping[str, str] = field(default_factory=dict)
    """How the application is installed for its user there (see `World.installations`)."""


@dataclass(slots=True)
class Poll:
    """A poll, with the votes so far."""

    question: str
    answers: dict[int, Payload]
    """What each answer shows (`poll_media`), by its id."""
    multiple: bool
    """Whether a user may choose several answers."""
    expiry: float
    """When it ends, in Unix seconds."""
    votes: dict[int, list[User]]
    """Who has chosen each answer, in the order of their votes."""
    ended: bool = False


@dataclass(slots=True)
class Message:
    """A message in its current state."""

    id: int
    channel_id: int
    author: User
    kind: int = MessageType.DEFAULT
    content: str = ""
    embeds: list[Payload] = field(default_factory=list)
    components: list[Payload] = field(default_factory=list)
    files: list[Attachment] = field(default_factory=list)
    flags: int = 0
    edited: float | None = None
    edits: int = 0
    nonce: str | int | None = None
    mentions: list[User] = field(default_factory=list)
    mention_roles: list[int] = field(default_factory=list)
    mention_everyone: bool = False
    reference: int | None = None
    forward: "Forward | None" = None
    reactions: dict[str, list[User]] = field(default_factory=dict)
    """Who has reacted with each emoji, in the order of their reactions."""
    poll: Poll | None = None
    origin: Origin | None = None
    only_for: int | None = None
    """The only user who can see the message, if it is ephemeral."""

    @property
    def created(self) -> float:
        """When it was posted, in Unix seconds."""
        return moment_of(self.id)


@dataclass(frozen=True, slots=True)
class Forward:
    """A forwarded message, as it was when it was forwarded."""

    channel_id: int
    guild_id: int | None
    message_id: int
    snapshot: Payload


@dataclass(slots=True)
class Channel:
    """A text channel of a guild, a public thread, direct messages with the bot, or a group chat."""

    id: int
    name: str
    guild_id: int | None
    topic: str | None = None
    nsfw: bool = False
    position: int = 0
    overwrites: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Allowed and denied permission bits, by role or user id."""
    messages: dict[int, Message] = field(default_factory=dict)
    recipient: User | None = None
    """The user of a direct-message channel with the bot."""
    group: tuple[User, ...] = ()
    """The users of a group chat, which the bot cannot be in."""
    parent: "Channel | None" = None
    """The channel that a thread belongs to."""
    owner_id: int | None = None
    """The user who started the thread."""
    archived: float | None = None
    """When the thread was archived."""

    @property
    def kind(self) -> ChannelType:
        if self.guild_id is None:
            return ChannelType.GROUP_DM if self.group else ChannelType.DM
        return ChannelType.TEXT if self.parent is None else ChannelType.PUBLIC_THREAD

    @property
    def context(self) -> ContextType:
        if self.guild_id is not None:
            return ContextType.GUILD
        return ContextType.PRIVATE_CHANNEL if self.group else ContextType.BOT_DM

    @property
    def users(self) -> tuple[User, ...]:
        """The users of a direct-message channel or group chat."""
        return (self.recipient,) if self.recipient else self.group

    @property
    def root(self) -> "Channel":
        """The channel whose permissions and age restriction apply here."""
        return self.parent or self

    @property
    def created(self) -> float:
        return moment_of(self.id)


@dataclass(slots=True)
class Guild:
    """A server with its roles, members and channels. Threads are not listed here."""

    id: int
    name: str
    owner_id: int
    locale: str = DEFAULT_LOCALE
    roles: dict[int, Role] = field(default_factory=dict)
    members: dict[int, GuildMember] = field(default_factory=dict)
    channels: dict[int, Channel] = field(default_factory=dict)

    def permissions(self, channel: Channel, user: User) -> Permission:
        """What a user may do in one of the guild's channels; nothing unless they are a member."""
        member = self.members.get(user.id)
        if member is None:
            return Permission(0)
        if self.owner_id == user.id:
            return EVERYTHING
        overwrites = channel.root.overwrites
        base = self.roles[self.id].permissions
        role_allow = role_deny = 0
        for role in member.roles:
            base |= self.roles[role].permissions
            allow, deny = overwrites.get(role, (0, 0))
            role_allow, role_deny = role_allow | allow, role_deny | deny
        nothing = (0, 0)
        return resolve(
            base,
            [
                overwrites.get(self.id, nothing),
                (role_allow, role_deny),
                overwrites.get(user.id, nothing),
            ],
        )


@dataclass(slots=True)
class Application:
    """The bot's application, with the token that its processes use."""

    id: int
    name: str
    bot: User
    owner: User
    token: str
    privileged_intents: int = 0


@dataclass(frozen=True, slots=True)
class Upload:
    """A file sent with a request as `files[index]`."""

    index: int
    filename: str
    content: bytes
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """The changes that a request makes to a message. None leaves a part unchanged."""

    content: str | None = None
    embeds: list[Payload] | None = None
    components: list[Payload] | None = None
    kept_files: list[int] | None = None
    uploads: tuple[Upload, ...] = ()
    flags: int | None = None
    allowed_mentions: Payload | None = None
    nonce: str | int | None = None
    enforce_nonce: bool = False
    reference: int | None = None
    reference_must_exist: bool = True
    poll: Payload | None = None
    forward: Forward | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """A change, as the gateway dispatches it."""

    name: str
    data: Payload
    channel_id: int | None = None
    audience: frozenset[int] | None = None
    """The users who may see it; None for everyone who sees the channel."""
