"""Members: their roles, settings and direct messages."""

from collections.abc import Sequence

from aiohttp import web

from sandbox.control_api.lookups import find_member, find_user
from sandbox.discord.client_errors import InteractionError
from sandbox.discord.constants import LOCALES
from sandbox.discord.models import Guild
from sandbox.discord.payloads import member_payload, user_payload
from sandbox.discord.state import World


class Members:
    def __init__(self, world: World, guild: Guild) -> None:
        self._world = world
        self._guild = guild

    def routes(self) -> Sequence[web.RouteDef]:
        return [
            web.get("/sandbox/members", self.list_members),
            web.post("/sandbox/members", self.add_member),
            web.post("/sandbox/members/settings", self.change_settings),
            web.post("/sandbox/members/roles", self.change_roles),
            web.post("/sandbox/members/leave", self.leave),
            web.post("/sandbox/members/direct", self.open_direct_messages),
        ]

    async def list_members(self, request: web.Request) -> web.Response:
        """Every person in any guild: the users that the page can act as."""
        people = {
            member.user.id: user_payload(member.user)
            for guild in self._world.guilds.values()
            for member in guild.members.values()
            if not member.user.bot
        }
        return web.json_response(list(people.values()))

    async def add_member(self, request: web.Request) -> web.Response:
        world, guild = self._world, self._guild
        body = await request.json()
        user = world.add_user(body["name"])
        world.locales[user.id] = check_locale(body["locale"])
        roles = [int(role) for role in body.get("roles", ())]
        if body.get("permissions"):
            roles.append(world.add_role(guild, body["name"], body["permissions"]).id)
        return web.json_response(member_payload(world.join(guild, user, roles)))

    async def change_settings(self, request: web.Request) -> web.Response:
        """Changes a user's language, what they accept, and whether they have added the bot."""
        body = await request.json()
        user = find_user(self._world, body["member"])
        if "locale" in body:
            self._world.locales[user.id] = check_locale(body["locale"])
        if "direct_messages" in body:
            closed = self._world.closed
            (closed.discard if body["direct_messages"] else closed.add)(user.id)
        if "installed" in body:
            installed = self._world.installed
            (installed.add if body["installed"] else installed.discard)(user.id)
        return web.json_response({})

    async def change_roles(self, request: web.Request) -> web.Response:
        """Gives a role to a member, or takes it away."""
        body = await request.json()
        member, role = find_member(self._guild, body["member"]), int(body["role"])
        if role not in self._guild.roles:
            raise InteractionError("There is no such role.")
        if not body["has"] and role not in member.roles:
            raise InteractionError("The member does not have this role.")
        change = self._world.give_role if body["has"] else self._world.take_role
        return web.json_response(member_payload(change(self._guild, member.user, role)))

    async def leave(self, request: web.Request) -> web.Response:
        body = await request.json()
        self._world.leave(self._guild, find_member(self._guild, body["member"]).user)
        return web.json_response({})

    async def open_direct_messages(self, request: web.Request) -> web.Response:
        """Opens a user's direct messages with the bot."""
        body = await request.json()
        channel = self._world.direct_channel(find_user(self._world, body["member"]))
        return web.json_response(self._world.payloads.channel(channel))


def check_locale(name: str) -> str:
    """Raises InteractionError for a language that Discord does not have."""
    if name not in LOCALES:
        raise InteractionError(f"{name!r} is not one of Discord's locales.")
    return name
