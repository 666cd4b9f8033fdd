"""Health checks for the host, shared by the bot's start and `doctor`."""

import os
import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

import discord

from core.database.connection import Database
from core.database.jobs import Jobs
from core.database.journal import Journal
from core.database.queue import JobQueue
from core.database.rows import value_of
from core.i18n import gettext_noop
from core.settings import Settings

ROOM = 1e9  #: bytes that should be free for images
NAMED = 5  #: channels that a sentence names; the others are only counted

_TO_SHOW = {
    "embed_links": gettext_noop("Embed Links"),
    "attach_files": gettext_noop("Attach Files"),
}
NEEDED = {
    "view_channel": gettext_noop("View Channel"),
    "send_messages": gettext_noop("Send Messages"),
    **_TO_SHOW,
}
"""The permissions that the bot needs where it posts images, by Discord's name for them."""
NEEDED_IN_THREADS = {
    "view_channel": gettext_noop("View Channel"),
    "send_messages_in_threads": gettext_noop("Send Messages in Threads"),
    **_TO_SHOW,
}
BARRED = ("View Channel", "Send Messages")  #: without one of these, the others don't matter


class Severity(StrEnum):
    """How bad a finding is; an error keeps the program from working."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of a check, as a sentence for the host."""

    severity: Severity
    sentence: str

    @classmethod
    def ok(cls, sentence: str) -> Self:
        return cls(Severity.OK, sentence)

    @classmethod
    def warning(cls, sentence: str) -> Self:
        return cls(Severity.WARNING, sentence)

    @classmethod
    def error(cls, sentence: str) -> Self:
        return cls(Severity.ERROR, sentence)


def check_application(application: discord.AppInfo) -> Finding:
    """Whether Discord sends commands to the bot. It needs no privileged intents."""
    if application.interactions_endpoint_url:
        return Finding.error(
            "Discord sends commands elsewhere: clear “Interactions Endpoint URL” in the developer"
            " portal (your application, page General Information)."
        )
    return Finding.ok("Discord sends commands to the bot, which needs no privileged intents.")


def check_permissions(
    guild: discord.Guild, channels: Iterable[Any], member: discord.Member
) -> Iterator[Finding]:
    """Which permissions the bot, as this member, lacks in the text channels of a server.

    A channel that it can't see or write in is assumed to be closed on purpose, as long as another
    is open.
    """
    lacking: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for channel in channels:
        if isinstance(channel, discord.TextChannel):
            lacking[_missing(channel.permissions_for(member))].append(f"#{channel.name}")
    if () in lacking:
        yield Finding.ok(
            f"The bot can post images in {_some(lacking[()])} of the server {guild.name}."
        )
    for missing, names in sorted(lacking.items()):
        where = (
            f"The bot lacks {' and '.join(missing)} in {_some(names)} of the server {guild.name}"
        )
        if missing and missing[0] in BARRED and () in lacking:
            yield Finding.ok(f"{where}, so it doesn't work there.")
        elif missing:
            yield Finding.warning(f"{where}: allow it for its role in the channel's settings.")


def _missing(granted: discord.Permissions) -> tuple[str, ...]:
    """The missing permissions; if the bot has no access at all, only that one."""
    missing = tuple(name for bit, name in NEEDED.items() if not getattr(granted, bit))
    return missing[:1] if missing and missing[0] in BARRED else missing


async def check_database(database: Database, path: Path) -> Finding:
    """Whether every page and every job can be read. Migrations are applied when it is opened."""
    async with database.snapshot() as db:
        version = int(await value_of(db, "PRAGMA user_version"))
        verdict = await value_of(db, "PRAGMA quick_check(1)")
    unreadable = _unreadable(await Jobs(database).dead_letters())
    if verdict != "ok":
        return Finding.error(
            f"The database {path} is damaged ({verdict}): restore a backup.{unreadable}"
        )
    if unreadable:
        return Finding.warning(f"The database {path} is intact.{unreadable}")
    waiting = (await JobQueue(database).stats()).waiting
    return Finding.ok(
        f"The database {path} is intact (schema {version}); {waiting} jobs are waiting."
    )


def _unreadable(job_ids: list[int]) -> str:
    """A sentence about jobs that could not be read; empty if there are none."""
    if not job_ids:
        return ""
    named = _some([f"#{job_id}" for job_id in job_ids])
    return f" These jobs could not be read and count as failed: {named}."


def check_disk(settings: Settings) -> Finding:
    """Whether images can be written, and whether there is room for them."""
    folder = _existing(settings.data_dir.absolute())
    if not os.access(folder, os.W_OK):
        return Finding.error(f"{folder} is not writable: check its permissions, or set DATA_DIR.")
    free = shutil.disk_usage(folder).free
    if free < ROOM:
        return Finding.error(
            f"Only {free / 1e6:,.0f} MB are free for images in {settings.data_dir}: free up space,"
            " or set KEEP_DAYS or DISK_QUOTA_GB."
        )
    return Finding.ok(f"{free / 1e9:,.0f} GB are free for images in {settings.data_dir}.")


def check_access(settings: Settings, env_file: Path = Path(".env")) -> Iterator[Finding]:
    """Whether other users of this machine can read the token, the database or images."""
    database = settings.database_path
    paths = (env_file, database, Journal(database).path, settings.data_dir)
    there = [path for path in paths if path.exists()]
    open_to_others = [path for path in there if path.stat().st_mode & 0o077]
    for path in open_to_others:
        yield Finding.warning(
            f"Other users of this machine can read {path}: run `chmod go= {path}`."
        )
    if there and not open_to_others:
        named = ", ".join(map(str, there))
        yield Finding.ok(f"No other user of this machine can read {named}.")


def _existing(folder: Path) -> Path:
    """The folder, or its nearest ancestor that exists."""
    return folder if folder.exists() else _existing(folder.parent)


def _some(names: list[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")
