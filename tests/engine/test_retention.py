"""The disk is kept as the settings say, and nothing goes that somebody still needs."""

import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from core.database.claims import Claims
from core.database.jobs import Jobs
from core.database.members import Members
from core.job import Job, State
from core.recipe import ImagePrompt
from core.settings import Settings
from core.storage.paths import folder_of
from core.storage.uploaded_images import store_image
from engine.retention import DAY, delete_old
from tests.databases import new_database

MEGABYTE = 10**6

Ended = Callable[..., Awaitable[Job]]


@pytest.fixture
async def database(tmp_path: Path) -> Any:
    """A database whose clock stands as many days ago as `ended` says."""
    clock = Clock()
    async with new_database(tmp_path / "imagine.db", clock=clock) as opened:
        opened.clock = clock  # type: ignore[attr-defined]
        yield opened


class Clock:
    """So many days ago."""

    days = 0.0

    def __call__(self) -> float:
        return time.time() - self.days * DAY


@pytest.fixture
def ended(database: Any, ask: Callable[..., Awaitable[Job]], tmp_path: Path) -> Ended:
    """Asks for a job, and leaves a megabyte of it on the disk, so many days ago."""

    async def ended(days: float, *, posted: bool = True, **values: Any) -> Job:
        database.clock.days = days
        job = await ask(**values)
        await Claims(database).claim("engine", 60)
        await Claims(database).finish(job.id, "engine", State.DONE)
        if posted:
            await Jobs(database).mark_posted(job.id)
        database.clock.days = 0
        folder_of(job.id, tmp_path).mkdir(parents=True)
        (folder_of(job.id, tmp_path) / "final-0.png").write_bytes(bytes(MEGABYTE))
        return job

    return ended


def kept(jobs: list[Job], data_dir: Path) -> list[bool]:
    return [folder_of(job.id, data_dir).exists() for job in jobs]


async def test_what_is_old_goes_unless_somebody_needs_it(
    database: Any, ended: Ended, ask_for: Any, tmp_path: Path
) -> None:
    old, young = await ended(31), await ended(29)
    unposted, favourite, source = await ended(99, posted=False), await ended(99), await ended(99)
    await Members(database).toggle_favourite(favourite.member_id, favourite.id, most=10)
    await Members(database).toggle_favourite(4, old.id, most=10)  # a stranger pins nothing
    await ask_for(source.recipe.more(source.id, 0, 5))
    jobs = [old, young, unposted, favourite, source]
    await delete_old(Settings(data_dir=tmp_path, keep_days=30), database)
    assert kept(jobs, tmp_path) == [False, True, True, True, True]
    assert await Jobs(database).get(old.id)  # it is only its pictures that are gone


async def test_above_the_quota_the_oldest_go_first(
    database: Any, ended: Ended, ask: Any, tmp_path: Path
) -> None:
    favourite, old, middle, young = [await ended(days) for days in (9, 8, 7, 6)]
    await Members(database).toggle_favourite(favourite.member_id, favourite.id, most=10)
    running = await ask()
    await Claims(database).claim("engine", 60)
    folder_of(running.id, tmp_path).mkdir()
    (folder_of(running.id, tmp_path) / "frame-0001.webp").write_bytes(bytes(MEGABYTE))
    jobs = [favourite, old, middle, young, running]
    await delete_old(Settings(data_dir=tmp_path, disk_quota_gb=0.0035), database)
    assert kept(jobs, tmp_path) == [True, False, False, True, True]
    await delete_old(Settings(data_dir=tmp_path, disk_quota_gb=0.0001), database)
    assert kept(jobs, tmp_path) == [True, False, False, False, True]


async def test_without_a_limit_everything_stays(
    database: Any, ended: Ended, tmp_path: Path
) -> None:
    job = await ended(10_000)
    await delete_old(Settings(data_dir=tmp_path), database)
    assert kept([job], tmp_path) == [True]


async def test_an_attached_image_of_no_job_is_deleted_without_any_limit(
    database: Any, ended: Ended, tmp_path: Path
) -> None:
    pictures = [Image.new("RGB", (9, 9), colour) for colour in ("red", "lime", "blue", "navy")]
    stray, fresh, used, again = (store_image(picture, tmp_path) for picture in pictures)
    for name in (stray, used, again):
        os.utime(tmp_path / "initial" / f"{name}.png", (0, 0))
    await ended(10_000, initial=used)
    store_image(pictures[-1], tmp_path)  # somebody attaches the very same picture
    await delete_old(Settings(data_dir=tmp_path), database)
    assert {path.stem for path in (tmp_path / "initial").iterdir()} == {fresh, used, again}


async def test_images_that_members_attached_go_with_the_last_job_that_needs_them(
    database: Any, ended: Ended, tmp_path: Path
) -> None:
    pictures = [Image.new("RGB", (9, 9), colour) for colour in ("red", "lime", "blue", "navy")]
    once, twice, like, fresh = (store_image(picture, tmp_path) for picture in pictures)
    for name in (once, twice, like):
        os.utime(tmp_path / "initial" / f"{name}.png", (0, 0))
    await ended(40, initial=once)
    await ended(40, initial=twice)
    await ended(20, initial=twice)
    await ended(20, include_images=[ImagePrompt(like)])
    await delete_old(Settings(data_dir=tmp_path, keep_days=30), database)
    left = {path.stem for path in (tmp_path / "initial").iterdir()}
    assert left == {twice, like, fresh}  # the last belongs to a job that is just being asked for


async def test_what_an_engine_wrote_while_its_job_was_deleted_goes_without_any_limit(
    database: Any, ended: Ended, tmp_path: Path
) -> None:
    uploads = [
        store_image(Image.new("RGB", (9, 9), colour), tmp_path) for colour in ("red", "lime")
    ]
    erased, deleted, kept_job, fresh = [
        await ended(10, initial=uploads[0] if n < 2 else uploads[1]) for n in range(4)
    ]
    for job in (erased, deleted, kept_job):
        os.utime(folder_of(job.id, tmp_path) / "final-0.png", (0, 0))
    for name in uploads:
        os.utime(tmp_path / "initial" / f"{name}.png", (0, 0))
    async with database.transaction() as db:
        await db.execute("DELETE FROM jobs WHERE id IN (?, ?)", (erased.id, fresh.id))
        await db.execute("UPDATE jobs SET deleted_at = 1 WHERE id = ?", (deleted.id,))
    await delete_old(Settings(data_dir=tmp_path), database)
    jobs = [erased, deleted, kept_job, fresh]
    assert kept(jobs, tmp_path) == [False, False, True, True]  # the last was written just now
    assert [path.stem for path in (tmp_path / "initial").iterdir()] == [uploads[1]]


async def test_what_no_job_knows_goes_whatever_else_is_there(database: Any, tmp_path: Path) -> None:
    weights = tmp_path / "weights" / "7" / "model.ckpt"
    stray = tmp_path / "pictures" / "7" / "final-0.png"
    notes = tmp_path / "pictures" / "notes" / "mine.txt"
    for path in (weights, stray, notes):
        path.parent.mkdir(parents=True)
        path.write_bytes(b"")
        os.utime(path, (0, 0))
    await delete_old(Settings(data_dir=tmp_path, keep_days=30), database)
    assert [path.exists() for path in (weights, stray, notes)] == [True, False, True]
