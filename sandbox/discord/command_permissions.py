"""Administrators' overrides of commands: in a guild, who may use what, and where.

They are set in a guild's settings, by people; a bot may read them, no more. Each is for one
command, or for the whole application, which is named by its own id.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sandbox.discord import errors
from sandbox.discord.state import Channel, Event, Guild, Member, Payload, World

ROLE, USER, CHANNEL = 1, 2, 3
MOST = 100


@dataclass(frozen=True, slots=True)
class Override:
    """A yes or no for a role, a user or a channel.

    The guild's own id stands for everyone; one less stands for all channels.
    """

    subject: int
    kind: int
    allowed: bool

    def payload(self) -> Payload:
        return {"id": str(self.subject), "type": self.kind, "permission": self.allowed}


class Overrides:
    """All that administrators have decided."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._decided: dict[tuple[int, int], tuple[Override, ...]] = {}

    def decide(self, guild: Guild, command_id: int, overrides: Iterable[Override]) -> None:
        """Put these in the place of what was decided for a command before.

        Raises:
            ValueError: they are more than Discord allows.
        """
        decided = tuple(overrides)
        if len(decided) > MOST:
            raise ValueError(f"A command has {MOST} overrides at most.")
        self._decided[guild.id, command_id] = decided
        data = self._payload(guild.id, command_id)
        self._world.emit(Event("APPLICATION_COMMAND_PERMISSIONS_UPDATE", data))

    def listed(self, guild_id: int) -> list[Payload]:
        """What a bot is told of a guild."""
        here = [command_id for guild, command_id in self._decided if guild == guild_id]
        return [self._payload(guild_id, command_id) for command_id in here]

    def of_command(self, guild_id: int, command_id: int) -> Payload:
        """Raises DiscordError 10066 where nothing was decided."""
        if not self._decided.get((guild_id, command_id)):
            raise errors.unknown_command_permissions()
        return self._payload(guild_id, command_id)

    def for_channel(self, command_id: int, channel: Channel) -> bool:
        """Whether a command may be used in a channel: its own word goes first, then the app's."""
        guild_id = channel.guild_id or 0
        for decided in self._levels(guild_id, command_id):
            for subject in (channel.root.id, guild_id - 1):
                if (CHANNEL, subject) in decided:
                    return decided[CHANNEL, subject]
        return True

    def for_member(self, command_id: int, guild: Guild, member: Member) -> bool | None:
        """The word about a member: yes, no, or None where the command's default counts.

        What is said of the command goes first. A no for the whole application closes every command;
        a yes for it does not open a command that wants a permission.
        """
        own, application = self._levels(guild.id, command_id)
        word = _word(own, guild, member)
        if word is None and _word(application, guild, member) is False:
            return False
        return word

    def _levels(self, guild_id: int, command_id: int) -> list[dict[tuple[int, int], bool]]:
        return [
            {(each.kind, each.subject): each.allowed for each in self._decided.get(key, ())}
            for key in ((guild_id, command_id), (guild_id, self._world.application.id))
        ]

    def _payload(self, guild_id: int, command_id: int) -> Payload:
        return {
            "id": str(command_id),
            "application_id": str(self._world.application.id),
            "guild_id": str(guild_id),
            "permissions": [each.payload() for each in self._decided[guild_id, command_id]],
        }


def _word(decided: dict[tuple[int, int], bool], guild: Guild, member: Member) -> bool | None:
    """The user's own, else a role's (one yes is enough), else everyone's."""
    if (USER, member.user.id) in decided:
        return decided[USER, member.user.id]
    of_roles = [decided[ROLE, role] for role in member.roles if (ROLE, role) in decided]
    if of_roles:
        return any(of_roles)
    return decided.get((ROLE, guild.id))
