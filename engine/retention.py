"""Deletes old files, as KEEP_DAYS and DISK_QUOTA_GB say.

Only job folders and uploaded images are deleted; never weights, the database, or files that are
still needed (`core.storage.retention`). Files that belong to no job are deleted within two hours,
whatever the settings: uploads of requests that were not sent or were refused, so that nobody can
fill the disk with them, and files that an engine wrote while its job was being deleted.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import structlog

from core.database.connection import Database
from core.database.errors import StoreError
from core.settings import Settings
from core.storage.paths import remove_folder
from core.storage.retention import NeededUntil, needed_until

log = structlog.stdlib.get_logger(__name__)

HOUR, DAY = 3600.0, 86400.0  #: seconds


@dataclass(frozen=True, slots=True)
class _Stored:
    """A job's folder or an uploaded image; `size` in bytes, `written` in seconds since 1970."""

    path: Path
    size: int
    written: float

    @property
    def is_upload(self) -> bool:
        return self.path.suffix == ".png"

    def needed_until(self, needed: NeededUntil) -> float:
        """Seconds since 1970. An orphan is kept for an hour, as its job may not be stored yet."""
        until = self._lookup(needed)
        return self.written + HOUR if until is None else until

    def is_orphan(self, needed: NeededUntil) -> bool:
        """Whether it belongs to no job, or only to deleted ones."""
        return self._lookup(needed) is None

    def _lookup(self, needed: NeededUntil) -> float | None:
        if self.is_upload:
            return needed.images.get(self.path.stem)
        return needed.jobs.get(int(self.path.name))


async def delete_hourly(settings: Settings, database: Database) -> None:
    """Runs until cancelled."""
    while True:
        try:
            await delete_old(settings, database)
        except (OSError, StoreError) as error:
            log.warning("old files cannot be deleted, trying again", error=str(error))
        await asyncio.sleep(HOUR)


async def delete_old(settings: Settings, database: Database) -> None:
    """Deletes orphans, what is older than KEEP_DAYS, and the oldest beyond DISK_QUOTA_GB.

    Raises OSError, StoreError.
    """
    stored = await asyncio.to_thread(lambda: list(_stored(settings.data_dir)))
    uploads = [each.path.stem for each in stored if each.is_upload]
    jobs = [int(each.path.name) for each in stored if not each.is_upload]
    needed = await needed_until(database, jobs=jobs, images=uploads)
    by_age = sorted(((each.needed_until(needed), each) for each in stored), key=lambda one: one[0])
    now, used = time.time(), sum(each.size for each in stored)
    oldest = now - settings.keep_days * DAY if settings.keep_days else float("-inf")
    quota = settings.disk_quota_gb * 1e9 if settings.disk_quota_gb else float("inf")
    for until, each in by_age:
        dispensable = used > quota or each.is_orphan(needed)
        if until < oldest or (dispensable and until < now):
            try:
                await asyncio.to_thread(_delete, each.path, settings.data_dir)
            except OSError as error:
                log.warning("a file cannot be deleted", path=str(each.path), error=str(error))
                continue
            used -= each.size
            log.info("deleted", path=str(each.path), bytes=each.size)
    if used > quota:
        log.warning("needed files exceed DISK_QUOTA_GB", bytes=used)


def _stored(data_dir: Path) -> Iterator[_Stored]:
    folders = (data_dir / "pictures").glob("*")
    for path in (*filter(_is_job, folders), *(data_dir / "initial").glob("*.png")):
        with suppress(FileNotFoundError):  # it is being changed; the next run handles it
            files = [file.stat() for file in (path.iterdir() if path.is_dir() else [path])]
            written = max((file.st_mtime for file in files), default=0.0)
            yield _Stored(path, sum(file.st_size for file in files), written)


def _is_job(path: Path) -> bool:
    return path.name.isdecimal() and path.is_dir()


def _delete(path: Path, data_dir: Path) -> None:
    """Deletes a folder or file. Raises OSError, except if it is already gone."""
    if path.is_dir():
        remove_folder(int(path.name), data_dir)
    else:
        path.unlink(missing_ok=True)
