"""Holds a weekly vote for a theme in servers that want it, and announces the winner.

A vote is a Discord poll, which closes by itself; its message keeps the result. The time of the next
vote and the open poll are stored, so a restart neither skips nor repeats one. A message that was
sent right before a crash is recognised by its nonce, or found in the channel.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from random import Random

import discord
import structlog
from discord import ui

from bot.client import ImagineBot
from bot.errors import CONNECTION_ERRORS
from bot.services import suggestions
from bot.services.audit_log_feed import guild_language, nonce_of
from bot.services.channels import is_available
from bot.themes import draw_themes, themes, winners
from core.database.errors import StoreError
from core.database.weekly_themes import ClosedVote, DueVote, WeeklyThemes
from core.discord_ui.custom_ids import encode
from core.discord_ui.message_components import texts_of
from core.discord_ui.own_messages import NONCE_KNOWN_SECONDS, own_messages
from core.discord_ui.text import escape
from core.discord_ui.views import static_layout
from core.i18n import gettext, ngettext, use_locale
from core.word_filter import first_hit

log = structlog.stdlib.get_logger(__name__)

HEADING = "### 🏆"

CHECK_SECONDS = 10.0  #: between two checks for votes that are due or closed

COUNTING_SECONDS = 15 * 60.0
"""How long Discord may take to count the votes; then its counts are taken as they are."""


async def hold_theme_votes(bot: ImagineBot) -> None:
    """Starts the votes that are due and announces what won the closed ones, until cancelled."""
    await bot.wait_until_ready()
    votes = WeeklyThemes(bot.database)
    while True:
        try:
            for closed in await votes.closed():
                await _try(_announce(bot, votes, closed), closed.guild_id)
            for due in await votes.due():
                await _try(_start(bot, votes, due), due.guild_id)
        except StoreError as error:
            log.warning("weekly themes not read, retrying", error=str(error))
        await asyncio.sleep(CHECK_SECONDS)


async def _try(attempt: Awaitable[None], guild_id: int) -> None:
    """Logs a failure, so that it is retried at the next check. Raises StoreError."""
    try:
        await attempt
    except StoreError:
        raise
    except (discord.HTTPException, discord.RateLimited, *CONNECTION_ERRORS) as error:
        log.warning("theme vote failed, retrying", guild=guild_id, error=str(error))
    except Exception:
        log.exception("theme vote failed, retrying", guild=guild_id)


async def _start(bot: ImagineBot, votes: WeeklyThemes, vote: DueVote) -> None:
    """Posts the poll of a vote, unless Discord refuses it."""
    if not is_available(bot, vote.guild_id):
        return
    channel_id, hours = vote.settings.channel_id, vote.settings.hours
    with use_locale(guild_language(bot, vote.guild_id)):
        offer = await _offer(bot, vote)
        poll = discord.Poll(gettext("What should this week's theme be?"), timedelta(hours=hours))
    if len(offer) < 2:
        await votes.mark_skipped(vote)
        return
    for theme in offer:
        poll.add_answer(text=theme)
    nonce = nonce_of("vote for a theme", vote.guild_id, vote.due_at)
    try:
        message = await _sent_before(bot, channel_id, vote.due_at, lambda sent: bool(sent.poll))
        if message is None:
            message = await bot.get_partial_messageable(channel_id).send(poll=poll, nonce=nonce)
    except discord.HTTPException as error:
        if not _is_final(error):
            raise
        log.warning("theme vote not started", guild=vote.guild_id, error=str(error))
        await votes.mark_skipped(vote)
        return
    closes_at = message.created_at + timedelta(hours=hours)
    await votes.mark_started(vote, message.id, closes_at.timestamp())


async def _offer(bot: ImagineBot, vote: DueVote) -> list[str]:
    """The themes of a vote, without those that the server's words refuse."""
    rules = await bot.guild_rules.words(vote.guild_id)

    def permitted(texts: Sequence[str]) -> list[str]:
        return [text for text in texts if not first_hit(rules, text)]

    own, built_in = vote.settings.own_themes, themes(bot.settings.model)
    own_permitted = await asyncio.to_thread(permitted, own)
    built_in_permitted = await asyncio.to_thread(permitted, built_in)
    seed = f"{vote.guild_id} {vote.due_at}"
    return draw_themes(own_permitted, built_in_permitted, vote.last_theme, seed)


async def _announce(bot: ImagineBot, votes: WeeklyThemes, vote: ClosedVote) -> None:
    """Announces the theme that has won, if anybody voted and its week is not over."""
    if not is_available(bot, vote.guild_id):
        return
    theme = None
    try:
        if bot.database.now() < vote.next_at:
            channel = bot.get_partial_messageable(vote.channel_id)
            poll = (await channel.fetch_message(vote.message_id)).poll
            if poll and not poll.is_finalised() and not _counting_timed_out(bot, vote):
                return
            theme = await _announce_winner(bot, vote, poll) if poll else None
    except discord.HTTPException as error:
        if not _is_final(error):
            raise
        log.warning("theme not announced", guild=vote.guild_id, error=str(error))
    await votes.settle(vote, theme)


async def _announce_winner(bot: ImagineBot, vote: ClosedVote, poll: discord.Poll) -> str | None:
    """Announces the theme with the most votes; a tie is broken at random."""
    counts = {str(answer.text): answer.vote_count for answer in poll.answers}
    best = winners(counts)
    if not best:
        return None
    theme = Random(vote.message_id).choice(best)
    if await _sent_before(bot, vote.channel_id, vote.closed_at, _announces_theme):
        return theme
    with use_locale(guild_language(bot, vote.guild_id)):
        layout = _layout(theme, counts[theme], best)
    await bot.get_partial_messageable(vote.channel_id).send(
        view=layout,
        nonce=nonce_of("theme", vote.message_id),
        allowed_mentions=discord.AllowedMentions.none(),
    )
    return theme


async def _sent_before(
    bot: ImagineBot, channel_id: int, due_at: float, matches: Callable[[discord.Message], bool]
) -> discord.Message | None:
    """A message that an earlier process sent but did not record.

    It is only looked for once Discord may have forgotten its nonce. Raises discord.HTTPException.
    """
    if abs(bot.database.now() - due_at) < NONCE_KNOWN_SECONDS:
        return None
    async for message in own_messages(bot, channel_id, due_at):
        if matches(message):
            return message
    return None


def _announces_theme(message: discord.Message) -> bool:
    return any(text.startswith(HEADING) for text in texts_of(message))


def _layout(theme: str, votes: int, best: Sequence[str]) -> ui.LayoutView:
    """The theme, how it was chosen, how to request it, and a button to request it."""
    title = gettext("This week's theme: {theme}", theme=escape(theme))
    number = ngettext("{n} vote", "{n} votes", votes)
    if len(best) > 1:
        tied = ", ".join(f"“{escape(each)}”" for each in best)
        drawn = gettext("It was a tie between {themes}, so one was drawn at random.", themes=tied)
        number = f"{number} · {drawn}"
    example = theme.replace("`", "'")
    how = gettext("Paint it your way: `/imagine include: {theme}`", theme=example)
    button: ui.Button[ui.LayoutView] = ui.Button(
        label=theme, emoji="🎨", custom_id=encode(suggestions.KIND, theme)
    )
    return static_layout(
        [
            ui.Container(
                ui.TextDisplay(f"{HEADING} {title}\n{how}"),
                ui.ActionRow(button),
                ui.TextDisplay(f"-# {number}"),
                accent_colour=discord.Colour.gold(),
            )
        ]
    )


def _counting_timed_out(bot: ImagineBot, vote: ClosedVote) -> bool:
    return bot.database.now() > vote.closed_at + COUNTING_SECONDS


def _is_final(error: discord.HTTPException) -> bool:
    """Whether a retry is pointless: something is gone, forbidden, or refused."""
    return error.status in (400, 403, 404)
