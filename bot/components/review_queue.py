"""The review queue of /mod reports: images that members reported or that are held.

Each verdict closes a report and shows those that are left.
"""

import asyncio
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import discord
from discord import ui

from bot.components.persistent import PersistentButton
from bot.services.audit_log_feed import report_text, verdict_labels, verdict_style
from bot.services.moderator_access import PASS, check_moderator
from bot.services.reports import BLOCK_SECONDS
from bot.services.responses import acknowledged
from bot.services.thumbnails import thumbnail
from bot.types import Interaction
from core.discord_ui.custom_ids import ID, encode, template
from core.discord_ui.views import static_layout
from core.i18n import gettext, ngettext
from core.job import Job
from core.moderation import Report, Verdict
from core.storage.paths import folder_of

KIND, ALL = "review", "reviewall"
SHOWN = 4  #: reports in one message

Page = tuple[ui.LayoutView, list[discord.File]]


async def review_page(interaction: Interaction, guild_id: int, access: str = "") -> Page:
    """The oldest open reports of a server, with thumbnails as spoilers and buttons."""
    bot = interaction.client
    count, reports = await bot.reports.open(guild_id, limit=SHOWN)
    if not reports:
        nothing = ui.TextDisplay[Any](gettext("There are no open reports."))
        return static_layout([nothing]), []
    title = ngettext("{n} open report", "{n} open reports", count)
    items: list[ui.Item[Any]] = [ui.TextDisplay(f"### {title}")]
    files: list[discord.File] = []
    for report in reports:
        job = await bot.jobs.get(report.job_id)
        text = report_text(report, job)
        if file := await _thumbnail(interaction, job):
            files.append(file)
            items.append(ui.Section(text, accessory=ui.Thumbnail(file)))
        else:
            items.append(ui.TextDisplay(text))
        items += [ui.ActionRow(*_buttons(report, access)), ui.Separator()]
    if more := count - len(reports):
        items.append(ui.TextDisplay("-# " + gettext("… and {n} more", n=more)))
    if len(reports) > 1:
        items.append(ui.ActionRow(*_buttons_for_all(reports, access)))
    else:
        items.pop()  # the last separator
    box = ui.Container(*items, accent_colour=discord.Colour(0xE67E22))
    return static_layout([box]), files


class ReviewButton(
    PersistentButton,
    template=template(KIND, report=ID, verdict="|".join(Verdict), access=PASS, optional={"access"}),
):
    """A verdict on one report."""

    async def authorize(self, interaction: Interaction) -> None:
        self.access = self.match["access"] or ""
        self.guild_id = check_moderator(interaction, self.access)

    async def press(self, interaction: Interaction) -> None:
        await _decide(
            interaction,
            self.guild_id,
            [int(self.match["report"])],
            Verdict(self.match["verdict"]),
            self.access,
        )


class ReviewAllButton(
    PersistentButton,
    template=template(
        ALL,
        reports=r"[0-9]{1,9}(?:-[0-9]{1,9}){1,3}",
        verdict="|".join(Verdict),
        access=PASS,
        optional={"access"},
    ),
):
    """The same verdict on all reports in the message."""

    async def authorize(self, interaction: Interaction) -> None:
        self.access = self.match["access"] or ""
        self.guild_id = check_moderator(interaction, self.access)

    async def press(self, interaction: Interaction) -> None:
        reports = list(map(int, self.match["reports"].split("-")))
        verdict = Verdict(self.match["verdict"])
        await _decide(interaction, self.guild_id, reports, verdict, self.access)


async def _decide(
    interaction: Interaction, guild_id: int, reports: Sequence[int], verdict: Verdict, access: str
) -> None:
    """Closes the reports, except those already closed, and shows those that are left."""
    bot = interaction.client
    async with acknowledged(interaction, updates_message=True) as response:
        for report_id in reports:
            await bot.reports.close(
                guild_id,
                report_id,
                verdict,
                interaction.user.id,
                block_until=bot.database.now() + BLOCK_SECONDS,
            )
        layout, files = await review_page(interaction, guild_id, access)
        await response.edit(view=layout, attachments=files)


def _buttons(report: Report, access: str) -> list[ui.Button[Any]]:
    return [
        ui.Button(
            label=gettext(label),
            style=verdict_style(verdict),
            custom_id=encode(KIND, report.id, verdict, *([access] if access else [])),
        )
        for verdict, label in verdict_labels(report).items()
    ]


def _buttons_for_all(reports: Sequence[Report], access: str) -> list[ui.Button[Any]]:
    ids = "-".join(str(report.id) for report in reports)
    labels = {
        Verdict.DELETE: gettext("Delete all shown"),
        Verdict.DISMISS: gettext("Dismiss all shown"),
    }
    return [
        ui.Button(
            label=label,
            style=verdict_style(verdict),
            custom_id=encode(ALL, ids, verdict, *([access] if access else [])),
        )
        for verdict, label in labels.items()
    ]


async def _thumbnail(interaction: Interaction, job: Job | None) -> discord.File | None:
    """A job's images as a spoiler, if the job is held or this moderator sees its channel."""
    if job is None or job.deleted_at is not None or not (job.held or _sees(interaction, job)):
        return None
    folder: Path = folder_of(job.id, interaction.client.settings.data_dir)
    content = await asyncio.to_thread(thumbnail, folder)
    if content is None:
        return None
    return discord.File(io.BytesIO(content), f"thumbnail-{job.id}.webp", spoiler=True)


def _sees(interaction: Interaction, job: Job) -> bool:
    guild, member = interaction.guild, interaction.user
    channel = guild.get_channel_or_thread(job.channel_id) if guild else None
    if channel is None or not isinstance(member, discord.Member):
        return False
    return channel.permissions_for(member).view_channel
