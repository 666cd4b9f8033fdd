"""Reactions: emoji that users add to messages."""

import unicodedata

from sandbox.discord import errors
from sandbox.discord.models import Channel, Event, Message, Payload, User
from sandbox.discord.payloads import emoji_payload, member_payload
from sandbox.discord.permissions import Permission
from sandbox.discord.state import World

MOST_EMOJI = 20
"""Different emoji on one message."""

_SYMBOLS = ("So", "Sk", "Sm", "Po", "Mn", "Me", "Cf", "Nd")
"""The Unicode categories of the characters in an emoji."""


def react(world: World, channel: Channel, message: Message, user: User, emoji: str) -> None:
    """Adds a user's reaction; does nothing if it exists already.

    Raises:
        DiscordError: 10008 for an ephemeral message, 10014 for anything but an emoji,
            30010 for too many, 50013 without the permissions, 50083 in an archived thread.
    """
    users = _users(world, channel, message, user, emoji, new=emoji not in message.reactions)
    if user in users:
        return
    message.reactions[emoji] = [*users, user]
    data = _data(channel, message, user, emoji)
    data |= {"message_author_id": str(message.author.id), "burst_colors": []}
    if channel.guild_id is not None:
        data["member"] = member_payload(world.guilds[channel.guild_id].members[user.id])
    world.emit(Event("MESSAGE_REACTION_ADD", data, channel.id))


def unreact(world: World, channel: Channel, message: Message, user: User, emoji: str) -> None:
    """Removes a user's reaction; does nothing if there is none. Raises the errors of `react`."""
    users = _users(world, channel, message, user, emoji, new=False)
    if user not in users:
        return
    message.reactions[emoji] = [each for each in users if each != user]
    if not message.reactions[emoji]:
        del message.reactions[emoji]
    data = _data(channel, message, user, emoji)
    world.emit(Event("MESSAGE_REACTION_REMOVE", data, channel.id))


def _users(
    world: World, channel: Channel, message: Message, user: User, emoji: str, *, new: bool
) -> list[User]:
    """Who has reacted with an emoji, if this user may add one or remove their own."""
    if message.only_for is not None:
        raise errors.unknown_message()
    if channel.archived is not None:
        raise errors.archived_thread()
    needed = Permission.VIEW_CHANNEL | Permission.READ_MESSAGE_HISTORY
    if new:
        needed |= Permission.ADD_REACTIONS
    if needed & ~world.permissions(channel, user):
        raise errors.missing_permissions()
    if not _is_emoji(emoji):
        raise errors.unknown_emoji()
    if new and len(message.reactions) >= MOST_EMOJI:
        raise errors.too_many_reactions()
    return message.reactions.get(emoji, [])


def _is_emoji(text: str) -> bool:
    """Whether a text may be a Unicode emoji; the sandbox has no custom ones."""
    categories = {unicodedata.category(letter) for letter in text}
    return "So" in categories and categories <= {*_SYMBOLS}


def _data(channel: Channel, message: Message, user: User, emoji: str) -> Payload:
    data: Payload = {
        "user_id": str(user.id),
        "channel_id": str(channel.id),
        "message_id": str(message.id),
        "emoji": emoji_payload(emoji),
        "burst": False,
        "type": 0,
    }
    if channel.guild_id is not None:
        data["guild_id"] = str(channel.guild_id)
    return data
