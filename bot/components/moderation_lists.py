"""The lists of /mod: the server's queue, blocked members, limits, words, styles, the audit log."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TypeVar

import discord

from bot.components.pagination import PAGE_SIZE, ModeratorList, Page
from bot.policy import MAX_WAITING
from bot.types import Interaction
from core.discord_ui.audit_log import entry_line
from core.discord_ui.text import escape, truncate
from core.i18n import gettext, gettext_noop
from core.image_check import CheckAction, Concept
from core.job import Job, State
from core.moderation import Block, Limits, WordRule
from core.prompts import format_prompts
from core.styles import Style

T = TypeVar("T")

MAX_PROMPT = 80  #: characters of a prompt that are shown
MAX_REASON = 100  #: characters of a reason that are shown

LIMITS = {
    "running": gettext_noop("{n} in progress at a time"),
    "waiting": gettext_noop("{n} waiting"),
    "per_hour": gettext_noop("{n} per hour"),
    "size": gettext_noop("up to {n}"),
    "steps": gettext_noop("up to {n} steps"),
    "film_frames": gettext_noop("films of up to {n} frames"),
}
EVERYWHERE, AGE_RESTRICTED = (
    gettext_noop("everywhere"),
    gettext_noop("outside of age-restricted channels"),
)


CHECK_ACTIONS = {
    CheckAction.SPOILER: gettext_noop("show it as a spoiler"),
    CheckAction.HOLD: gettext_noop("let moderators look first"),
    CheckAction.REFUSE: gettext_noop("delete it"),
}
"""What happens to an image that shows a concept."""


def list_embed(title: str, lines: Iterable[str]) -> discord.Embed:
    """An embed with these lines, or a note that there are none."""
    text = "\n".join(lines) or gettext("Nothing here.")
    return discord.Embed(title=title, description=text, colour=discord.Colour.blurple())


def limits_text(limits: Limits) -> str:
    """The limits of a role in one line."""
    parts = [gettext(LIMITS[name], n=value) for name, value in asdict(limits).items() if value]
    return " · ".join(parts) or gettext("no limits of its own")


def role_text(role_id: int, guild_id: int) -> str:
    """A mention of a role; the server's own id is that of @everyone."""
    return "@everyone" if role_id == guild_id else f"<@&{role_id}>"


def where_text(rule: WordRule) -> str:
    """Where a word is refused."""
    return gettext(AGE_RESTRICTED if rule.age_restricted else EVERYWHERE)


def concept_line(concept: Concept) -> str:
    """A concept, and what happens to images that show it."""
    return f"“{escape(concept.text)}” · {gettext(CHECK_ACTIONS[concept.action])}"


class ModQueueList(ModeratorList, name="modqueue"):
    @classmethod
    async def page(cls, interaction: Interaction, number: int, filter_text: str) -> Page:
        bot, guild_id = interaction.client, interaction.guild_id or 0
        count, jobs = await bot.moderation_queue.page(
            guild_id, limit=PAGE_SIZE, offset=number * PAGE_SIZE
        )
        lines = [_job_line(job) for job in jobs]
        if pause := (await bot.guild_settings.get(guild_id)).pause:
            why = f": {escape(pause.reason)}" if pause.reason else "."
            since, by = f"<t:{int(pause.since)}:R>", f"<@{pause.by}>"
            line = gettext("**Paused** {since} by {name}", since=since, name=by)
            if pause.everywhere:
                line = gettext("**Imagine is paused on all servers**")
            lines.insert(0, line + why)
        return list_embed(gettext("Queue of this server"), lines), count


class BlockedList(ModeratorList, name="blocked"):
    @classmethod
    async def page(cls, interaction: Interaction, number: int, filter_text: str) -> Page:
        blocks = await interaction.client.blocks.active(interaction.guild_id or 0)
        lines = map(_block_line, _on_page(blocks, number))
        return list_embed(gettext("Blocked members"), lines), len(blocks)


class LimitsList(ModeratorList, name="limits"):
    @classmethod
    async def page(cls, interaction: Interaction, number: int, filter_text: str) -> Page:
        guild_id = interaction.guild_id or 0
        found = await interaction.client.guild_rules.limits(guild_id)
        lines = [
            f"{role_text(role, guild_id)}: {limits_text(limits)}"
            for role, limits in _on_page(list(found.items()), number)
        ]
        note = gettext(
            "With several roles, the most generous limit applies; @everyone only applies to members"
            " without any of these roles. Where nothing is set, {n} may wait.",
            n=MAX_WAITING,
        )
        lines.append(f"-# {note}")
        return list_embed(gettext("Limits"), lines), len(found)


class WordList(ModeratorList, name="words"):
    @classmethod
    async def page(cls, interaction: Interaction, number: int, filter_text: str) -> Page:
        rules = await interaction.client.guild_rules.words(interaction.guild_id or 0)
        lines = [f"{escape(rule.text)} · {where_text(rule)}" for rule in _on_page(rules, number)]
        return list_embed(gettext("Refused words"), lines), len(rules)


class StyleList(ModeratorList, name="styles"):
    @classmethod
    async def page(cls, interaction: Interaction, number: int, filter_text: str) -> Page:
        styles = await interaction.client.guild_styles.all(interaction.guild_id or 0)
        lines = map(_style_line, _on_page(styles, number))
        return list_embed(gettext("Styles of this server"), lines), len(styles)


class AuditLogList(ModeratorList, name="log"):
    """The filter is the id of a member, or empty."""

    @classmethod
    async def page(cls, interaction: Interaction, number: int, filter_text: str) -> Page:
        count, entries = await interaction.client.audit_log.page(
            interaction.guild_id or 0,
            member_id=int(filter_text) if filter_text else None,
            limit=PAGE_SIZE,
            offset=number * PAGE_SIZE,
        )
        return list_embed(gettext("Log"), map(entry_line, entries)), count


def _on_page(entries: Sequence[T], number: int) -> Sequence[T]:
    return entries[number * PAGE_SIZE : (number + 1) * PAGE_SIZE]


def _job_line(job: Job) -> str:
    state = gettext("waiting")
    if job.state is State.RUNNING:
        state = gettext("step {step}/{steps}", step=job.step, steps=job.recipe.steps)
    member, channel = f"<@{job.member_id}>", f"<#{job.channel_id}>"
    whose = gettext("{member} in {channel}", member=member, channel=channel)
    return f"#{job.id} · {state} · {whose} · {escape(truncate(job.title, MAX_PROMPT))}"


def _style_line(style: Style) -> str:
    sides = (format_prompts(side) for side in (style.include, style.exclude))
    prompts = truncate(" − ".join(filter(None, sides)), MAX_PROMPT)
    return f"**{escape(style.name)}** · {escape(prompts)}"


def _block_line(block: Block) -> str:
    member, by = f"<@{block.member_id}>", f"<@{block.by}>"
    why = f": {escape(truncate(block.reason, MAX_REASON))}" if block.reason else ""
    if block.until is None:
        return gettext("{member} permanently, by {name}", member=member, name=by) + why
    when = f"<t:{int(block.until)}:f>"
    return gettext("{member} until {time}, by {name}", member=member, time=when, name=by) + why
