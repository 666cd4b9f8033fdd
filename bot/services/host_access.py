"""Who is the host: the application's owner, or the team that owns it. Checked at every use."""

import discord

from bot.errors import RefusedError
from bot.types import Interaction
from core.i18n import gettext, gettext_noop

HOSTS_ONLY = gettext_noop("Only whoever runs this bot can do this.")


async def check_host(interaction: Interaction) -> None:
    """Raises RefusedError unless Discord says that this member is the host now."""
    application = await interaction.client.application_info()
    if interaction.user.id not in host_ids(application):
        raise RefusedError(gettext(HOSTS_ONLY))


def host_ids(application: discord.AppInfo) -> set[int]:
    """The ids of the owner; for a team, of its owner and its members, except read-only ones."""
    team = application.team
    if team is None:
        return {application.owner.id}
    members = {
        member.id
        for member in team.members
        if member.membership_state is discord.TeamMembershipState.accepted
        and member.role is not discord.TeamMemberRole.read_only
    }
    return members | ({team.owner_id} if team.owner_id else set())
