"""What answers the buttons of moderators: those of a report, and of a queue to be cleared."""

import time

import discord

from bot.components.buttons import Interaction, answers
from bot.errors import RefusedError
from bot.services.admission import is_moderator
from bot.services.audit_log_feed import LABELS, REPORT, drawn, report_embed
from core.i18n import mark, say
from core.moderation import Act, Verdict

WEEK = 7 * 86_400.0  #: seconds for which the button of a report blocks

CLEARED = mark("A moderator has cleared the queue.")
BLOCKED = mark("A moderator has blocked its asker.")

CLEAR, KEEP = "clear", "keep"
_ID = "[0-9]{1,20}"


def clear_buttons(by: int, member_id: int | None, channel_id: int | None) -> discord.ui.View:
    """What answers the question whether the queue is to be cleared. A 0 stands for any."""
    return drawn(
        (
            discord.ui.Button(
                label=say("Clear"),
                style=discord.ButtonStyle.danger,
                custom_id=f"imagine:{CLEAR}:{by}:{member_id or 0}:{channel_id or 0}",
            ),
            discord.ui.Button(
                label=say("Keep"),
                style=discord.ButtonStyle.secondary,
                custom_id=f"imagine:{KEEP}:{by}",
            ),
        )
    )


@answers(CLEAR, f"{_ID}:{_ID}:{_ID}")
async def _clear(interaction: Interaction, aside: str) -> None:
    """Only who was asked is heard: Discord has let them use `/mod`."""
    by, member, channel = map(int, aside.split(":"))
    guild_id = interaction.guild_id
    if interaction.user.id != by or guild_id is None:
        raise RefusedError(say("Only the moderator who was asked can answer this."))
    await interaction.response.defer()
    jobs = await interaction.client.moderation.cancel(
        Act.CLEAR,
        guild_id,
        by=by,
        why=None,
        reason=CLEARED,
        member_id=member or None,
        channel_id=channel or None,
    )
    await interaction.edit_original_response(content=say("{n} cancelled.", n=len(jobs)), view=None)


@answers(KEEP, _ID)
async def _keep(interaction: Interaction, aside: str) -> None:
    await interaction.response.edit_message(content=say("Nothing was cancelled."), view=None)


@answers(REPORT, f"{_ID}:({'|'.join(Verdict)})")
async def _close_report(interaction: Interaction, aside: str) -> None:
    """Does what a moderator decided about a report, and says so in place of its buttons."""
    number, chosen = aside.split(":")
    verdict, guild_id = Verdict(chosen), interaction.guild_id
    if not is_moderator(interaction) or guild_id is None:
        raise RefusedError(say("Only moderators of this server can close a report."))
    await interaction.response.defer()
    bot, by = interaction.client, interaction.user.id
    until = time.time() + WEEK
    here = interaction.message.id if interaction.message else None
    closed = await bot.moderation.close_report(
        guild_id, int(number), verdict, by, until=until, reason=BLOCKED, message_id=here
    )
    if not closed:
        dealt_with = say("It has been dealt with already.")
        await interaction.edit_original_response(content=dealt_with, view=None)
        return
    said = say("{verdict}: done by {name}.", verdict=say(LABELS[verdict]), name=f"<@{by}>")
    if verdict is Verdict.DELETE:
        await interaction.edit_original_response(
            content=said, embed=report_embed(closed, None), attachments=[], view=None
        )
    else:
        await interaction.edit_original_response(content=said, view=None)
