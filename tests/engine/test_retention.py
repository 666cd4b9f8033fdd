"""Old files are deleted as the settings say, but none that somebody still needs."""

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

EndedJobFactory = Callable[..., Awaitable[Job]]


@pytest.fixture
async def database(tmp_path: Path) -> Any:
    """A database whose clock can be set back by `clock.days`."""
    clock = Clock()
    async with new_database(tmp_path / "imagine.db", clock=clock) as opened:
        opened.clock = clock  # type: ignore[attr-defined]
        yield opened


class Clock:
    """The time `days` days ago."""

    days = 0.0

    def __call__(self) -> float:
        return time.time() - self.days * DAY


@pytest.fixture
def ended_job(
    database: Any, enqueue: Callable[..., Awaitable[Job]], tmp_path: Path
) -> EndedJobFactory:
    """Makes a job that ended `days` days ago, with a megabyte on disk."""

    async def ended_job(days: float, *, posted: bool = True, **values: Any) -> Job:
        database.clock.days = days
        job = await enqueue(**values)
        await Claims(database).claim("engine", 60)
        await Claims(database).finish(job.id, "engine", State.DONE)
        if posted:
            await Jobs(database).mark_posted(job.id)
        database.clock.days = 0
        folder_of(job.id, tmp_path).mkdir(parents=True)
        (folder_of(job.id, tmp_path) / "final-0.png").write_bytes(bytes(MEGABYTE))
        return job

    return ended_job


def folders_exist(jobs: list[Job], data_dir: Path) -> list[bool]:
    return [folder_of(job.id, data_dir).exists() for job in jobs]


async def test_old_jobs_are_deleted_unless_somebody_needs_them(
    database: Any, ended_job: EndedJobFactory, enqueue_recipe: Any, tmp_path: Path
) -> None:
    old, young = await ended_job(31), await ended_job(29)
    unposted, favourite, source = (
        await ended_job(99, posted=False),
        await ended_job(99),
        await ended_job(99),
    )
    await Members(database).toggle_favourite(favourite.member_id, favourite.id, limit=10)
    # A favourite of another member's job does not keep it.
    await Members(database).toggle_favourite(4, old.id, limit=10)
    await enqueue_recipe(source.recipe.continue_from(source.id, 0, 5))
    jobs = [old, young, unposted, favourite, source]
    await delete_old(Settings(data_dir=tmp_path, keep_days=30), database)
    assert folders_exist(jobs, tmp_path) == [False, True, True, True, True]
    assert await Jobs(database).get(old.id)  # only its images are deleted


async def test_above_the_quota_the_oldest_jobs_are_deleted_first(
    database: Any, ended_job: EndedJobFactory, enqueue: Any, tmp_path: Path
) -> None:
    favourite, old, middle, young = [await ended_job(days) for days in (9, 8, 7, 6)]
    await Members(database).toggle_favourite(favourite.member_id, favourite.id, limit=10)
    running = await enqueue()
    await Claims(database).claim("engine", 60)
    folder_of(running.id, tmp_path).mkdir()
    (folder_of(running.id, tmp_path) / "frame-0001.webp").write_bytes(bytes(MEGABYTE))
    jobs = [favourite, old, middle, young, running]
    await delete_old(Settings(data_dir=tmp_path, disk_quota_gb=0.0035), database)
    assert folders_exist(jobs, tmp_path) == [True, False, False, True, True]
    await delete_old(Settings(data_dir=tmp_path, disk_quota_gb=0.0001), database)
    assert folders_exist(jobs, tmp_path) == [True, False, False, False, True]


async def test_without_limits_every_job_is_kept(
    database: Any, ended_job: EndedJobFactory, tmp_path: Path
) -> None:
    job = await ended_job(10_000)
    await delete_old(Settings(data_dir=tmp_path), database)
    assert folders_exist([job], tmp_path) == [True]


async def test_an_uploaded_image_of_no_job_is_deleted_even_without_limits(
    database: Any, ended_job: EndedJobFactory, tmp_path: Path
) -> None:
    images = [Image.new("RGB", (9, 9), colour) for colour in ("red", "lime", "blue", "navy")]
    orphan, fresh, used, reuploaded = (store_image(image, tmp_path) for image in images)
    for name in (orphan, used, reuploaded):
        os.utime(tmp_path / "initial" / f"{name}.png", (0, 0))
    await ended_job(10_000, initial=used)
    store_image(images[-1], tmp_path)  # somebody uploads the same image again
    await delete_old(Settings(data_dir=tmp_path), database)
    assert {path.stem for path in (tmp_path / "initial").iterdir()} == {fresh, used, reuploaded}


async def test_uploaded_images_are_deleted_with_the_last_job_that_needs_them(
    database: Any, ended_job: EndedJobFactory, tmp_path: Path
) -> None:
    images = [Image.new("RGB", (9, 9), colour) for colour in ("red", "lime", "blue", "navy")]
    once, twice, like, fresh = (store_image(image, tmp_path) for image in images)
    for name in (once, twice, like):
        os.utime(tmp_path / "initial" / f"{name}.png", (0, 0))
    await ended_job(40, initial=once)
    await ended_job(40, initial=twice)
    await ended_job(20, initial=twice)
    await ended_job(20, include_images=[ImagePrompt(like)])
    await delete_old(Settings(data_dir=tmp_path, keep_days=30), database)
    remaining = {path.stem for path in (tmp_path / "initial").iterdir()}
    assert remaining == {twice, like, fresh}  # the last is for a job that is being submitted


async def test_files_written_while_their_job_was_deleted_are_deleted_even_without_limits(
    database: Any, ended_job: EndedJobFactory, tmp_path: Path
) -> None:
    uploads = [
        store_image(Image.new("RGB", (9, 9), colour), tmp_path) for colour in ("red", "lime")
    ]
    erased, deleted, kept_job, fresh = [
        await ended_job(10, initial=uploads[0] if n < 2 else uploads[1]) for n in range(4)
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
    # The last was written just now.
    assert folders_exist(jobs, tmp_path) == [False, False, True, True]
    assert [path.stem for path in (tmp_path / "initial").iterdir()] == [uploads[1]]


async def test_a_folder_of_no_job_is_deleted_and_other_files_are_kept(
    database: Any, tmp_path: Path
) -> None:
    weights = tmp_path / "weights" / "7" / "model.ckpt"
    orphan = tmp_path / "pictures" / "7" / "final-0.png"
    notes = tmp_path / "pictures" / "notes" / "mine.txt"
    for path in (weights, orphan, notes):
        path.parent.mkdir(parents=True)
        path.write_bytes(b"")
        os.utime(path, (0, 0))
    await delete_old(Settings(data_dir=tmp_path, keep_days=30), database)
    assert [path.exists() for path in (weights, orphan, notes)] == [True, False, True]
