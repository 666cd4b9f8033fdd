"""Health checks for the host, run when the bot starts and by `doctor`."""

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

MIN_FREE_BYTES = 1e9  #: free disk space that images need
MAX_NAMES = 5  #: names that a sentence lists; the rest are only counted

_FOR_IMAGES = {
    "embed_links": gettext_noop("Embed Links"),
    "attach_files": gettext_noop("Attach Files"),
}
REQUIRED_PERMISSIONS = {
    "view_channel": gettext_noop("View Channel"),
    "send_messages": gettext_noop("Send Messages"),
    **_FOR_IMAGES,
}
"""The permissions that the bot needs to post images: discord.py's names and Discord's labels."""
REQUIRED_PERMISSIONS_IN_THREADS = {
    "view_channel": gettext_noop("View Channel"),
    "send_messages_in_threads": gettext_noop("Send Messages in Threads"),
    **_FOR_IMAGES,
}
ACCESS_PERMISSIONS = ("View Channel", "Send Messages")
"""Without one of these, the others don't matter."""


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
    """Checks whether Discord sends commands to the bot. It needs no privileged intents."""
    if application.interactions_endpoint_url:
        return Finding.error(
            "Discord sends commands elsewhere: clear “Interactions Endpoint URL” in the developer"
            " portal (your application, page General Information)."
        )
    return Finding.ok("Discord sends commands to the bot, which needs no privileged intents.")


def check_permissions(
    guild: discord.Guild, channels: Iterable[Any], member: discord.Member
) -> Iterator[Finding]:
    """Checks which permissions the bot lacks in a server's text channels; `member` is the bot.

    A channel that it can't see or write in is assumed to be closed on purpose, as long as another
    one is open.
    """
    lacking: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for channel in channels:
        if isinstance(channel, discord.TextChannel):
            lacking[_missing(channel.permissions_for(member))].append(f"#{channel.name}")
    if () in lacking:
        yield Finding.ok(
            f"The bot can post images in {_listed(lacking[()])} of the server {guild.name}."
        )
    for missing, names in sorted(lacking.items()):
        where = (
            f"The bot lacks {' and '.join(missing)} in {_listed(names)} of the server {guild.name}"
        )
        if missing and missing[0] in ACCESS_PERMISSIONS and () in lacking:
            yield Finding.ok(f"{where}, so it doesn't work there.")
        elif missing:
            yield Finding.warning(f"{where}: allow it for its role in the channel's settings.")


def _missing(granted: discord.Permissions) -> tuple[str, ...]:
    """The missing permissions; if the bot has no access at all, only that one."""
    missing = tuple(
        name for flag, name in REQUIRED_PERMISSIONS.items() if not getattr(granted, flag)
    )
    return missing[:1] if missing and missing[0] in ACCESS_PERMISSIONS else missing


async def check_database(database: Database, path: Path) -> Finding:
    """Checks whether every page and every job can be read."""
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
    named = _listed([f"#{job_id}" for job_id in job_ids])
    return f" These jobs could not be read and count as failed: {named}."


def check_disk(settings: Settings) -> Finding:
    """Checks whether images can be written, and whether there is enough disk space."""
    folder = _nearest_existing(settings.data_dir.absolute())
    if not os.access(folder, os.W_OK):
        return Finding.error(f"{folder} is not writable: check its permissions, or set DATA_DIR.")
    free = shutil.disk_usage(folder).free
    if free < MIN_FREE_BYTES:
        return Finding.error(
            f"Only {free / 1e6:,.0f} MB are free for images in {settings.data_dir}: free up space,"
            " or set KEEP_DAYS or DISK_QUOTA_GB."
        )
    return Finding.ok(f"{free / 1e9:,.0f} GB are free for images in {settings.data_dir}.")


def check_access(settings: Settings, env_file: Path = Path(".env")) -> Iterator[Finding]:
    """Checks whether other users of this machine can read the token, the database or images."""
    database = settings.database_path
    paths = (env_file, database, Journal(database).path, settings.data_dir)
    existing = [path for path in paths if path.exists()]
    open_to_others = [path for path in existing if path.stat().st_mode & 0o077]
    for path in open_to_others:
        yield Finding.warning(
            f"Other users of this machine can read {path}: run `chmod go= {path}`."
        )
    if existing and not open_to_others:
        named = ", ".join(map(str, existing))
        yield Finding.ok(f"No other user of this machine can read {named}.")


def _nearest_existing(folder: Path) -> Path:
    """The folder, or its nearest ancestor that exists."""
    return folder if folder.exists() else _nearest_existing(folder.parent)


def _listed(names: list[str]) -> str:
    more = len(names) - MAX_NAMES
    return ", ".join(names[:MAX_NAMES]) + (f" and {more} more" if more > 0 else "")
