"""What people do in a guild's settings, and in their own: the part of the control API that is no
conversation with the bot. None of it is open to the bot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web

from sandbox.discord.command_permissions import CHANNEL, ROLE, USER, Override
from sandbox.discord.commands import find_any
from sandbox.discord.fields import InteractionError
from sandbox.discord.permissions import Permission
from sandbox.discord.state import LOCALES, Channel, Member, User

if TYPE_CHECKING:
    from sandbox.control_api.control import Handler
    from sandbox.server import Sandbox

Wish = dict[str, Any]


class Administration:
    """The routes under `/sandbox` that change people and places."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._world = sandbox.world

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Method, path and handler of each."""
        channel = "/sandbox/channels/{channel}"
        return [
            ("POST", "/sandbox/members", self.add_member),
            ("POST", "/sandbox/members/settings", self.change_settings),
            ("POST", "/sandbox/members/roles", self.change_roles),
            ("POST", "/sandbox/members/leave", self.leave),
            ("POST", "/sandbox/members/direct", self.open_direct),
            ("POST", "/sandbox/roles", self.add_role),
            ("POST", "/sandbox/guild", self.change_guild),
            ("POST", "/sandbox/channels", self.add_channel),
            ("POST", channel + "/threads", self.add_thread),
            ("POST", channel + "/archive", self.archive),
            ("POST", channel + "/overwrites", self.overwrite),
            ("POST", "/sandbox/commands/permissions", self.override),
        ]

    # People

    async def add_member(self, request: web.Request) -> web.Response:
        world, guild = self._world, self._sandbox.guild
        wish = await request.json()
        user = world.add_user(wish["name"])
        world.locales[user.id] = _locale(wish["locale"])
        roles = [int(role) for role in wish.get("roles", ())]
        if wish.get("permissions"):
            roles.append(world.add_role(guild, wish["name"], wish["permissions"]).id)
        return web.json_response(world.join(guild, user, roles).payload())

    async def change_settings(self, request: web.Request) -> web.Response:
        """A person's language, and whether they take direct messages."""
        wish = await request.json()
        user = self._user(wish)
        if "locale" in wish:
            self._world.locales[user.id] = _locale(wish["locale"])
        if "direct_messages" in wish:
            closed = self._world.closed
            (closed.discard if wish["direct_messages"] else closed.add)(user.id)
        return web.json_response({})

    async def change_roles(self, request: web.Request) -> web.Response:
        """A member gets a role, or loses one."""
        wish = await request.json()
        member, role = self._member(wish), int(wish["role"])
        if role not in self._sandbox.guild.roles:
            raise InteractionError("There is no such role.")
        if not wish["has"] and role not in member.roles:
            raise InteractionError("The member does not have this role.")
        change = self._world.give_role if wish["has"] else self._world.take_role
        return web.json_response(change(self._sandbox.guild, member.user, role).payload())

    async def leave(self, request: web.Request) -> web.Response:
        self._world.leave(self._sandbox.guild, self._member(await request.json()).user)
        return web.json_response({})

    async def open_direct(self, request: web.Request) -> web.Response:
        """A person opens their conversation with the bot."""
        channel = self._world.direct_channel(self._user(await request.json()))
        return web.json_response(self._world.channel_payload(channel))

    # Places

    async def add_role(self, request: web.Request) -> web.Response:
        wish = await request.json()
        role = self._world.add_role(self._sandbox.guild, wish["name"], wish["permissions"])
        return web.json_response(role.payload())

    async def change_guild(self, request: web.Request) -> web.Response:
        """The language of the guild."""
        self._world.set_locale(self._sandbox.guild, _locale((await request.json())["locale"]))
        return web.json_response({})

    async def add_channel(self, request: web.Request) -> web.Response:
        wish = await request.json()
        channel = self._world.add_channel(self._sandbox.guild, wish["name"], nsfw=wish["nsfw"])
        return web.json_response(self._world.channel_payload(channel))

    async def add_thread(self, request: web.Request) -> web.Response:
        """A member begins a public thread."""
        wish = await request.json()
        channel, user = self._channel(request), self._user(wish)
        if channel.guild_id is None:
            raise InteractionError("There are no threads in a direct conversation.")
        if Permission.CREATE_PUBLIC_THREADS not in self._world.permissions(channel, user):
            raise InteractionError("The member may not begin a thread here.")
        thread = self._world.add_thread(channel, wish["name"], user)
        return web.json_response(self._world.channel_payload(thread))

    async def archive(self, request: web.Request) -> web.Response:
        thread = self._channel(request)
        if thread.parent is None:
            raise InteractionError("Only threads are archived.")
        self._world.archive(thread)
        return web.json_response(self._world.channel_payload(thread))

    async def overwrite(self, request: web.Request) -> web.Response:
        """What a role or member may or may not do in one channel."""
        wish = await request.json()
        channel, subject = self._channel(request), int(wish["subject"])
        self._world.overwrite(channel, subject, allow=wish["allow"], deny=wish["deny"])
        return web.json_response(self._world.channel_payload(channel))

    async def override(self, request: web.Request) -> web.Response:
        """Who may use a command (none named: all of the bot's), and where."""
        wish = await request.json()
        sandbox, guild = self._sandbox, self._sandbox.guild
        number = self._world.application.id
        if wish["command"] is not None:
            number = int(find_any(sandbox.commands.offered(guild.id), wish["command"])["id"])
        decided = [
            Override(int(subject), self._kind(int(subject)), allowed)
            for subject, allowed in wish["decisions"].items()
        ]
        sandbox.overrides.decide(guild, number, decided)
        return web.json_response({})

    def _kind(self, subject: int) -> int:
        guild = self._sandbox.guild
        if subject in guild.channels or subject == guild.id - 1:
            return CHANNEL
        if subject in guild.roles:
            return ROLE
        if subject in self._world.users:
            return USER
        raise InteractionError("This is no role, member or channel of the guild.")

    def _user(self, wish: Wish) -> User:
        user = self._world.users.get(int(wish["member"]))
        if user is None:
            raise InteractionError("There is no such member.")
        return user

    def _member(self, wish: Wish) -> Member:
        member = self._sandbox.guild.members.get(int(wish["member"]))
        if member is None:
            raise InteractionError("They are not in the guild.")
        return member

    def _channel(self, request: web.Request) -> Channel:
        return self._world.channel(int(request.match_info["channel"]))


def _locale(name: str) -> str:
    if name not in LOCALES:
        raise InteractionError(f"{name!r} is no locale of Discord's.")
    return name
