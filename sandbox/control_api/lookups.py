"""Finds what a request to the control API names. Raises InteractionError for unknown ids."""

from typing import Any

from aiohttp import web

from sandbox.discord.client_errors import InteractionError
from sandbox.discord.clock import parse_snowflake
from sandbox.discord.models import Channel, Guild, GuildMember, Message, User
from sandbox.discord.state import World

Body = dict[str, Any]
"""The JSON body of a request."""


def find_user(world: World, user_id: str) -> User:
    user = world.users.get(parse_snowflake(user_id) or 0)
    if user is None:
        raise InteractionError("There is no such member.")
    return user


def find_member(guild: Guild, user_id: str) -> GuildMember:
    member = guild.members.get(parse_snowflake(user_id) or 0)
    if member is None:
        raise InteractionError("They are not in the guild.")
    return member


def find_channel(world: World, channel_id: str) -> Channel:
    """Raises DiscordError 10003 for an unknown id."""
    return world.channel(parse_snowflake(channel_id) or 0)


def find_message(channel: Channel, message_id: str) -> Message:
    message = channel.messages.get(parse_snowflake(message_id) or 0)
    if message is None:
        raise InteractionError("The message is gone.")
    return message


def user_of(world: World, request: web.Request) -> User:
    """The user of a GET request, from `?member=`."""
    return find_user(world, request.query.get("member", ""))


def channel_of(world: World, request: web.Request) -> Channel:
    """The channel in the path."""
    return find_channel(world, request.match_info["channel"])
