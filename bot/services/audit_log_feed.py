"""Posts the audit log of moderation, and members' reports, in the channel that a server chose.

Both are stored first, and retried until Discord has accepted them, so an unreachable channel or a
restart neither loses nor repeats anything.
"""

import asyncio
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

import discord
import structlog

from bot.client import ImagineBot
from core.database.errors import StoreError
from core.database.messages import Kind
from core.discord_ui.audit_log import entry_line
from core.discord_ui.custom_ids import ID, encode, template
from core.discord_ui.job_message import ALLOWED_MENTIONS
from core.discord_ui.text import escape, message_link
from core.discord_ui.views import static_view
from core.i18n import ENGLISH, gettext, gettext_noop, use_locale
from core.job import Job
from core.moderation import AuditEntry, Report, Verdict
from core.storage.paths import finished_films, finished_images, folder_of

log = structlog.stdlib.get_logger(__name__)

POLL_SECONDS = 1.0  #: between two polls of the database
RETRY_SECONDS = 10.0  #: after an error
ENTRIES = 10  #: entries in one message
MAX_TEXT = 200  #: characters of a reason, or of a prompt, that are shown

REPORT = "report"  #: the kind of custom ids of a report's buttons

HELD_LABELS = {
    Verdict.DISMISS: gettext_noop("Show the image"),
    Verdict.DELETE: gettext_noop("Refuse the image"),
}
"""The verdicts on an image that is held."""
VERDICT_LABELS = {
    Verdict.DELETE: gettext_noop("Delete the image"),
    Verdict.BLOCK: gettext_noop("Block the member for a week"),
    Verdict.DISMISS: gettext_noop("Dismiss"),
}


async def post_audit_log(bot: ImagineBot) -> None:
    """Posts new entries and reports until cancelled."""
    while True:
        try:
            await _post_entries(bot)
            await _post_reports(bot)
            await asyncio.sleep(POLL_SECONDS)
        except (discord.HTTPException, discord.RateLimited, OSError, StoreError) as error:
            log.warning("audit log not posted, retrying", error=str(error))
            await asyncio.sleep(RETRY_SECONDS)
        except Exception:
            log.exception("audit log not posted, retrying")
            await asyncio.sleep(RETRY_SECONDS)


async def _post_entries(bot: ImagineBot) -> None:
    """Posts several entries per message. Drops entries for a channel that is gone or closed."""
    waiting = sorted(await bot.audit_log.unmirrored(), key=lambda found: (found[0], found[1].id))
    for channel_id, found in groupby(waiting, key=lambda found: found[0]):
        entries = [entry for _, entry in found]
        for first in range(0, len(entries), ENTRIES):
            shown = entries[first : first + ENTRIES]
            embed = log_embed(shown)
            nonce = nonce_of(channel_id, embed.description)
            message = await send_to_log_channel(bot, channel_id, embed, None, nonce)
            if message is None or await bot.messages.log_sent(shown, channel_id, message.id):
                await bot.audit_log.mark_mirrored(shown)


async def _post_reports(bot: ImagineBot) -> None:
    messages = bot.messages
    for channel_id, report in await bot.reports.unannounced():
        job = await bot.jobs.get(report.job_id)
        nonce = nonce_of(channel_id, report.id, report.reason, job is None)
        if job and not await messages.announce(job.id, Kind.REPORT, channel_id, nonce):
            job = None  # deleted: the report only gives its number
        with use_locale(guild_language(bot, report.guild_id)):
            embed, buttons = report_embed(report, job), report_buttons(report)
        files = await held_images(bot, job)
        message = await send_to_log_channel(bot, channel_id, embed, buttons, nonce, files)
        if (
            job is None
            or message is None
            or await messages.sent(job.id, Kind.REPORT, channel_id, message.id, nonce)
        ):
            await bot.reports.mark_announced(report.id)


async def send_to_log_channel(
    client: discord.Client,
    channel_id: int,
    embed: discord.Embed,
    view: discord.ui.View | None,
    nonce: str,
    files: Sequence[discord.File] = (),
) -> discord.Message | None:
    """Sends a message; returns None if the channel is gone or closed to the bot."""
    channel = client.get_partial_messageable(channel_id)
    try:
        if view is None:
            return await channel.send(embed=embed, nonce=nonce, allowed_mentions=ALLOWED_MENTIONS)
        return await channel.send(
            embed=embed,
            view=view,
            nonce=nonce,
            files=files,
            allowed_mentions=ALLOWED_MENTIONS,
        )
    except (discord.NotFound, discord.Forbidden) as error:
        log.warning("log channel gone or closed", channel=channel_id, error=str(error))
        return None


def nonce_of(*names: object) -> str:
    """24 characters by which Discord recognises a message that is sent again."""
    return hashlib.blake2b(repr(names).encode(), digest_size=12).hexdigest()


def guild_language(client: discord.Client, guild_id: int) -> str:
    """The language of a server."""
    guild = client.get_guild(guild_id)
    return guild.preferred_locale.value if guild else ENGLISH


def log_embed(entries: Iterable[AuditEntry]) -> discord.Embed:
    """An embed with one line per entry."""
    return discord.Embed(description="\n".join(map(entry_line, entries)), colour=0x7F8C8D)


def report_embed(report: Report, job: Job | None) -> discord.Embed:
    """A report, with what a moderator needs to decide about it."""
    title = gettext("Image #{job} was reported", job=report.job_id)
    if report.by_image_check:
        title = gettext("Image #{job} is waiting for review", job=report.job_id)
    embed = discord.Embed(title=title, colour=0xE67E22)
    embed.add_field(name=gettext("Requested by"), value=f"<@{report.member_id}>")
    if report.by_image_check:
        found = escape(report.reason or "", MAX_TEXT)
        embed.add_field(name=gettext("It may show"), value=found)
    else:
        embed.add_field(name=gettext("Reported by"), value=f"<@{report.reported_by}>")
    if report.reason and not report.by_image_check:
        embed.add_field(name=gettext("Reason"), value=escape(report.reason, MAX_TEXT), inline=False)
    if job is None:
        return embed
    embed.add_field(name=gettext("Prompt"), value=escape(job.title, MAX_TEXT), inline=False)
    if job.message_id:
        link = message_link(job.guild_id, job.channel_id, job.message_id)
        embed.add_field(name=gettext("Message"), value=link, inline=False)
    return embed


def report_text(report: Report, job: Job | None) -> str:
    """A report in a few lines, as Markdown."""
    embed = report_embed(report, job)
    fields = (f"**{field.name}** {field.value}" for field in embed.fields)
    return "\n".join((f"**{embed.title}**", *fields))


async def held_images(bot: ImagineBot, job: Job | None) -> list[discord.File]:
    """The images of a held job as spoilers, for moderators only."""
    if job is None or not job.held:
        return []

    def read() -> list[discord.File]:
        folder = folder_of(job.id, bot.settings.data_dir)
        paths = [*finished_films(folder), *finished_images(folder)]
        return [discord.File(path, path.name, spoiler=True) for path in paths]

    return await asyncio.to_thread(read)


def verdict_labels(report: Report) -> Mapping[Verdict, str]:
    """The verdicts that a report can be closed with, and what their buttons say."""
    return HELD_LABELS if report.by_image_check else VERDICT_LABELS


def verdict_style(verdict: Verdict) -> discord.ButtonStyle:
    styles = discord.ButtonStyle
    return styles.secondary if verdict is Verdict.DISMISS else styles.danger


def report_buttons(report: Report) -> discord.ui.View:
    """The verdicts on a report; `bot.components.moderation_buttons` handles them."""
    return static_view(
        discord.ui.Button(
            label=gettext(label),
            style=verdict_style(verdict),
            custom_id=encode(REPORT, report.id, verdict),
        )
        for verdict, label in verdict_labels(report).items()
    )


def verdict_template() -> re.Pattern[str]:
    """Matches the custom ids of a report's buttons."""
    return template(REPORT, report=ID, verdict="|".join(Verdict))
