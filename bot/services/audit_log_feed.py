"""Shows the moderators' log, and what members report, in the channel that a server chose for it.

All of it is in the database first, and shown from there until Discord has taken it: a log channel
that cannot be reached for a while, or a restart, loses nothing and doubles nothing.
"""

import asyncio
import hashlib
from collections.abc import Iterable
from itertools import groupby

import discord
import structlog

from core.database.jobs import Store, StoreError
from core.database.messages import Kind, Messages
from core.database.moderation import Moderation
from core.discord_ui.job_message import ALLOWED_MENTIONS, escaped
from core.i18n import ENGLISH, mark, say, speaking
from core.job import Job
from core.moderation import Act, Entry, Report, Verdict

log = structlog.stdlib.get_logger(__name__)

LOOK = 1.0  #: seconds between two looks for what is new
RETRY = 10.0  #: seconds until Discord or the database is tried again
LINES = 10  #: entries in one message
REPORT = "report"  #: the name of the buttons of a report
MAX_TEXT = 200  #: characters of a reason, or of a wish, that are shown

LABELS = {
    Verdict.DELETE: mark("Delete the picture"),
    Verdict.BLOCK: mark("Block its asker for a week"),
    Verdict.DISMISS: mark("Dismiss"),
}


async def mirror(client: discord.Client, store: Store) -> None:
    """Shows what is new, until cancelled."""
    moderation = Moderation(store)
    while True:
        try:
            await _show_entries(client, store, moderation)
            await _show_reports(client, store, moderation)
            await asyncio.sleep(LOOK)
        except (discord.HTTPException, discord.RateLimited, OSError, StoreError) as error:
            log.warning("the moderators' log cannot be shown, trying again", error=str(error))
            await asyncio.sleep(RETRY)
        except Exception:
            log.exception("the moderators' log cannot be shown, trying again")
            await asyncio.sleep(RETRY)


async def _show_entries(client: discord.Client, store: Store, moderation: Moderation) -> None:
    """Several lines to a message; a channel that is gone or closed to us costs its entries."""
    messages = Messages(store)
    waiting = sorted(await moderation.to_mirror(), key=lambda pair: (pair[0], pair[1].id))
    for channel_id, pairs in groupby(waiting, key=lambda pair: pair[0]):
        entries = [entry for _, entry in pairs]
        for first in range(0, len(entries), LINES):
            shown = entries[first : first + LINES]
            embed = log_embed(shown)
            nonce = _nonce(channel_id, embed.description)
            message = await _send(client, channel_id, embed, None, nonce)
            if message is None or await messages.log_sent(shown, channel_id, message.id):
                await moderation.mirrored(shown)


async def _show_reports(client: discord.Client, store: Store, moderation: Moderation) -> None:
    messages = Messages(store)
    for channel_id, report in await moderation.reports_to_show():
        job = await store.job(report.job_id)
        nonce = _nonce(channel_id, report.id, report.reason, job is None)
        if job and not await messages.announce(job.id, Kind.REPORT, channel_id, nonce):
            job = None  # deleted: the report names it, but shows nothing of it
        with speaking(_language(client, report.guild_id)):
            embed, buttons = report_embed(report, job), report_buttons(report.id)
        message = await _send(client, channel_id, embed, buttons, nonce)
        if (
            job is None
            or message is None
            or await messages.sent(job.id, Kind.REPORT, channel_id, message.id, nonce)
        ):
            await moderation.report_shown(report.id)


async def _send(
    client: discord.Client,
    channel_id: int,
    embed: discord.Embed,
    view: discord.ui.View | None,
    nonce: str,
) -> discord.Message | None:
    """None if the channel is gone or closed to us."""
    channel = client.get_partial_messageable(channel_id)
    try:
        if view is None:
            return await channel.send(embed=embed, nonce=nonce, allowed_mentions=ALLOWED_MENTIONS)
        return await channel.send(
            embed=embed, view=view, nonce=nonce, allowed_mentions=ALLOWED_MENTIONS
        )
    except (discord.NotFound, discord.Forbidden) as error:
        log.warning("a log channel is gone or closed", channel=channel_id, error=str(error))
        return None


def _nonce(*names: object) -> str:
    """24 characters by which Discord recognises a repetition."""
    return hashlib.blake2b(repr(names).encode(), digest_size=12).hexdigest()


def _language(client: discord.Client, guild_id: int) -> str:
    """What a server speaks."""
    guild = client.get_guild(guild_id)
    return guild.preferred_locale.value if guild else ENGLISH


def log_embed(entries: Iterable[Entry]) -> discord.Embed:
    """Entries, each on its line."""
    return discord.Embed(description="\n".join(map(line, entries)), colour=0x7F8C8D)


def line(entry: Entry) -> str:
    """What happened, when, to whom, by whom and why: at most 400 characters."""
    parts = [f"<t:{int(entry.created_at)}:t> **{entry.act}**"]
    if entry.job_id is not None:
        parts.append(f"#{entry.job_id}")
    if entry.whom_id is not None:
        parts.append(
            f"of <@{entry.whom_id}>" if entry.job_id is not None else f"<@{entry.whom_id}>"
        )
    if entry.what:
        parts.append(f"({entry.what})")
    if entry.by_id is not None:
        parts.append(f"by <@{entry.by_id}>")
    told = " ".join(parts)
    if not entry.why:
        return told
    why = entry.why.replace("\n", " ")
    return f"{told}: {(why if entry.act is Act.REFUSE else escaped(why))[:MAX_TEXT]}"


def report_embed(report: Report, job: Job | None) -> discord.Embed:
    """A report with all that a moderator needs to decide."""
    title = say("Picture #{job} was reported", job=report.job_id)
    embed = discord.Embed(title=title, colour=0xE67E22)
    embed.add_field(name=say("Asked for by"), value=f"<@{report.asker_id}>")
    embed.add_field(name=say("Reported by"), value=f"<@{report.reported_by}>")
    if report.reason:
        embed.add_field(name=say("Why"), value=escaped(report.reason[:MAX_TEXT]), inline=False)
    if job is None:
        return embed
    embed.add_field(name=say("Wish"), value=escaped(job.recipe.title[:MAX_TEXT]), inline=False)
    if job.message_id:
        link = f"https://discord.com/channels/{job.guild_id}/{job.channel_id}/{job.message_id}"
        embed.add_field(name=say("Where"), value=link, inline=False)
    return embed


def report_buttons(report_id: int) -> discord.ui.View:
    """What a moderator can do about a report. `bot.components.mod_buttons` answers them."""
    return drawn(
        discord.ui.Button(
            label=say(label),
            style=discord.ButtonStyle.secondary
            if verdict is Verdict.DISMISS
            else discord.ButtonStyle.danger,
            custom_id=f"imagine:{REPORT}:{report_id}:{verdict}",
        )
        for verdict, label in LABELS.items()
    )


def drawn(buttons: Iterable[discord.ui.Button[discord.ui.View]]) -> discord.ui.View:
    """Buttons that are answered by their custom ids: discord.py need not listen for the view."""
    view = discord.ui.View(timeout=None)
    for button in buttons:
        view.add_item(button)
    view.stop()
    return view
