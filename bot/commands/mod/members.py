"""/mod block, unblock, blocked, limits and reports."""

import time
from dataclasses import asdict, replace

import discord
from discord import app_commands

from bot.commands.mod.group import (
    MAX_WHY,
    answer,
    guild_of,
    limits,
    listed,
    mod,
    wait,
)
from bot.components.mod_buttons import BLOCKED
from bot.components.pagination import PAGE, Drawn, entered, show_page
from bot.converters import duration
from bot.errors import RefusedError
from bot.policy import MAX_STEPS, MAX_WAITING, menu
from bot.services.admission import Interaction
from bot.services.audit_log_feed import report_buttons, report_embed
from core.discord_ui.job_message import escaped
from core.i18n import ENGLISH, counted, mark, say, speaking
from core.moderation import Block, Limits
from core.prompts import RecipeError
from core.recipe import parse_size

NAMES = {
    "running": mark("{n} painted at a time"),
    "waiting": mark("{n} waiting"),
    "per_hour": mark("{n} an hour"),
    "size": mark("{n} the largest size"),
    "steps": mark("{n} steps at most"),
}
MAX_SHOWN = 100  #: characters of a reason that the list shows

Number = app_commands.Range[int, 1, 1000]


@mod.command(name="block", description=mark("Let a member ask for no pictures; cancels theirs"))
@app_commands.describe(
    member=mark("Who"),
    length=mark("How long, such as 30m, 12h, 7d, 2w; without it for ever"),
    why=mark("The reason"),
)
@app_commands.rename(length="for")
async def block(
    interaction: Interaction,
    member: discord.User,
    length: app_commands.Range[str, 2, 20] | None = None,
    why: app_commands.Range[str, 1, MAX_WHY] | None = None,
) -> None:
    await wait(interaction)
    seconds = duration(length) if length else None
    if length and seconds is None:
        raise RefusedError(
            say("Say how long as 30m, 12h, 7d or 2w, or leave it out to block for ever.")
        )
    until = None if seconds is None else time.time() + seconds
    jobs = await interaction.client.moderation.block(
        guild_of(interaction),
        member.id,
        by=interaction.user.id,
        why=why,
        until=until,
        reason=BLOCKED,
    )
    told = say("{member} is blocked for ever.", member=member.mention)
    if until is not None:
        when = f"<t:{int(until)}:f>"
        told = say("{member} is blocked until {time}.", member=member.mention, time=when)
    if jobs:
        told += " " + counted(
            "{n} of their pictures is cancelled.", "{n} of their pictures are cancelled.", len(jobs)
        )
    await answer(interaction, told)


@mod.command(name="unblock", description=mark("Let a member ask for pictures again"))
@app_commands.describe(member=mark("Who"))
async def unblock(interaction: Interaction, member: discord.User) -> None:
    await wait(interaction)
    moderation = interaction.client.moderation
    if not await moderation.unblock(guild_of(interaction), member.id, interaction.user.id):
        raise RefusedError(say("{member} is not blocked.", member=member.mention))
    await answer(interaction, say("{member} may ask for pictures again.", member=member.mention))


@mod.command(name="blocked", description=mark("See who is blocked"))
async def blocked(interaction: Interaction) -> None:
    await wait(interaction)
    await show_page(interaction, "blocked")


@entered("blocked")
async def _blocked_page(interaction: Interaction, page: int, aside: str) -> Drawn:
    blocks = await interaction.client.moderation.blocks(guild_of(interaction))
    lines = map(_blocked_line, blocks[page * PAGE : (page + 1) * PAGE])
    return listed(say("Blocked members"), lines), len(blocks)


@mod.command(name="reports", description=mark("See pictures that members have reported"))
async def reports(interaction: Interaction) -> None:
    """The oldest open report with its buttons; the next one comes once it is closed."""
    await wait(interaction)
    bot = interaction.client
    count, oldest = await bot.moderation.open_reports(guild_of(interaction), limit=1)
    if not oldest:
        await answer(interaction, say("No report waits for you."))
        return
    (report,) = oldest
    await interaction.edit_original_response(
        content=say("{n} open. The oldest:", n=count),
        embed=report_embed(report, await bot.store.job(report.job_id)),
        view=report_buttons(report.id),
    )


@limits.command(name="set", description=mark("Limit what the members of a role may have"))
@app_commands.describe(
    role=mark("Which role; @everyone for all who have no other role with limits"),
    running=mark("Pictures that are painted at a time"),
    waiting=mark("Pictures that wait at a time"),
    per_hour=mark("Pictures asked for within an hour; what failed is not counted"),
    size=mark("The largest size"),
    steps=mark("The most steps"),
)
async def set_limits(
    interaction: Interaction,
    role: discord.Role,
    running: Number | None = None,
    waiting: Number | None = None,
    per_hour: Number | None = None,
    size: app_commands.Range[str, 3, 11] | None = None,
    steps: app_commands.Range[int, 1, MAX_STEPS] | None = None,
) -> None:
    """What is not named stays as it was."""
    await wait(interaction)
    named = Limits(running, waiting, per_hour, _size(size), steps)
    changes = {name: value for name, value in asdict(named).items() if value is not None}
    if not changes:
        raise RefusedError(
            say("Name at least one number, or take all back with `/mod limits clear`.")
        )
    moderation, guild_id = interaction.client.moderation, guild_of(interaction)
    before = (await moderation.limits(guild_id)).get(role.id, Limits())
    await _set(interaction, role, replace(before, **changes))


@limits.command(name="clear", description=mark("Take the limits of a role back"))
@app_commands.describe(role=mark("Which role"))
async def clear_limits(interaction: Interaction, role: discord.Role) -> None:
    await wait(interaction)
    await _set(interaction, role, Limits())


@limits.command(name="list", description=mark("See the limits of all roles"))
async def list_limits(interaction: Interaction) -> None:
    await wait(interaction)
    await show_page(interaction, "limits")


@entered("limits")
async def _limits_page(interaction: Interaction, page: int, aside: str) -> Drawn:
    guild_id = guild_of(interaction)
    found = await interaction.client.moderation.limits(guild_id)
    lines = [
        f"{_named(role, guild_id)}: {_said(each)}"
        for role, each in list(found.items())[page * PAGE : (page + 1) * PAGE]
    ]
    note = say(
        "Of several roles the most generous counts, @everyone only for those without any. Where"
        " nothing is set, {n} may wait.",
        n=MAX_WAITING,
    )
    lines.append(f"-# {note}")
    return listed(say("Limits"), lines), len(found)


@set_limits.autocomplete("size")
async def _sizes(interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
    offered = menu(interaction.client.settings.model).sizes
    return [app_commands.Choice(name=size.name, value=size.name) for size in offered]


async def _set(interaction: Interaction, role: discord.Role, wanted: Limits) -> None:
    guild_id = guild_of(interaction)
    named = _named(role.id, guild_id)
    with speaking(ENGLISH):  # as all of the log
        what = f"{named}: {_said(wanted)}"
    await interaction.client.moderation.limit(guild_id, role.id, wanted, interaction.user.id, what)
    await answer(interaction, f"{named}: {_said(wanted)}.")


def _named(role_id: int, guild_id: int) -> str:
    return "@everyone" if role_id == guild_id else f"<@&{role_id}>"


def _said(wanted: Limits) -> str:
    parts = [say(NAMES[name], n=value) for name, value in asdict(wanted).items() if value]
    return " · ".join(parts) or say("no limits of its own")


def _size(typed: str | None) -> str | None:
    if typed is None:
        return None
    try:
        width, height = parse_size(typed)
    except RecipeError as error:
        raise RefusedError(str(error)) from None
    return f"{width}x{height}"


def _blocked_line(block: Block) -> str:
    member, by = f"<@{block.member_id}>", f"<@{block.by}>"
    why = f": {escaped(block.reason[:MAX_SHOWN])}" if block.reason else ""
    if block.until is None:
        return say("{member} for ever, by {name}", member=member, name=by) + why
    when = f"<t:{int(block.until)}:f>"
    return say("{member} until {time}, by {name}", member=member, time=when, name=by) + why
