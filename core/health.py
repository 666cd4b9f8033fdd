"""Looks at what a host should mend: those that the bot's start and the doctor have in common."""

import os
import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import discord

from core.database.connection import Database
from core.database.jobs import Jobs
from core.database.journal import Journal
from core.database.queue import JobQueue
from core.database.rows import value_of
from core.i18n import gettext_noop
from core.settings import Settings

ROOM = 1e9  #: bytes that should be free for pictures
NAMED = 5  #: channels that are named in a sentence; of others only the number is told

_TO_SHOW = {
    "embed_links": gettext_noop("Embed Links"),
    "attach_files": gettext_noop("Attach Files"),
}
NEEDED = {
    "view_channel": gettext_noop("View Channel"),
    "send_messages": gettext_noop("Send Messages"),
    **_TO_SHOW,
}
"""What the bot must be allowed to do where it shows pictures, and what Discord calls it."""
NEEDED_IN_THREADS = {
    "view_channel": gettext_noop("View Channel"),
    "send_messages_in_threads": gettext_noop("Send Messages in Threads"),
    **_TO_SHOW,
}
BARRED = ("View Channel", "Send Messages")  #: without one of these the others mean nothing


class Verdict(StrEnum):
    """How it stands with something: well, not as it might be, or so that it stops the program."""

    WELL = "ok"
    FLAW = "see"
    STOPS = "NOT"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one look found, in a sentence for the host."""

    verdict: Verdict
    sentence: str


def well(sentence: str) -> Finding:
    return Finding(Verdict.WELL, sentence)


def flaw(sentence: str) -> Finding:
    return Finding(Verdict.FLAW, sentence)


def stops(sentence: str) -> Finding:
    return Finding(Verdict.STOPS, sentence)


def look_at_application(application: discord.AppInfo) -> Finding:
    """Whether Discord brings commands to the bot. It asks for no privileged intents."""
    if application.interactions_endpoint_url:
        return stops(
            "Discord sends the commands elsewhere: empty “Interactions Endpoint URL” in the"
            " developer portal (your application, page General Information)."
        )
    return well("Discord brings commands to the bot, which needs no privileged intents for them.")


def look_at_permissions(
    guild: discord.Guild, channels: Iterable[Any], member: discord.Member
) -> Iterator[Finding]:
    """What the bot, as this member, may not do in the text channels of a server.

    Where it may not look or speak at all, that is meant so, as long as it may in another.
    """
    lacking: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for channel in channels:
        if isinstance(channel, discord.TextChannel):
            lacking[_missing(channel.permissions_for(member))].append(f"#{channel.name}")
    if () in lacking:
        yield well(f"In {_some(lacking[()])} of the server {guild.name} the bot may show pictures.")
    for missing, names in sorted(lacking.items()):
        where = (
            f"In {_some(names)} of the server {guild.name} the bot lacks {' and '.join(missing)}"
        )
        if missing and missing[0] in BARRED and () in lacking:
            yield well(f"{where}, and stays away.")
        elif missing:
            yield flaw(f"{where}: allow it to its role in the settings of the channel.")


def _missing(granted: discord.Permissions) -> tuple[str, ...]:
    """What is not granted; where the bot is barred, that alone."""
    missing = tuple(name for bit, name in NEEDED.items() if not getattr(granted, bit))
    return missing[:1] if missing and missing[0] in BARRED else missing


async def look_at_database(database: Database, path: Path) -> Finding:
    """Whether every page and every job can be read; opening it has applied the migrations."""
    async with database.snapshot() as db:
        version = int(await value_of(db, "PRAGMA user_version"))
        verdict = await value_of(db, "PRAGMA quick_check(1)")
    unreadable = _unreadable(await Jobs(database).dead_letters())
    if verdict != "ok":
        return stops(f"The database {path} is damaged ({verdict}): restore a backup.{unreadable}")
    if unreadable:
        return flaw(f"The database {path} is whole.{unreadable}")
    waiting = (await JobQueue(database).stats()).waiting
    return well(f"The database {path} is whole, with {version} migrations; {waiting} jobs wait.")


def _unreadable(job_ids: list[int]) -> str:
    """A sentence about jobs that could not be read, empty without any."""
    if not job_ids:
        return ""
    named = _some([f"#{job_id}" for job_id in job_ids])
    return f" These jobs could not be read and count as failed: {named}."


def look_at_disk(settings: Settings) -> Finding:
    """Whether pictures can be written, and how many."""
    folder = _existing(settings.data_dir.absolute())
    if not os.access(folder, os.W_OK):
        return stops(f"{folder} cannot be written: check its rights, or set DATA_DIR.")
    free = shutil.disk_usage(folder).free
    if free < ROOM:
        return stops(
            f"Only {free / 1e6:,.0f} MB are free for pictures in {settings.data_dir}: make room,"
            " or set KEEP_DAYS or DISK_QUOTA_GB."
        )
    return well(f"{free / 1e9:,.0f} GB are free for pictures in {settings.data_dir}.")


def look_at_access(settings: Settings, env_file: Path = Path(".env")) -> Iterator[Finding]:
    """Whether other users of this machine can read the token, what members wrote, or images."""
    database = settings.database_path
    paths = (env_file, database, Journal(database).path, settings.data_dir)
    there = [path for path in paths if path.exists()]
    open_to_others = [path for path in there if path.stat().st_mode & 0o077]
    for path in open_to_others:
        yield flaw(f"Other users of this machine can read {path}: run `chmod go= {path}`.")
    if there and not open_to_others:
        named = ", ".join(map(str, there))
        yield well(f"No other user of this machine can read {named}.")


def _existing(folder: Path) -> Path:
    """The folder, or the nearest above it that is there already."""
    return folder if folder.exists() else _existing(folder.parent)


def _some(names: list[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")
