"""A backup made while bot and engine run is complete, and restores everything as it was."""

import os
import sqlite3
import tarfile
import threading
from pathlib import Path

import pytest

from core.__main__ import main
from core.database.claims import Claims
from core.database.connection import Database
from core.database.deletions import Deletions, Folder
from core.database.jobs import Jobs
from core.database.queue import JobQueue
from core.job import NewJob
from core.recipe import Recipe
from core.settings import Settings
from core.storage.backup import SKIPPED_IDS, BackupError, back_up, restore
from core.storage.paths import folder_of, state_of

RECIPE = Recipe.make("a red circle", width=64, height=64, steps=10)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path / "here")


def settings_in(folder: Path) -> Settings:
    return Settings(database_path=folder / "queue.db", data_dir=folder / "data")


async def insert_job(database: Database) -> int:
    job = await Jobs(database).insert(
        NewJob(
            recipe=RECIPE, guild_id=1, channel_id=2, message_id=3, member_id=4, member_name="Ada"
        )
    )
    return job.id


def write_image(job_id: int, settings: Settings, content: bytes = b"png") -> Path:
    folder = folder_of(job_id, settings.data_dir)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "final-0.png").write_bytes(content)
    state_of(folder).write_bytes(b"state of " + content)
    return folder / "final-0.png"


def write_upload(settings: Settings) -> Path:
    path = settings.data_dir / "initial" / f"{'a' * 64}.png"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"attached")
    return path


def files_in(folder: Path) -> set[Path]:
    return {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", ["backup", "backup.tar", "backup.tar.gz"])
async def test_a_backup_can_be_restored_elsewhere(
    settings: Settings, tmp_path: Path, name: str
) -> None:
    async with Database.open(settings.database_path) as database:  # open, as while in use
        first, second = await insert_job(database), await insert_job(database)
        write_upload(settings)
        write_image(first, settings)
        write_image(7, settings)  # of a job that the database does not know yet
        (folder_of(first, settings.data_dir) / ".half-a-frame.webp").write_bytes(b"half")
        back_up(settings, tmp_path / name)
        await Jobs(database).cancel(second)
    assert sorted(os.listdir(tmp_path)) == [name, "here"]

    elsewhere = settings_in(tmp_path / "elsewhere")
    restore(elsewhere, tmp_path / name)
    async with Database.open(elsewhere.database_path) as database:
        assert [job.id for job in await JobQueue(database).waiting()] == [first, second]
    found = files_in(elsewhere.data_dir)
    folder = folder_of(first, Path())
    assert found == {
        folder / "final-0.png",
        state_of(folder),
        Path("initial") / f"{'a' * 64}.png",
    }


async def test_a_backup_is_consistent_while_the_database_changes(
    settings: Settings, tmp_path: Path
) -> None:
    """Every transaction changes two tables; in each backup, the tables agree."""
    async with Database.open(settings.database_path):
        pass
    with sqlite3.connect(settings.database_path) as database:
        database.executescript("CREATE TABLE one (n); CREATE TABLE two (n);")
    stop = threading.Event()

    def write() -> None:
        with sqlite3.connect(settings.database_path, timeout=30) as database:
            while not stop.is_set():
                database.execute("INSERT INTO one VALUES (1)")
                database.execute("INSERT INTO two VALUES (1)")
                database.commit()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(5):
            back_up(settings, tmp_path / str(number))
            with sqlite3.connect(tmp_path / str(number) / "imagine.db") as copy:
                counts = "SELECT (SELECT COUNT(*) FROM one), (SELECT COUNT(*) FROM two)"
                one, two = copy.execute(counts).fetchone()
            assert one == two
    finally:
        stop.set()
        writer.join()


async def test_a_restore_replaces_existing_data_only_with_over(
    settings: Settings, tmp_path: Path
) -> None:
    async with Database.open(settings.database_path) as database:
        first = await insert_job(database)
        image = write_image(first, settings, b"as it was")
        back_up(settings, tmp_path / "backup")
        later = write_image(await insert_job(database), settings)
        image.write_bytes(b"otherwise")
        with pytest.raises(BackupError, match=r"queue.db already exists: .*--over"):
            restore(settings, tmp_path / "backup")
        assert await JobQueue(database).waiting_count() == 2
        restore(settings, tmp_path / "backup", over=True)
        assert await JobQueue(database).waiting_count() == 1  # also for an open connection
    assert image.read_bytes() == b"as it was"
    assert not later.exists()  # or the next job with this id would continue from it


async def test_what_was_deleted_after_the_backup_is_not_restored(
    settings: Settings, tmp_path: Path
) -> None:
    async with Database.open(settings.database_path) as database:
        job_id = await insert_job(database)
        await Claims(database).claim("engine", 60)
        write_image(job_id, settings)
        back_up(settings, tmp_path / "backup.tar")
        await Deletions(database).delete_member(4)
    restore(settings, tmp_path / "backup.tar", over=True)
    async with Database.open(settings.database_path) as database:
        assert await Jobs(database).get(job_id) is None
        deletion = await Deletions(database).take()
        assert deletion
        assert deletion.target == Folder(job_id)


async def test_restoring_an_older_backup_keeps_the_deletions_of_a_later_one(
    settings: Settings, tmp_path: Path
) -> None:
    async with Database.open(settings.database_path) as database:
        first = await insert_job(database)
        back_up(settings, tmp_path / "earlier")
        await Deletions(database).delete_member(4)
        second = await insert_job(database)
        back_up(settings, tmp_path / "later")
    elsewhere = settings_in(tmp_path / "elsewhere")
    restore(elsewhere, tmp_path / "later")
    async with Database.open(elsewhere.database_path) as database:
        assert (await Jobs(database).get(first), (await JobQueue(database).waiting())[0].id) == (
            None,
            second,
        )
        third = await insert_job(database)
    restore(elsewhere, tmp_path / "earlier", over=True)
    async with Database.open(elsewhere.database_path) as database:
        assert await JobQueue(database).waiting() == []
        assert await insert_job(database) > third


async def test_no_job_id_is_used_twice(settings: Settings, tmp_path: Path) -> None:
    async with Database.open(settings.database_path) as database:
        await insert_job(database)
        back_up(settings, tmp_path / "backup")
        last = [await insert_job(database) for _ in range(3)][-1]
    for attempt in range(2):  # without the current database, and with it
        if attempt == 0:
            settings.database_path.unlink()
        restore(settings, tmp_path / "backup", over=True)
        async with Database.open(settings.database_path) as database:
            job_id = await insert_job(database)
        assert job_id > last + SKIPPED_IDS // 2
        last = job_id


async def test_a_damaged_database_is_replaced(settings: Settings, tmp_path: Path) -> None:
    async with Database.open(settings.database_path) as database:
        await insert_job(database)
        back_up(settings, tmp_path / "backup")
    settings.database_path.write_bytes(b"no database at all, whatever its name says" * 100)
    restore(settings, tmp_path / "backup", over=True)
    async with Database.open(settings.database_path) as database:
        assert await JobQueue(database).waiting_count() == 1


async def test_a_malicious_archive_writes_only_into_the_data_folder(
    settings: Settings, tmp_path: Path
) -> None:
    async with Database.open(settings.database_path):
        pass
    evil = tmp_path / "evil.tar"
    with tarfile.open(evil, "w") as archive:
        archive.add(settings.database_path, "imagine.db")
        for name in ("../escaped.png", "pictures/1/../../../escaped.png", "initial/../weights"):
            archive.add(settings.database_path, name)
        link = tarfile.TarInfo("pictures/1")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path)
        archive.addfile(link)
        archive.add(settings.database_path, "pictures/1/escaped.png")
    before = files_in(tmp_path)
    restore(settings_in(tmp_path / "elsewhere"), evil)
    assert files_in(tmp_path) == before | {
        Path("elsewhere/queue.db"),
        Path("elsewhere/data/pictures/1/escaped.png"),
    }


async def test_a_truncated_archive_changes_nothing(settings: Settings, tmp_path: Path) -> None:
    async with Database.open(settings.database_path) as database:
        write_image(await insert_job(database), settings, bytes(range(256)) * 1000)
    complete, truncated = tmp_path / "whole.tar.gz", tmp_path / "half.tar.gz"
    back_up(settings, complete)
    truncated.write_bytes(complete.read_bytes()[:-200])
    elsewhere = settings_in(tmp_path / "elsewhere")
    with pytest.raises(BackupError, match="is damaged"):
        restore(elsewhere, truncated)
    assert not elsewhere.database_path.exists()
    assert list(elsewhere.data_dir.iterdir()) == []


def test_a_mistake_ends_with_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("DATABASE_PATH", "DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.tar").write_text("no archive")
    for arguments, words in (
        (["backup", "new"], "no database data/imagine.db"),
        (["backup", "empty"], "empty already exists"),
        (["restore", "nowhere"], "no backup nowhere"),
        (["restore", "empty"], "has no imagine.db"),
        (["restore", "text.tar"], "is not an archive"),
    ):
        assert main(arguments) == 1
        output = capsys.readouterr()
        assert words in output.err
        assert len(output.err.splitlines()) == 1
        assert not output.out
