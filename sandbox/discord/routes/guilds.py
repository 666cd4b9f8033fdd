"""Guilds, channels and users."""

from sandbox.discord import errors
from sandbox.discord.payloads import member_payload, role_payload, user_payload
from sandbox.discord.permissions import Permission
from sandbox.discord.rest import NOTHING, Answer, Call, Rest, Routes, snowflake

routes = Routes()


@routes.add("GET", "/guilds/{guild_id}")
async def get_guild(rest: Rest, call: Call) -> Answer:
    return Answer(rest.world.payloads.guild(rest.world.guild(call.id("guild_id"))))


@routes.add("GET", "/guilds/{guild_id}/channels")
async def get_guild_channels(rest: Rest, call: Call) -> Answer:
    guild = rest.world.guild(call.id("guild_id"))
    return Answer([rest.world.payloads.channel(channel) for channel in guild.channels.values()])


@routes.add("GET", "/guilds/{guild_id}/threads/active")
async def get_active_threads(rest: Rest, call: Call) -> Answer:
    threads = rest.world.threads(rest.world.guild(call.id("guild_id")))
    shown = [rest.world.payloads.channel(thread) for thread in threads]
    return Answer({"threads": shown, "members": [], "has_more": False})


@routes.add("GET", "/guilds/{guild_id}/roles")
async def get_roles(rest: Rest, call: Call) -> Answer:
    guild = rest.world.guild(call.id("guild_id"))
    return Answer([role_payload(role) for role in guild.roles.values()])


@routes.add("GET", "/guilds/{guild_id}/members/{user_id}")
async def get_member(rest: Rest, call: Call) -> Answer:
    guild = rest.world.guild(call.id("guild_id"))
    member = guild.members.get(call.id("user_id"))
    if member is None:
        raise errors.unknown_member()
    return Answer(member_payload(member))


@routes.add("GET", "/users/{user_id}")
async def get_user(rest: Rest, call: Call) -> Answer:
    user = rest.world.users.get(call.id("user_id"))
    if user is None:
        raise errors.unknown_user()
    return Answer(user_payload(user))


@routes.add("POST", "/users/@me/channels")
async def create_dm(rest: Rest, call: Call) -> Answer:
    user = rest.world.users.get(snowflake("recipient_id", str(call.json.get("recipient_id", ""))))
    if user is None:
        raise errors.unknown_user()
    if user.bot:
        raise errors.cannot_message_user()
    return Answer(rest.world.payloads.channel(rest.world.direct_channel(user)))


@routes.add("GET", "/channels/{channel_id}")
async def get_channel(rest: Rest, call: Call) -> Answer:
    return Answer(rest.world.payloads.channel(rest.channel(call)))


@routes.add("POST", "/channels/{channel_id}/typing")
async def type_in_channel(rest: Rest, call: Call) -> Answer:
    rest.channel(call, Permission.SEND_MESSAGES)
    return NOTHING
