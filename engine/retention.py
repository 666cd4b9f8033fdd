"""Keeps the disk as the settings say: what is old goes, and what is above the quota.

Only images, frames and states of jobs are removed, and the images that members uploaded; never
what `core.storage.retention` still needs, weights, or the database. What belongs to no job goes
within two hours, whatever the settings: uploads of requests that were never sent or were refused,
so that nobody can fill a disk by them, and what an engine wrote while its job was being deleted.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import structlog

from core.database.jobs import Store, StoreError
from core.settings import Settings
from core.storage.paths import remove_folder
from core.storage.retention import Needed, needed

log = structlog.stdlib.get_logger(__name__)

HOUR, DAY = 3600.0, 86400.0  #: seconds


@dataclass(frozen=True, slots=True)
class _Thing:
    """A job's folder or a stored picture, with its size in bytes and when it was last written."""

    path: Path
    size: int
    written: float

    @property
    def is_picture(self) -> bool:
        return self.path.suffix == ".png"

    def needed_until(self, needed: Needed) -> float:
        """What belongs to no job may belong to one that is just being asked for."""
        until = self._known(needed)
        return self.written + HOUR if until is None else until

    def strays(self, needed: Needed) -> bool:
        """Whether it belongs to no job, or only to deleted ones."""
        return self._known(needed) is None

    def _known(self, needed: Needed) -> float | None:
        if self.is_picture:
            return needed.pictures.get(self.path.stem)
        return needed.jobs.get(int(self.path.name))


async def keep_tidy(settings: Settings, store: Store) -> None:
    """Looks once an hour until cancelled."""
    while True:
        try:
            await tidy(settings, store)
        except (OSError, StoreError) as error:
            log.warning("old pictures cannot be removed, trying again", error=str(error))
        await asyncio.sleep(HOUR)


async def tidy(settings: Settings, store: Store) -> None:
    """Removes what strays or has outlived KEEP_DAYS, then the oldest until DISK_QUOTA_GB is kept.

    Raises OSError, StoreError.
    """
    things = await asyncio.to_thread(lambda: list(_things(settings.data_dir)))
    pictures = [thing.path.stem for thing in things if thing.is_picture]
    jobs = [int(thing.path.name) for thing in things if not thing.is_picture]
    still = await needed(store, jobs=jobs, pictures=pictures)
    aged = sorted(((thing.needed_until(still), thing) for thing in things), key=lambda one: one[0])
    now, used = time.time(), sum(thing.size for thing in things)
    oldest = now - settings.keep_days * DAY if settings.keep_days else float("-inf")
    quota = settings.disk_quota_gb * 1e9 if settings.disk_quota_gb else float("inf")
    for until, thing in aged:
        dispensable = used > quota or thing.strays(still)
        if until < oldest or (dispensable and until < now):
            try:
                await asyncio.to_thread(_remove, thing.path, settings.data_dir)
            except OSError as error:
                log.warning("a file cannot be removed", path=str(thing.path), error=str(error))
                continue
            used -= thing.size
            log.info("removed", path=str(thing.path), bytes=thing.size)
    if used > quota:
        log.warning("what is needed takes more than DISK_QUOTA_GB", bytes=used)


def _things(data_dir: Path) -> Iterator[_Thing]:
    folders = (data_dir / "pictures").glob("*")
    for path in (*filter(_is_job, folders), *(data_dir / "initial").glob("*.png")):
        with suppress(FileNotFoundError):  # it changes just now: it is looked at the next time
            files = [file.stat() for file in (path.iterdir() if path.is_dir() else [path])]
            written = max((file.st_mtime for file in files), default=0.0)
            yield _Thing(path, sum(file.st_size for file in files), written)


def _is_job(path: Path) -> bool:
    return path.name.isdecimal() and path.is_dir()


def _remove(path: Path, data_dir: Path) -> None:
    """What is gone already is not missed. Raises OSError."""
    if path.is_dir():
        remove_folder(int(path.name), data_dir)
    else:
        path.unlink(missing_ok=True)
