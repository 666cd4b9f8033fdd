"""The settings of a guild: roles, language, and who may use which command."""

from collections.abc import Sequence

from aiohttp import web

from sandbox.control_api.members import check_locale
from sandbox.discord.client_errors import InteractionError
from sandbox.discord.command_input import find_any
from sandbox.discord.command_permissions import CommandPermission, CommandPermissions
from sandbox.discord.commands import Commands
from sandbox.discord.constants import CommandPermissionType
from sandbox.discord.models import Guild
from sandbox.discord.payloads import role_payload
from sandbox.discord.state import World


class GuildSettings:
    def __init__(
        self, world: World, guild: Guild, commands: Commands, permissions: CommandPermissions
    ) -> None:
        self._world = world
        self._guild = guild
        self._commands = commands
        self._permissions = permissions

    def routes(self) -> Sequence[web.RouteDef]:
        return [
            web.post("/sandbox/roles", self.add_role),
            web.post("/sandbox/guild", self.set_locale),
            web.post("/sandbox/commands/permissions", self.set_command_permissions),
        ]

    async def add_role(self, request: web.Request) -> web.Response:
        body = await request.json()
        role = self._world.add_role(self._guild, body["name"], body["permissions"])
        return web.json_response(role_payload(role))

    async def set_locale(self, request: web.Request) -> web.Response:
        body = await request.json()
        self._world.set_locale(self._guild, check_locale(body["locale"]))
        return web.json_response({})

    async def set_command_permissions(self, request: web.Request) -> web.Response:
        """Sets who may use a command, and where; without a command, all of the bot's."""
        body = await request.json()
        command_id = self._world.application.id
        if body["command"] is not None:
            offered = self._commands.offered(self._guild.id)
            command_id = int(find_any(offered, body["command"])["id"])
        permissions = [
            CommandPermission(int(subject), self._type_of(int(subject)), allowed)
            for subject, allowed in body["permissions"].items()
        ]
        self._permissions.set(self._guild, command_id, permissions)
        return web.json_response({})

    def _type_of(self, subject: int) -> CommandPermissionType:
        if subject in self._guild.channels or subject == self._guild.id - 1:
            return CommandPermissionType.CHANNEL
        if subject in self._guild.roles:
            return CommandPermissionType.ROLE
        if subject in self._world.users:
            return CommandPermissionType.USER
        raise InteractionError("This is not a role, member or channel of the guild.")
