"""What the host sees of the bot: engines, queue, versions, damage, disk, and how it is used."""

import asyncio
import platform
import shutil
from collections.abc import AsyncIterator
from importlib.metadata import version

import discord

from bot.client import ImagineBot
from core.database.engines import Engine, Engines
from core.database.statistics import Statistics
from core.discord_ui.job_message import duration_text
from core.discord_ui.text import escape
from core.i18n import gettext, ngettext

MAX_NAMED = 20  #: engines, and damaged jobs, that are listed at most


async def status_embed(bot: ImagineBot) -> discord.Embed:
    """The state of the bot and its engines at this moment. Raises StoreError."""
    lines = [line async for line in _lines(bot)]
    title, colour = gettext("Status"), discord.Colour.blurple()
    return discord.Embed(title=title, description="\n".join(lines), colour=colour)


async def _lines(bot: ImagineBot) -> AsyncIterator[str]:
    if pause := (await bot.guild_settings.get(None)).pause:
        why = f": {escape(pause.reason)}" if pause.reason else "."
        yield gettext("**Imagine is paused on all servers**") + why
    engines = await Engines(bot.database).active()
    yield gettext("**Engines** ({n})", n=len(engines))
    for engine in engines[:MAX_NAMED]:
        yield f"- {_engine(engine)}"
    stats = await bot.queue.stats()
    queue = gettext(
        "{waiting} waiting, {running} in progress, {unposted} not posted yet",
        waiting=stats.waiting,
        running=stats.running,
        unposted=stats.unposted,
    )
    if stats.oldest is not None:
        queue += " · " + gettext("oldest request: {time}", time=f"<t:{int(stats.oldest)}:R>")
    yield gettext("**Queue** {text}", text=queue)
    damaged = await bot.jobs.dead_letters()
    named = ", ".join(f"#{job_id}" for job_id in damaged[:MAX_NAMED])
    yield gettext("**Damaged jobs** {text}", text=f"{len(damaged)} ({named})" if damaged else "0")
    yield gettext("**Disk** {text}", text=await asyncio.to_thread(_disk, bot))
    yield gettext("**Servers** {n}", n=len(bot.guilds))
    packages = ", ".join(f"{package} {version(package)}" for package in ("imagine", "discord.py"))
    yield gettext("**Versions** {text}", text=f"{packages}, Python {platform.python_version()}")


def _engine(engine: Engine) -> str:
    parts = [
        f"`{engine.name}`",
        engine.model,
        engine.version,
        ngettext("{n} renderer", "{n} renderers", engine.renderers),
        gettext("{n} in progress", n=engine.running),
    ]
    return " · ".join(parts)


def _disk(bot: ImagineBot) -> str:
    disk = shutil.disk_usage(bot.settings.data_dir)
    database = bot.settings.database_path.stat().st_size
    return gettext(
        "{free} GB free of {total} GB; the database takes {size} MB",
        free=f"{disk.free / 1e9:.1f}",
        total=f"{disk.total / 1e9:.0f}",
        size=f"{database / 1e6:.1f}",
    )


def statistics_embed(statistics: Statistics, title: str) -> discord.Embed:
    """The usage statistics of a period."""
    jobs = gettext(
        "**Requests** {n}: {done} done, {failed} failed, {cancelled} cancelled",
        n=statistics.jobs,
        done=statistics.done,
        failed=statistics.failed,
        cancelled=statistics.cancelled,
    )
    lines = [
        jobs,
        gettext("**Images** {n}", n=statistics.images),
        gettext("**Members** {n}", n=statistics.members),
        gettext("**Refused requests** {n}", n=statistics.refusals),
    ]
    if statistics.median_wait is not None and statistics.long_wait is not None:
        lines.append(
            gettext(
                "**Waiting time** median {median}, 90 % within {long}",
                median=duration_text(statistics.median_wait),
                long=duration_text(statistics.long_wait),
            )
        )
    text, colour = "\n".join(lines), discord.Colour.blurple()
    return discord.Embed(title=title, description=text, colour=colour)
