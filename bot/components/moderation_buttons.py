"""Moderators' buttons: the verdicts on a report, and the confirmation of /mod clear."""

import time
from typing import Any

import discord

from bot.client import OUTDATED_BUTTON
from bot.components.persistent import PersistentButton
from bot.errors import RefusedError
from bot.services.audit_log_feed import report_embed, verdict_labels, verdict_template
from bot.services.moderator_access import PASS, check_moderator, issue_pass
from bot.services.reports import BLOCK_SECONDS
from bot.services.responses import acknowledged
from bot.types import Interaction
from core.discord_ui.custom_ids import ID, encode, template
from core.discord_ui.views import static_view
from core.i18n import gettext, ngettext
from core.moderation import Verdict

CLEAR, KEEP = "clear", "keep"


def clear_buttons(
    interaction: Interaction, member_id: int | None, channel_id: int | None
) -> discord.ui.View:
    """The buttons of /mod clear. In their custom ids, 0 means any member or channel."""
    access = issue_pass(interaction)
    scope = [member_id or 0, channel_id or 0, *([access] if access else [])]
    confirm: discord.ui.Button[Any] = discord.ui.Button(
        label=gettext("Cancel them"),
        style=discord.ButtonStyle.danger,
        custom_id=encode(CLEAR, interaction.user.id, *scope),
    )
    keep: discord.ui.Button[Any] = discord.ui.Button(
        label=gettext("Keep"), custom_id=encode(KEEP, interaction.user.id)
    )
    return static_view((confirm, keep))


class ClearButton(
    PersistentButton,
    template=template(CLEAR, by=ID, member=ID, channel=ID, access=PASS, optional={"access"}),
):
    async def authorize(self, interaction: Interaction) -> None:
        """Only the moderator who used the command, and only while they are one."""
        _check_same_moderator(interaction, self.match["by"])
        self.guild_id = check_moderator(interaction, self.match["access"] or "")

    async def press(self, interaction: Interaction) -> None:
        async with acknowledged(interaction, updates_message=True) as response:
            jobs = await interaction.client.moderation_queue.clear(
                self.guild_id,
                actor_id=interaction.user.id,
                member_id=int(self.match["member"]) or None,
                channel_id=int(self.match["channel"]) or None,
            )
            text = ngettext("{n} job cancelled.", "{n} jobs cancelled.", len(jobs))
            await response.edit(text, view=None)


class KeepButton(PersistentButton, template=template(KEEP, by=ID)):
    async def authorize(self, interaction: Interaction) -> None:
        _check_same_moderator(interaction, self.match["by"])

    async def press(self, interaction: Interaction) -> None:
        if interaction.message and interaction.message.flags.components_v2:
            raise RefusedError(gettext(OUTDATED_BUTTON))  # a layout can't be changed to plain text
        await interaction.response.edit_message(
            content=gettext("Nothing was cancelled."), view=None
        )


class VerdictButton(PersistentButton, template=verdict_template()):
    """Carries out a verdict on a report, and replaces the buttons with it."""

    async def authorize(self, interaction: Interaction) -> None:
        self.guild_id = check_moderator(interaction)

    async def press(self, interaction: Interaction) -> None:
        bot, by = interaction.client, interaction.user.id
        verdict = Verdict(self.match["verdict"])
        async with acknowledged(interaction, updates_message=True) as response:
            closed = await bot.reports.close(
                self.guild_id,
                int(self.match["report"]),
                verdict,
                by,
                block_until=time.time() + BLOCK_SECONDS,
                but_message=response.message_id,
            )
            if not closed:
                await response.edit(gettext("This report is already closed."), view=None)
                return
            label = gettext(verdict_labels(closed)[verdict])
            text = gettext("{verdict}: done by {name}.", verdict=label, name=f"<@{by}>")
            if verdict is Verdict.DELETE:
                embed = report_embed(closed, None)
                await response.edit(text, embed=embed, attachments=[], view=None)
            else:
                await response.edit(text, view=None)


def _check_same_moderator(interaction: Interaction, moderator_id: str) -> None:
    if str(interaction.user.id) != moderator_id:
        raise RefusedError(gettext("Only the moderator who used the command can answer this."))
