"""Command permissions: which members may use a command, and in which channels.

Administrators set them in a guild's settings; a bot can only read them. Each applies to one
command or, under the application's id, to all of its commands.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sandbox.discord import errors
from sandbox.discord.constants import CommandPermissionType
from sandbox.discord.models import Channel, Event, Guild, GuildMember, Payload
from sandbox.discord.state import World

LIMIT = 100
"""Permissions of one command."""


@dataclass(frozen=True, slots=True)
class CommandPermission:
    """Allows or denies a command for a role, a user or a channel.

    The guild's id stands for @everyone, the guild's id minus one for all channels.
    """

    subject: int
    kind: int
    allowed: bool

    def payload(self) -> Payload:
        return {"id": str(self.subject), "type": self.kind, "permission": self.allowed}


class CommandPermissions:
    """The command permissions of every guild."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._permissions: dict[tuple[int, int], tuple[CommandPermission, ...]] = {}

    def set(self, guild: Guild, command_id: int, permissions: Iterable[CommandPermission]) -> None:
        """Replace the permissions of a command.

        Raises:
            ValueError: more than Discord allows.
        """
        replaced = tuple(permissions)
        if len(replaced) > LIMIT:
            raise ValueError(f"A command has at most {LIMIT} permissions.")
        self._permissions[guild.id, command_id] = replaced
        data = self._payload(guild.id, command_id)
        self._world.emit(Event("APPLICATION_COMMAND_PERMISSIONS_UPDATE", data))

    def listed(self, guild_id: int) -> list[Payload]:
        """All of a guild's command permissions, as a bot reads them."""
        here = [command_id for guild, command_id in self._permissions if guild == guild_id]
        return [self._payload(guild_id, command_id) for command_id in here]

    def of_command(self, guild_id: int, command_id: int) -> Payload:
        """Raises DiscordError 10066 for a command without permissions."""
        if not self._permissions.get((guild_id, command_id)):
            raise errors.unknown_command_permissions()
        return self._payload(guild_id, command_id)

    def for_channel(self, command_id: int, channel: Channel) -> bool:
        """Whether a command may be used in a channel.

        The command's own permissions take precedence over the application's.
        """
        guild_id = channel.guild_id or 0
        for permissions in self._levels(guild_id, command_id):
            for subject in (channel.root.id, guild_id - 1):
                if (CommandPermissionType.CHANNEL, subject) in permissions:
                    return permissions[CommandPermissionType.CHANNEL, subject]
        return True

    def for_member(self, command_id: int, guild: Guild, member: GuildMember) -> bool | None:
        """Whether a member may use a command; None if the command's default applies.

        The command's own permissions take precedence. Denying the application denies every
        command; allowing it does not override a command's default.
        """
        own, application = self._levels(guild.id, command_id)
        allowed = _allowed(own, guild, member)
        if allowed is None and _allowed(application, guild, member) is False:
            return False
        return allowed

    def _levels(self, guild_id: int, command_id: int) -> list[dict[tuple[int, int], bool]]:
        return [
            {(each.kind, each.subject): each.allowed for each in self._permissions.get(key, ())}
            for key in ((guild_id, command_id), (guild_id, self._world.application.id))
        ]

    def _payload(self, guild_id: int, command_id: int) -> Payload:
        return {
            "id": str(command_id),
            "application_id": str(self._world.application.id),
            "guild_id": str(guild_id),
            "permissions": [each.payload() for each in self._permissions[guild_id, command_id]],
        }


def _allowed(
    permissions: dict[tuple[int, int], bool], guild: Guild, member: GuildMember
) -> bool | None:
    """The user's own permission, else their roles' (one that allows suffices), else @everyone's."""
    if (CommandPermissionType.USER, member.user.id) in permissions:
        return permissions[CommandPermissionType.USER, member.user.id]
    of_roles = [
        permissions[CommandPermissionType.ROLE, role]
        for role in member.roles
        if (CommandPermissionType.ROLE, role) in permissions
    ]
    if of_roles:
        return any(of_roles)
    return permissions.get((CommandPermissionType.ROLE, guild.id))
