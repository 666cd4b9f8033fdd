"""The state of the local Discord, and the events by which it changes.

Everything that happens goes through a `World`: the REST routes and the scripted members change
it, the gateway and whoever watches a channel listen to its events. It knows no transport.
"""

import copy
import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from sandbox.discord import errors
from sandbox.discord.cdn import Attachment, Cdn
from sandbox.discord.clock import Clock, Snowflakes, moment_of, timestamp
from sandbox.discord.permissions import EVERYONE, EVERYTHING, Permission, resolve

Payload = dict[str, Any]

LOCALE = "en-US"
_LANGUAGES = (
    "bg cs da de el en-GB en-US es-419 es-ES fi fr hi hr hu id it ja ko lt nl no pl pt-BR ro ru"
    " sv-SE th tr uk vi zh-CN zh-TW"
)
LOCALES = frozenset(_LANGUAGES.split())
"""The languages that Discord speaks."""

FILE_LIMIT = 10 * 1024 * 1024
"""Bytes of one file in a guild without boosts."""

SUPPRESS_EMBEDS = 1 << 2
EPHEMERAL = 1 << 6
LOADING = 1 << 7
SUPPRESS_NOTIFICATIONS = 1 << 12
COMPONENTS_V2 = 1 << 15

DEFAULT_MESSAGE, REPLY, CHAT_INPUT_COMMAND, CONTEXT_MENU_COMMAND = 0, 19, 20, 23

TEXT_CHANNEL, DIRECT_CHANNEL, PUBLIC_THREAD = 0, 1, 11

ARCHIVED_AFTER = 1440
"""Minutes of silence that a thread shows as its limit; here only an order archives it."""

NONCE_WINDOW = 5 * 60
"""Seconds for which an enforced nonce is remembered (Discord: "the past few minutes")."""

_MENTION = re.compile(r"<@(?P<role>&)?!?(?P<id>\d+)>")


@dataclass(frozen=True, slots=True)
class User:
    """A person or a bot."""

    id: int
    name: str
    bot: bool = False

    def payload(self) -> Payload:
        return {
            "id": str(self.id),
            "username": self.name.lower().replace(" ", "_"),
            "global_name": None if self.bot else self.name,
            "discriminator": "0000" if self.bot else "0",
            "avatar": None,
            "avatar_decoration_data": None,
            "collectibles": None,
            "banner": None,
            "accent_color": None,
            "public_flags": 0,
            "flags": 0,
            "bot": self.bot,
            "primary_guild": None,
        }


@dataclass(slots=True)
class Role:
    """A role of a guild; the one with the guild's own id is @everyone."""

    id: int
    name: str
    permissions: Permission
    position: int
    managed: bool = False

    def payload(self) -> Payload:
        return {
            "id": str(self.id),
            "name": self.name,
            "permissions": str(int(self.permissions)),
            "position": self.position,
            "color": 0,
            "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
            "hoist": False,
            "managed": self.managed,
            "mentionable": False,
            "icon": None,
            "unicode_emoji": None,
            "flags": 0,
        }


@dataclass(slots=True)
class Member:
    """A user in a guild."""

    user: User
    roles: list[int]
    joined: float

    def payload(self) -> Payload:
        return {**self.partial(), "user": self.user.payload()}

    def partial(self) -> Payload:
        """The member without the user, as messages carry it."""
        return {
            "avatar": None,
            "banner": None,
            "communication_disabled_until": None,
            "flags": 0,
            "joined_at": timestamp(self.joined),
            "nick": None,
            "pending": False,
            "premium_since": None,
            "roles": [str(role) for role in self.roles],
            "mute": False,
            "deaf": False,
        }


@dataclass(frozen=True, slots=True)
class Origin:
    """The interaction that a message answers."""

    interaction_id: int
    kind: int
    user: User
    command: str | None = None
    message_id: int | None = None
    target_message_id: int | None = None
    """What a menu was used on."""
    target_user: User | None = None
    trigger: "Origin | None" = None
    """What opened the form that was sent."""


@dataclass(slots=True)
class Message:
    """A message, as it stands now."""

    id: int
    channel_id: int
    author: User
    kind: int = DEFAULT_MESSAGE
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
    origin: Origin | None = None
    only_for: int | None = None
    """The one member who sees an ephemeral message."""

    @property
    def created(self) -> float:
        """When it was posted, in Unix seconds."""
        return moment_of(self.id)


@dataclass(slots=True)
class Channel:
    """A text channel of a guild, a public thread below one, or a conversation with the bot."""

    id: int
    name: str
    guild_id: int | None
    topic: str | None = None
    nsfw: bool = False
    position: int = 0
    overwrites: dict[int, tuple[int, int]] = field(default_factory=dict)
    """For a role's or member's id: the bits allowed and the bits denied."""
    messages: dict[int, Message] = field(default_factory=dict)
    recipient: User | None = None
    parent: "Channel | None" = None
    """The channel that a thread belongs to."""
    owner_id: int | None = None
    """Who began the thread."""
    archived: float | None = None
    """Since when the thread is archived."""

    @property
    def kind(self) -> int:
        if self.guild_id is None:
            return DIRECT_CHANNEL
        return TEXT_CHANNEL if self.parent is None else PUBLIC_THREAD

    @property
    def root(self) -> "Channel":
        """The channel whose permissions and age restriction hold here."""
        return self.parent or self

    @property
    def created(self) -> float:
        return moment_of(self.id)


@dataclass(slots=True)
class Guild:
    """A server with its roles, members and channels (threads are not among them)."""

    id: int
    name: str
    owner_id: int
    locale: str = LOCALE
    roles: dict[int, Role] = field(default_factory=dict)
    members: dict[int, Member] = field(default_factory=dict)
    channels: dict[int, Channel] = field(default_factory=dict)


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
    """A file that came with a request as `files[index]`."""

    index: int
    filename: str
    content: bytes
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """What a request says about a message; None where it says nothing."""

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


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, in the shape in which the gateway dispatches it."""

    name: str
    data: Payload
    channel_id: int | None = None
    audience: frozenset[int] | None = None
    """The users who may know of it; None for everyone who sees the channel."""


class World:
    """All guilds, channels, members and messages of one sandbox."""

    def __init__(self, clock: Clock, cdn: Cdn, *, bot_name: str = "Imagine") -> None:
        self.clock = clock
        self.cdn = cdn
        self.ids = Snowflakes(clock)
        self.users: dict[int, User] = {}
        self.guilds: dict[int, Guild] = {}
        self.channels: dict[int, Channel] = {}
        self.locales: dict[int, str] = {}
        """The languages of users, where it is not English."""
        self.closed: set[int] = set()
        """The users who take no direct messages."""
        self.application = self._new_application(bot_name)
        self._listeners: list[Callable[[Event], None]] = []
        self._nonces: dict[tuple[int, int, str | int], int] = {}

    # Events

    def listen(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        """Call `listener` with each event from now on; returns how to stop that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def emit(self, event: Event) -> None:
        """Tell every listener."""
        for listener in tuple(self._listeners):
            listener(event)

    # People and places

    def add_user(self, name: str, *, bot: bool = False) -> User:
        user = User(self.ids.new(), name, bot)
        self.users[user.id] = user
        return user

    def add_guild(self, name: str, owner: User) -> Guild:
        """A guild in which everyone may speak and the bot has a role of its own."""
        guild = Guild(self.ids.new(), name, owner.id)
        self.guilds[guild.id] = guild
        guild.roles[guild.id] = Role(guild.id, "@everyone", EVERYONE, 0)
        role = Role(self.ids.new(), self.application.name, EVERYONE, 1, managed=True)
        guild.roles[role.id] = role
        self.join(guild, owner)
        self.join(guild, self.application.bot, roles=[role.id])
        return guild

    def add_channel(self, guild: Guild, name: str, *, nsfw: bool = False) -> Channel:
        channel = Channel(self.ids.new(), name, guild.id, nsfw=nsfw, position=len(guild.channels))
        guild.channels[channel.id] = self.channels[channel.id] = channel
        self._emit_channel("CHANNEL_CREATE", channel)
        return channel

    def add_thread(self, parent: Channel, name: str, owner: User) -> Channel:
        """A public thread; what holds in its channel holds in it."""
        thread = Channel(
            self.ids.new(), name, parent.guild_id, parent=parent.root, owner_id=owner.id
        )
        self.channels[thread.id] = thread
        self._emit_channel("THREAD_CREATE", thread)
        return thread

    def archive(self, thread: Channel) -> None:
        """From now on nothing in it can be edited, until somebody writes in it."""
        thread.archived = self.clock.now()
        self._emit_channel("THREAD_UPDATE", thread)

    def threads(self, guild: Guild) -> list[Channel]:
        """The threads of a guild that are not archived."""
        everything = self.channels.values()
        here = [channel for channel in everything if channel.guild_id == guild.id]
        return [each for each in here if each.parent is not None and each.archived is None]

    def add_role(self, guild: Guild, name: str, permissions: int = 0) -> Role:
        role = Role(self.ids.new(), name, Permission(permissions), len(guild.roles))
        guild.roles[role.id] = role
        self.emit(Event("GUILD_ROLE_CREATE", {"guild_id": str(guild.id), "role": role.payload()}))
        return role

    def join(self, guild: Guild, user: User, roles: Iterable[int] = ()) -> Member:
        member = Member(user, list(roles), self.clock.now())
        guild.members[user.id] = member
        self.emit(Event("GUILD_MEMBER_ADD", {**member.payload(), "guild_id": str(guild.id)}))
        return member

    def give_role(self, guild: Guild, user: User, role_id: int) -> Member:
        member = guild.members[user.id]
        if role_id not in member.roles:
            member.roles.append(role_id)
        return self._changed(guild, member)

    def take_role(self, guild: Guild, user: User, role_id: int) -> Member:
        member = guild.members[user.id]
        member.roles.remove(role_id)
        return self._changed(guild, member)

    def leave(self, guild: Guild, user: User) -> None:
        """A member goes; what they wrote stays."""
        del guild.members[user.id]
        data = {"guild_id": str(guild.id), "user": user.payload()}
        self.emit(Event("GUILD_MEMBER_REMOVE", data))

    def set_locale(self, guild: Guild, locale: str) -> None:
        """The language of a guild; `locales` holds those of users."""
        guild.locale = locale
        self.emit(Event("GUILD_UPDATE", self.guild_payload(guild)))

    def overwrite(
        self, channel: Channel, subject_id: int, *, allow: int = 0, deny: int = 0
    ) -> None:
        """Set a channel's permission overwrite for a role (@everyone: the guild's id) or member."""
        channel.overwrites[subject_id] = (allow, deny)
        self._emit_channel("CHANNEL_UPDATE", channel)

    def delete_channel(self, channel: Channel) -> None:
        below = [each for each in self.channels.values() if each.parent is channel]
        for gone in (channel, *below):
            del self.channels[gone.id]
        if channel.parent is not None:
            return self._emit_channel("THREAD_DELETE", channel)
        if channel.guild_id is not None:
            del self.guilds[channel.guild_id].channels[channel.id]
        self._emit_channel("CHANNEL_DELETE", channel)

    def delete_guild(self, guild: Guild) -> None:
        """Its owner deletes it, with all its channels; the bot hears of the guild alone."""
        del self.guilds[guild.id]
        inside = [each.id for each in self.channels.values() if each.guild_id == guild.id]
        for channel_id in inside:
            del self.channels[channel_id]
        self.emit(Event("GUILD_DELETE", {"id": str(guild.id)}))

    def remove_bot(self, guild: Guild) -> None:
        """The bot is kicked: it hears of it, and the guild is gone for it."""
        del guild.members[self.application.bot.id]
        self.emit(Event("GUILD_DELETE", {"id": str(guild.id)}))

    def direct_channel(self, user: User) -> Channel:
        """The conversation between the bot and a user, opened when it is first needed."""
        for channel in self.channels.values():
            if channel.recipient == user:
                return channel
        channel = Channel(self.ids.new(), user.name, None, recipient=user)
        self.channels[channel.id] = channel
        return channel

    def permissions(self, channel: Channel, user: User) -> Permission:
        """What a user may do in a channel."""
        channel = channel.root
        if channel.guild_id is None:
            talking = user in (channel.recipient, self.application.bot)
            return EVERYONE if talking else Permission(0)
        guild = self.guilds[channel.guild_id]
        member = guild.members.get(user.id)
        if member is None:
            return Permission(0)
        if guild.owner_id == user.id:
            return EVERYTHING
        base = guild.roles[guild.id].permissions
        role_allow = role_deny = 0
        for role in member.roles:
            base |= guild.roles[role].permissions
            allow, deny = channel.overwrites.get(role, (0, 0))
            role_allow, role_deny = role_allow | allow, role_deny | deny
        nothing = (0, 0)
        return resolve(
            base,
            [
                channel.overwrites.get(guild.id, nothing),
                (role_allow, role_deny),
                channel.overwrites.get(user.id, nothing),
            ],
        )

    # Messages

    def post(
        self,
        channel: Channel,
        author: User,
        draft: Draft,
        *,
        kind: int = DEFAULT_MESSAGE,
        flags: int = 0,
        origin: Origin | None = None,
        only_for: int | None = None,
    ) -> Message:
        """Put a message into a channel, or find the one with the same enforced nonce."""
        earlier = self._with_nonce(channel, author, draft)
        if earlier is not None:
            return earlier
        if draft.reference is not None:
            kind = REPLY
        if channel.archived is not None:
            channel.archived = None
            self._emit_channel("THREAD_UPDATE", channel)
        message = Message(
            self.ids.new(),
            channel.id,
            author,
            kind,
            flags=flags,
            nonce=draft.nonce,
            reference=draft.reference,
            origin=origin,
            only_for=only_for,
        )
        self._apply(channel, message, draft)
        channel.messages[message.id] = message
        if draft.nonce is not None:
            self._nonces[channel.id, author.id, draft.nonce] = message.id
        self._emit_message("MESSAGE_CREATE", channel, message)
        return message

    def edit(self, channel: Channel, message: Message, draft: Draft) -> Message:
        """Change a message; a deferred answer becomes a real one by it.

        Raises:
            DiscordError: 50083 in an archived thread.
        """
        if channel.archived is not None:
            raise errors.archived_thread()
        was_loading = bool(message.flags & LOADING)
        self._apply(channel, message, draft)
        message.flags &= ~LOADING
        if not was_loading:
            message.edited = self.clock.now()
            message.edits += 1
        self._emit_message("MESSAGE_UPDATE", channel, message)
        return message

    def delete(self, channel: Channel, message: Message) -> None:
        """Raises DiscordError 50083 in an archived thread."""
        if channel.archived is not None:
            raise errors.archived_thread()
        del channel.messages[message.id]
        data = {"id": str(message.id), "channel_id": str(channel.id)}
        if channel.guild_id is not None:
            data["guild_id"] = str(channel.guild_id)
        self.emit(Event("MESSAGE_DELETE", data, channel.id, self._audience(message)))

    def _apply(self, channel: Channel, message: Message, draft: Draft) -> None:
        if draft.content is not None:
            message.content = draft.content
            self._mention(channel, message, draft.allowed_mentions)
        if draft.kept_files is not None:
            message.files = [file for file in message.files if file.id in draft.kept_files]
        for upload in draft.uploads:
            message.files.append(
                self.cdn.keep(
                    self.ids.new(),
                    channel.id,
                    upload.filename,
                    upload.content,
                    description=upload.description,
                    ephemeral=message.only_for is not None,
                )
            )
        if draft.embeds is not None:
            message.embeds = copy.deepcopy(draft.embeds)
        if draft.components is not None:
            message.components = copy.deepcopy(draft.components)
            number_components(message.components)
        if draft.flags is not None:
            changeable = SUPPRESS_EMBEDS | SUPPRESS_NOTIFICATIONS
            message.flags = (message.flags & ~changeable) | (draft.flags & changeable)
            message.flags |= draft.flags & COMPONENTS_V2  # once set, it stays

    def _mention(self, channel: Channel, message: Message, allowed: Payload | None) -> None:
        """Find who is mentioned: all that the text names, unless `allowed` says otherwise."""
        allowed = {"parse": ["users", "roles", "everyone"]} if allowed is None else allowed
        parse = allowed.get("parse") or []
        may_everyone = Permission.MENTION_EVERYONE in self.permissions(channel, message.author)
        message.mention_everyone = (
            "everyone" in parse
            and may_everyone
            and ("@everyone" in message.content or "@here" in message.content)
        )
        users, roles = dict[int, User](), dict[int, None]()
        for match in _MENTION.finditer(message.content):
            subject = int(match["id"])
            group = "roles" if match["role"] else "users"
            if group not in parse and str(subject) not in (allowed.get(group) or []):
                continue
            if match["role"]:
                roles[subject] = None
            elif subject in self.users:
                users[subject] = self.users[subject]
        message.mentions, message.mention_roles = list(users.values()), list(roles)

    def _with_nonce(self, channel: Channel, author: User, draft: Draft) -> Message | None:
        if draft.nonce is None or not draft.enforce_nonce:
            return None
        message_id = self._nonces.get((channel.id, author.id, draft.nonce))
        if message_id is None or self.clock.now() - moment_of(message_id) > NONCE_WINDOW:
            return None
        return channel.messages.get(message_id)

    # How things look to a client

    def message_payload(self, message: Message) -> Payload:
        """A message in Discord's own shape."""
        embeds = [self._embed_payload(embed, message) for embed in message.embeds]
        shown_in_embeds = {
            attachment.id
            for embed in message.embeds
            for attachment in self._pictures(embed, message).values()
        }
        payload: Payload = {
            "id": str(message.id),
            "type": message.kind,
            "channel_id": str(message.channel_id),
            "author": message.author.payload(),
            "content": message.content,
            "timestamp": timestamp(message.created),
            "edited_timestamp": None if message.edited is None else timestamp(message.edited),
            "flags": message.flags | (EPHEMERAL if message.only_for is not None else 0),
            "mentions": [user.payload() for user in message.mentions],
            "mention_roles": [str(role) for role in message.mention_roles],
            "mention_everyone": message.mention_everyone,
            "attachments": [
                self.attachment_payload(file)
                for file in message.files
                if file.id not in shown_in_embeds
            ],
            "embeds": embeds,
            "components": [self._component_payload(part, message) for part in message.components],
            "pinned": False,
            "tts": False,
        }
        if message.nonce is not None:
            payload["nonce"] = message.nonce
        if message.reference is not None:
            payload["message_reference"] = {
                "type": 0,
                "channel_id": str(message.channel_id),
                "message_id": str(message.reference),
            }
        if message.origin is not None:
            payload |= self._origin_payload(message.origin, message)
        return payload

    def attachment_payload(self, attachment: Attachment) -> Payload:
        url = self.cdn.url(attachment)
        payload: Payload = {
            "id": str(attachment.id),
            "filename": attachment.filename,
            "size": attachment.size,
            "url": url,
            "proxy_url": url,
            "content_type": attachment.content_type,
        }
        optional = {
            "width": attachment.width,
            "height": attachment.height,
            "description": attachment.description,
            "ephemeral": attachment.ephemeral or None,
        }
        return payload | {key: value for key, value in optional.items() if value is not None}

    def channel_payload(self, channel: Channel) -> Payload:
        last = str(max(channel.messages)) if channel.messages else None
        if channel.recipient is not None:
            return {
                "id": str(channel.id),
                "type": DIRECT_CHANNEL,
                "flags": 0,
                "last_message_id": last,
                "recipients": [channel.recipient.payload()],
            }
        if channel.parent is not None:
            return self._thread_payload(channel, channel.parent, last)
        guild = self.guilds[channel.guild_id or 0]
        return {
            "id": str(channel.id),
            "type": TEXT_CHANNEL,
            "guild_id": str(guild.id),
            "name": channel.name,
            "topic": channel.topic,
            "nsfw": channel.nsfw,
            "position": channel.position,
            "parent_id": None,
            "flags": 0,
            "last_message_id": last,
            "rate_limit_per_user": 0,
            "permission_overwrites": [
                {
                    "id": str(subject),
                    "type": 0 if subject in guild.roles else 1,
                    "allow": str(int(allow)),
                    "deny": str(int(deny)),
                }
                for subject, (allow, deny) in channel.overwrites.items()
            ],
        }

    def _thread_payload(self, thread: Channel, parent: Channel, last: str | None) -> Payload:
        return {
            "id": str(thread.id),
            "type": PUBLIC_THREAD,
            "guild_id": str(thread.guild_id),
            "parent_id": str(parent.id),
            "owner_id": str(thread.owner_id),
            "name": thread.name,
            "flags": 0,
            "last_message_id": last,
            "rate_limit_per_user": 0,
            "message_count": len(thread.messages),
            "total_message_sent": len(thread.messages),
            "member_count": 1,
            "thread_metadata": {
                "archived": thread.archived is not None,
                "archive_timestamp": timestamp(thread.archived or thread.created),
                "auto_archive_duration": ARCHIVED_AFTER,
                "locked": False,
                "create_timestamp": timestamp(thread.created),
            },
        }

    def guild_payload(self, guild: Guild) -> Payload:
        """A guild as REST shows it."""
        return {
            "id": str(guild.id),
            "name": guild.name,
            "icon": None,
            "description": None,
            "home_header": None,
            "splash": None,
            "discovery_splash": None,
            "features": [],
            "banner": None,
            "owner_id": str(guild.owner_id),
            "application_id": None,
            "region": "deprecated",
            "afk_channel_id": None,
            "afk_timeout": 300,
            "system_channel_id": None,
            "system_channel_flags": 0,
            "widget_enabled": False,
            "widget_channel_id": None,
            "verification_level": 0,
            "roles": [role.payload() for role in guild.roles.values()],
            "default_message_notifications": 0,
            "mfa_level": 0,
            "explicit_content_filter": 0,
            "max_presences": None,
            "max_members": 500_000,
            "max_stage_video_channel_users": 50,
            "max_video_channel_users": 25,
            "vanity_url_code": None,
            "premium_tier": 0,
            "premium_subscription_count": 0,
            "preferred_locale": guild.locale,
            "rules_channel_id": None,
            "safety_alerts_channel_id": None,
            "public_updates_channel_id": None,
            "premium_progress_bar_enabled": False,
            "premium_progress_bar_enabled_user_updated_at": None,
            "nsfw": False,
            "nsfw_level": 0,
            "emojis": [],
            "stickers": [],
            "incidents_data": None,
        }

    def gateway_guild_payload(self, guild: Guild) -> Payload:
        """A guild as GUILD_CREATE brings it to a bot without the members intent."""
        own = guild.members[self.application.bot.id]
        return {
            **self.guild_payload(guild),
            "joined_at": timestamp(own.joined),
            "large": False,
            "unavailable": False,
            "member_count": len(guild.members),
            "members": [own.payload()],
            "channels": [self.channel_payload(channel) for channel in guild.channels.values()],
            "threads": [self.channel_payload(thread) for thread in self.threads(guild)],
            "presences": [],
            "voice_states": [],
            "stage_instances": [],
            "guild_scheduled_events": [],
            "soundboard_sounds": [],
        }

    def interaction_member(self, user: User, channel: Channel) -> Payload:
        """A member of the guild, with what they may do in a channel, as interactions carry it."""
        member = self.guilds[channel.guild_id or 0].members[user.id]
        return {**member.payload(), "permissions": str(int(self.permissions(channel, user)))}

    def visible_messages(self, channel: Channel, user: User) -> list[Message]:
        """What a user sees in a channel, oldest first."""
        if Permission.VIEW_CHANNEL not in self.permissions(channel, user):
            return []
        return [
            message
            for _, message in sorted(channel.messages.items())
            if message.only_for in (None, user.id)
        ]

    # Lookups that answer with Discord's errors

    def channel(self, channel_id: int) -> Channel:
        """Raises DiscordError 10003 where there is none."""
        channel = self.channels.get(channel_id)
        if channel is None:
            raise errors.unknown_channel()
        return channel

    def guild(self, guild_id: int) -> Guild:
        """Raises DiscordError 10004 where there is none, or the bot is not in it."""
        guild = self.guilds.get(guild_id)
        if guild is None or self.application.bot.id not in guild.members:
            raise errors.unknown_guild()
        return guild

    def _new_application(self, name: str) -> Application:
        owner = self.add_user("Host")
        bot = self.add_user(name, bot=True)
        return Application(bot.id, name, bot, owner, _new_token())

    def renew_token(self) -> None:
        """The application gets another token in place of its own."""
        self.application.token = _new_token()

    def _audience(self, message: Message) -> frozenset[int] | None:
        if message.only_for is None:
            return None
        return frozenset({message.only_for, message.author.id})

    def _changed(self, guild: Guild, member: Member) -> Member:
        data = {**member.payload(), "guild_id": str(guild.id)}
        self.emit(Event("GUILD_MEMBER_UPDATE", data))
        return member

    def _emit_channel(self, name: str, channel: Channel) -> None:
        self.emit(Event(name, self.channel_payload(channel), channel.id))

    def _emit_message(self, name: str, channel: Channel, message: Message) -> None:
        data = self.message_payload(message)
        if channel.guild_id is not None:
            data["guild_id"] = str(channel.guild_id)
            member = self.guilds[channel.guild_id].members.get(message.author.id)
            if member is not None:
                data["member"] = member.partial()
        self.emit(Event(name, data, channel.id, self._audience(message)))

    def _origin_payload(self, origin: Origin, message: Message) -> Payload:
        payload: Payload = {
            "application_id": str(self.application.id),
            "webhook_id": str(self.application.id),
            "interaction_metadata": self._metadata(origin, message),
        }
        if origin.command is not None:
            payload["interaction"] = {
                "id": str(origin.interaction_id),
                "type": origin.kind,
                "name": origin.command,
                "user": origin.user.payload(),
            }
        return payload

    def _metadata(self, origin: Origin, message: Message) -> Payload:
        metadata: Payload = {
            "id": str(origin.interaction_id),
            "type": origin.kind,
            "user": origin.user.payload(),
            "authorizing_integration_owners": {},
        }
        channel = self.channels.get(message.channel_id)
        if channel is not None and channel.guild_id is not None:
            metadata["authorizing_integration_owners"]["0"] = str(channel.guild_id)
        if origin.message_id is not None:
            metadata["interacted_message_id"] = str(origin.message_id)
        if origin.target_message_id is not None:
            metadata["target_message_id"] = str(origin.target_message_id)
        if origin.target_user is not None:
            metadata["target_user"] = origin.target_user.payload()
        if origin.command is not None:
            metadata["name"] = origin.command
        if origin.trigger is not None:
            trigger = self._metadata(origin.trigger, message)
            metadata["triggering_interaction_metadata"] = trigger
        return metadata

    def _source(self, url: object, message: Message) -> Attachment | None:
        """The file of this message that a link in its body means."""
        if not isinstance(url, str):
            return None
        if url.startswith("attachment://"):
            name = url.removeprefix("attachment://")
            return next((file for file in message.files if file.filename == name), None)
        named = self.cdn.named_by(url)
        return named if named in message.files else None

    def _pictures(self, embed: Payload, message: Message) -> dict[str, Attachment]:
        """Which of an embed's pictures are files of the message itself."""
        links = {
            "image": (embed.get("image") or {}).get("url"),
            "thumbnail": (embed.get("thumbnail") or {}).get("url"),
            "author": (embed.get("author") or {}).get("icon_url"),
            "footer": (embed.get("footer") or {}).get("icon_url"),
        }
        found = {place: self._source(url, message) for place, url in links.items()}
        return {place: file for place, file in found.items() if file is not None}

    def _embed_payload(self, embed: Payload, message: Message) -> Payload:
        pictures = self._pictures(embed, message)
        shown = _without_nothing({**embed, "type": "rich"})
        for place in ("image", "thumbnail"):
            if place in shown:
                shown[place] = self._media(shown[place].get("url"), pictures.get(place))
                if not shown[place]:
                    del shown[place]  # the file is not there: Discord shows no picture
        for place in ("author", "footer"):
            icon = shown.get(place, {}).pop("icon_url", None)
            media = self._media(icon, pictures.get(place))
            if media:
                shown[place] |= {"icon_url": media["url"], "proxy_icon_url": media["proxy_url"]}
        for entry in shown.get("fields", ()):
            entry.setdefault("inline", False)
        return shown

    def _media(self, url: object, file: Attachment | None) -> Payload:
        if file is not None:
            known = self.attachment_payload(file)
            keys = ("url", "proxy_url", "width", "height", "content_type", "description")
            return {key: known[key] for key in keys if key in known}
        if isinstance(url, str) and not url.startswith("attachment://"):
            return {"url": url, "proxy_url": url}
        return {}

    def _component_payload(self, component: Payload, message: Message) -> Payload:
        """A component as it is given back: files resolved, nothing empty left in it."""
        shown = _without_nothing(component)
        for key, value in component.items():
            if key in ("components", "items") and isinstance(value, list):
                shown[key] = [self._component_payload(part, message) for part in value]
            elif key == "accessory" and isinstance(value, dict):
                shown[key] = self._component_payload(value, message)
            elif key in ("media", "file") and isinstance(value, dict):
                shown[key] = self._media(value.get("url"), self._source(value.get("url"), message))
        return shown


def _new_token() -> str:
    return ".".join(secrets.token_urlsafe(size) for size in (18, 5, 28))


def _without_nothing(value: Payload) -> Payload:
    """A copy without the keys whose value is null, all the way down."""
    copied: Payload = {}
    for key, item in value.items():
        if isinstance(item, dict):
            copied[key] = _without_nothing(item)
        elif isinstance(item, list):
            copied[key] = [_without_nothing(x) if isinstance(x, dict) else x for x in item]
        elif item is not None:
            copied[key] = item
    return copied


def number_components(components: list[Payload]) -> None:
    """Give each component without an id the next free one, in order of appearance."""
    everything: list[Payload] = []

    def collect(component: Payload) -> None:
        everything.append(component)
        for part in component.get("components") or ():
            collect(part)
        for place in ("accessory", "component"):
            if isinstance(component.get(place), dict):
                collect(component[place])

    for component in components:
        collect(component)
    taken = {component["id"] for component in everything if component.get("id")}
    number = 0
    for component in everything:
        if not component.get("id"):
            number += 1
            while number in taken:
                number += 1
            taken.add(number)
            component["id"] = number
