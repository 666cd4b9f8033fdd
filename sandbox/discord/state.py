"""The state of the local Discord, and the events that report its changes.

Every change goes through `World`: REST routes and scripted members call it, and the gateway and
the control API listen to its events. It knows no transport.
"""

import copy
import secrets
from collections.abc import Callable, Iterable

from sandbox.discord import errors
from sandbox.discord.cdn import Cdn
from sandbox.discord.clock import Clock, Snowflakes, moment_of
from sandbox.discord.constants import ContextType, MessageFlag, MessageType
from sandbox.discord.layouts import check_change
from sandbox.discord.mentions import apply_mentions
from sandbox.discord.models import (
    Application,
    Channel,
    Draft,
    Event,
    Guild,
    GuildMember,
    Message,
    Origin,
    Payload,
    Poll,
    Role,
    User,
)
from sandbox.discord.payloads import (
    Payloads,
    member_payload,
    partial_member_payload,
    role_payload,
    user_payload,
)
from sandbox.discord.permissions import EVERYONE, Permission
from sandbox.discord.poll_body import DEFAULT_HOURS

NONCE_WINDOW = 5 * 60
"""Seconds for which an enforced nonce is remembered (Discord: "the past few minutes")."""


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
        """The languages of users, by id; English for everyone else."""
        self.closed: set[int] = set()
        """The users who do not accept direct messages."""
        self.installed: set[int] = set()
        """The users who have added the application to their account."""
        self.application = self._new_application(bot_name)
        self.payloads = Payloads(cdn, self.application, self.guilds)
        self._listeners: list[Callable[[Event], None]] = []
        self._nonces: dict[tuple[int, int, str | int], int] = {}

    # Events

    def listen(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        """Call `listener` with each event. Returns a function that unsubscribes it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def emit(self, event: Event) -> None:
        """Notify all listeners."""
        for listener in tuple(self._listeners):
            listener(event)

    # Guilds, channels and members

    def add_user(self, name: str, *, bot: bool = False) -> User:
        user = User(self.ids.new(), name, bot)
        self.users[user.id] = user
        return user

    def add_guild(self, name: str, owner: User) -> Guild:
        """A guild where everyone may post and the bot has its own managed role."""
        guild = Guild(self.ids.new(), name, owner.id)
        self.guilds[guild.id] = guild
        guild.roles[guild.id] = Role(guild.id, "@everyone", EVERYONE, 0)
        self.join(guild, owner)
        self._add_bot(guild)
        return guild

    def invite_bot(self, guild: Guild) -> None:
        """Add the bot again. It receives GUILD_CREATE."""
        self._add_bot(guild)
        data = self.payloads.gateway_guild(guild, self.threads(guild))
        del data["unavailable"]  # as on Discord when a bot joins
        self.emit(Event("GUILD_CREATE", data))

    def _add_bot(self, guild: Guild) -> None:
        role = Role(self.ids.new(), self.application.name, EVERYONE, 1, managed=True)
        guild.roles[role.id] = role
        self.join(guild, self.application.bot, roles=[role.id])

    def add_channel(self, guild: Guild, name: str, *, nsfw: bool = False) -> Channel:
        channel = Channel(self.ids.new(), name, guild.id, nsfw=nsfw, position=len(guild.channels))
        guild.channels[channel.id] = self.channels[channel.id] = channel
        self._emit_channel("CHANNEL_CREATE", channel)
        return channel

    def add_thread(self, parent: Channel, name: str, owner: User) -> Channel:
        """A public thread. The permissions of its parent channel apply to it."""
        thread = Channel(
            self.ids.new(), name, parent.guild_id, parent=parent.root, owner_id=owner.id
        )
        self.channels[thread.id] = thread
        self._emit_channel("THREAD_CREATE", thread)
        return thread

    def archive(self, thread: Channel) -> None:
        """Archive a thread: nothing in it can be edited until someone posts in it."""
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
        data = {"guild_id": str(guild.id), "role": role_payload(role)}
        self.emit(Event("GUILD_ROLE_CREATE", data))
        return role

    def join(self, guild: Guild, user: User, roles: Iterable[int] = ()) -> GuildMember:
        member = GuildMember(user, list(roles), self.clock.now())
        guild.members[user.id] = member
        self.emit(Event("GUILD_MEMBER_ADD", {**member_payload(member), "guild_id": str(guild.id)}))
        return member

    def give_role(self, guild: Guild, user: User, role_id: int) -> GuildMember:
        member = guild.members[user.id]
        if role_id not in member.roles:
            member.roles.append(role_id)
        return self._changed(guild, member)

    def take_role(self, guild: Guild, user: User, role_id: int) -> GuildMember:
        member = guild.members[user.id]
        member.roles.remove(role_id)
        return self._changed(guild, member)

    def leave(self, guild: Guild, user: User) -> None:
        """Remove a member. Their messages stay."""
        del guild.members[user.id]
        data = {"guild_id": str(guild.id), "user": user_payload(user)}
        self.emit(Event("GUILD_MEMBER_REMOVE", data))

    def set_locale(self, guild: Guild, locale: str) -> None:
        """Set the language of a guild."""
        guild.locale = locale
        self.emit(Event("GUILD_UPDATE", self.payloads.guild(guild)))

    def overwrite(
        self, channel: Channel, subject_id: int, *, allow: int = 0, deny: int = 0
    ) -> None:
        """Set a channel's permission overwrite for a role (@everyone: the guild's id) or member."""
        channel.overwrites[subject_id] = (allow, deny)
        self._emit_channel("CHANNEL_UPDATE", channel)

    def delete_channel(self, channel: Channel) -> None:
        threads = [each for each in self.channels.values() if each.parent is channel]
        for deleted in (channel, *threads):
            del self.channels[deleted.id]
        if channel.parent is not None:
            return self._emit_channel("THREAD_DELETE", channel)
        if channel.guild_id is not None:
            del self.guilds[channel.guild_id].channels[channel.id]
        self._emit_channel("CHANNEL_DELETE", channel)

    def delete_guild(self, guild: Guild) -> None:
        """Delete a guild with its channels. The bot receives an event for the guild only."""
        del self.guilds[guild.id]
        inside = [each.id for each in self.channels.values() if each.guild_id == guild.id]
        for channel_id in inside:
            del self.channels[channel_id]
        self.emit(Event("GUILD_DELETE", {"id": str(guild.id)}))

    def remove_bot(self, guild: Guild) -> None:
        """Kick the bot. It receives GUILD_DELETE."""
        del guild.members[self.application.bot.id]
        self.emit(Event("GUILD_DELETE", {"id": str(guild.id)}))

    def direct_channel(self, user: User) -> Channel:
        """The direct-message channel between the bot and a user, created on first use."""
        for channel in self.channels.values():
            if channel.recipient == user:
                return channel
        channel = Channel(self.ids.new(), user.name, None, recipient=user)
        self.channels[channel.id] = channel
        return channel

    def add_group(self, name: str, *users: User) -> Channel:
        """A group chat of users. Only those who have added the application can use it there."""
        channel = Channel(self.ids.new(), name, None, group=users)
        self.channels[channel.id] = channel
        return channel

    def installations(self, user: User, channel: Channel) -> dict[str, str]:
        """Who installed the application for a user in a channel: the guild (0), the user (1).

        This is the value of `authorizing_integration_owners`.
        """
        bot, owners = self.application.bot, dict[str, str]()
        if channel.context == ContextType.BOT_DM:
            if any({user.id, bot.id} <= guild.members.keys() for guild in self.guilds.values()):
                owners["0"] = "0"
        elif channel.guild_id and bot.id in self.guilds[channel.guild_id].members:
            owners["0"] = str(channel.guild_id)
        if user.id in self.installed:
            owners["1"] = str(user.id)
        return owners

    def permissions(self, channel: Channel, user: User) -> Permission:
        """What a user may do in a channel."""
        if channel.guild_id is None:
            participants = channel.group or (channel.recipient, self.application.bot)
            return EVERYONE if user in participants else Permission(0)
        return self.guilds[channel.guild_id].permissions(channel, user)

    def sees(self, user: User, channel: Channel) -> bool:
        """Whether a channel is visible to a user."""
        return Permission.VIEW_CHANNEL in self.permissions(channel, user)

    # Messages

    def post(
        self,
        channel: Channel,
        author: User,
        draft: Draft,
        *,
        kind: int = MessageType.DEFAULT,
        flags: int = 0,
        origin: Origin | None = None,
        only_for: int | None = None,
    ) -> Message:
        """Post a message, or return the one with the same enforced nonce."""
        earlier = self._with_nonce(channel, author, draft)
        if earlier is not None:
            return earlier
        check_change(None, draft)
        if draft.reference is not None and kind == MessageType.DEFAULT:
            kind = MessageType.REPLY
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
            forward=draft.forward,
            origin=origin,
            only_for=only_for,
        )
        self._apply(channel, message, draft)
        if draft.poll is not None:
            message.poll = self._poll(draft.poll)
        channel.messages[message.id] = message
        if draft.nonce is not None:
            self._nonces[channel.id, author.id, draft.nonce] = message.id
        self.emit_message("MESSAGE_CREATE", channel, message)
        return message

    def edit(self, channel: Channel, message: Message, draft: Draft) -> Message:
        """Edit a message. A deferred response becomes a regular message.

        Raises:
            DiscordError: 50083 in an archived thread, 50035 for what does not fit the message.
        """
        if channel.archived is not None:
            raise errors.archived_thread()
        check_change(message, draft)
        was_loading = bool(message.flags & MessageFlag.LOADING)
        self._apply(channel, message, draft)
        message.flags &= ~MessageFlag.LOADING
        if not was_loading:
            message.edited = self.clock.now()
            message.edits += 1
        self.emit_message("MESSAGE_UPDATE", channel, message)
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
        if draft.content is not None or draft.components is not None:
            author = self.permissions(channel, message.author)
            apply_mentions(
                message,
                self.users,
                draft.allowed_mentions,
                may_mention_everyone=Permission.MENTION_EVERYONE in author,
            )
        if draft.flags is not None:
            changeable = MessageFlag.SUPPRESS_EMBEDS | MessageFlag.SUPPRESS_NOTIFICATIONS
            message.flags = (message.flags & ~changeable) | (draft.flags & changeable)
            message.flags |= draft.flags & MessageFlag.COMPONENTS_V2  # once set, it stays

    def _poll(self, request: Payload) -> Poll:
        answers = {number: each["poll_media"] for number, each in enumerate(request["answers"], 1)}
        hours = request.get("duration") or DEFAULT_HOURS
        return Poll(
            request["question"]["text"],
            copy.deepcopy(answers),
            bool(request.get("allow_multiselect")),
            self.clock.now() + hours * 3600,
            {number: [] for number in answers},
        )

    def _with_nonce(self, channel: Channel, author: User, draft: Draft) -> Message | None:
        if draft.nonce is None or not draft.enforce_nonce:
            return None
        message_id = self._nonces.get((channel.id, author.id, draft.nonce))
        if message_id is None or self.clock.now() - moment_of(message_id) > NONCE_WINDOW:
            return None
        return channel.messages.get(message_id)

    def visible_messages(self, channel: Channel, user: User) -> list[Message]:
        """The messages that a user can see in a channel, oldest first."""
        if not self.sees(user, channel):
            return []
        return [
            message
            for _, message in sorted(channel.messages.items())
            if message.only_for in (None, user.id)
        ]

    # Lookups that raise Discord's errors

    def channel(self, channel_id: int) -> Channel:
        """Raises DiscordError 10003 for an unknown id."""
        channel = self.channels.get(channel_id)
        if channel is None:
            raise errors.unknown_channel()
        return channel

    def guild(self, guild_id: int) -> Guild:
        """Raises DiscordError 10004 for an unknown id, or if the bot is not a member."""
        guild = self.guilds.get(guild_id)
        if guild is None or self.application.bot.id not in guild.members:
            raise errors.unknown_guild()
        return guild

    def _new_application(self, name: str) -> Application:
        owner = self.add_user("Host")
        bot = self.add_user(name, bot=True)
        return Application(bot.id, name, bot, owner, _new_token())

    def renew_token(self) -> None:
        """Replace the application's token."""
        self.application.token = _new_token()

    def _audience(self, message: Message) -> frozenset[int] | None:
        if message.only_for is None:
            return None
        return frozenset({message.only_for, message.author.id})

    def _changed(self, guild: Guild, member: GuildMember) -> GuildMember:
        data = {**member_payload(member), "guild_id": str(guild.id)}
        self.emit(Event("GUILD_MEMBER_UPDATE", data))
        return member

    def _emit_channel(self, name: str, channel: Channel) -> None:
        self.emit(Event(name, self.payloads.channel(channel), channel.id))

    def emit_message(self, name: str, channel: Channel, message: Message) -> None:
        """Notify all listeners of a new or changed message."""
        data = self.payloads.message(message)
        if channel.guild_id is not None:
            data["guild_id"] = str(channel.guild_id)
            member = self.guilds[channel.guild_id].members.get(message.author.id)
            if member is not None:
                data["member"] = partial_member_payload(member)
        self.emit(Event(name, data, channel.id, self._audience(message)))


def _new_token() -> str:
    return ".".join(secrets.token_urlsafe(size) for size in (18, 5, 28))


def number_components(components: list[Payload]) -> None:
    """Give each component without an id the next free one, in order of appearance."""
    everything: list[Payload] = []

    def collect(component: Payload) -> None:
        everything.append(component)
        for part in component.get("components") or ():
            collect(part)
        for key in ("accessory", "component"):
            if isinstance(component.get(key), dict):
                collect(component[key])

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
