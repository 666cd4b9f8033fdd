"""Backs up and restores the database and the images. Bot and engine can run during a backup.

A backup is a folder or a tar archive with `imagine.db`, its journal of deletions, `pictures/` and
`initial/`. It has no weights and no settings.

A restore does not bring back what was deleted since the backup: it keeps the existing journal, and
the database repeats the deletions when it is opened (see `core.database.journal`). Nor does it
reuse a job id: new ids start far above the highest that was ever used.
"""

import re
import shutil
import sqlite3
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import IO

from core.database.journal import Journal
from core.settings import Settings
from core.storage.paths import folder_of

DATABASE = "imagine.db"
JOURNAL = Journal(Path(DATABASE)).path.name
SKIPPED_IDS = 100_000
"""How far a restore raises the next job id. Ids that are newer than the backup may have been used,
and the buttons of old messages name their job by its id."""
ARCHIVES = {".tar": "w", ".tar.gz": "w:gz", ".tgz": "w:gz"}
"""Suffixes of archives and their `tarfile` modes; any other name is a folder."""
IMAGE_FOLDERS = ("pictures", "initial")  #: folders of DATA_DIR that are in a backup
_BACKUP_FILE = re.compile(rf"{DATABASE}|{JOURNAL}|pictures/[0-9]+/[^/.][^/]*|initial/[^/.][^/]*")

Put = Callable[[Path, str], None]


class BackupError(Exception):
    """A backup or restore failed; `str(error)` is one sentence for the host."""


def back_up(settings: Settings, target: Path) -> None:
    """Writes a backup; `target` exists only once it is complete. Raises BackupError.

    Copies a snapshot of the database first, then the images of the jobs in it.
    """
    if target.exists():
        raise BackupError(f"{target} already exists: choose another name for the backup.")
    if not settings.database_path.is_file():
        raise BackupError(f"There is no database {settings.database_path}: check DATABASE_PATH.")
    with _backup_errors():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".backup-") as folder:
            database, backup = Path(folder) / DATABASE, Path(folder) / target.name
            _copy_database(settings.database_path, database)
            with _writing(backup) as put:
                put(database, DATABASE)
                if (journal := Journal(settings.database_path).path).is_file():
                    put(journal, JOURNAL)  # after the database: it must cover all deletions in it
                for path in _image_files(settings.data_dir, _job_ids(database)):
                    with suppress(FileNotFoundError):  # deleted in the meantime
                        put(path, str(path.relative_to(settings.data_dir)))
            backup.replace(target)


def restore(settings: Settings, source: Path, *, over: bool = False) -> None:
    """Restores a backup; replaces existing data only with `over`. Raises BackupError."""
    paths = [settings.database_path, *(settings.data_dir / name for name in IMAGE_FOLDERS)]
    if not over and (found := next((path for path in paths if path.exists()), None)):
        raise BackupError(
            f"{found} already exists: stop bot and engine, and add --over to replace it with the"
            " backup."
        )
    if not source.exists():
        raise BackupError(f"There is no backup {source}.")
    with _backup_errors():
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        settings.database_path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=settings.data_dir, prefix=".restore-") as folder:
            saved = Path(folder) / "saved"
            _unpack(source, saved)
            _check(saved / DATABASE, source)
            journal = _merge_journals(saved / JOURNAL, settings.database_path)
            _raise_next_id(saved / DATABASE, settings.database_path, journal.reserved())
            _put_back(saved / DATABASE, settings.database_path)
            for name in IMAGE_FOLDERS:
                _swap(saved / name, settings.data_dir / name, Path(folder) / name)


def _copy_database(database: Path, copy: Path) -> None:
    """Copies a snapshot of a database that other processes may be using."""
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)


def _job_ids(database: Path) -> list[int]:
    with closing(sqlite3.connect(database)) as connection:
        return [row[0] for row in connection.execute("SELECT id FROM jobs")]


def _image_files(data_dir: Path, job_ids: Iterable[int]) -> Iterator[Path]:
    """All files of these jobs and all uploaded images, except those being written."""
    for folder in (*(folder_of(job_id, data_dir) for job_id in job_ids), data_dir / "initial"):
        for path in sorted(folder.glob("[!.]*")):
            if path.suffix != ".part":
                yield path


@contextmanager
def _writing(backup: Path) -> Iterator[Put]:
    """Yields a function that adds a file to the backup under a name."""
    mode = next((mode for end, mode in ARCHIVES.items() if backup.name.endswith(end)), None)
    if mode is None:
        yield lambda path, name: _copy(path, backup / name)
        return
    with tarfile.open(backup, mode) as archive:  # type: ignore[call-overload]

        def put(path: Path, name: str) -> None:
            with path.open("rb") as file:  # opened first: it may be replaced in the meantime
                archive.addfile(archive.gettarinfo(arcname=name, fileobj=file), file)

        yield put


def _copy(path: Path, target: Path) -> None:
    with path.open("rb") as content:
        _write(content, target)


def _write(content: IO[bytes], target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        shutil.copyfileobj(content, file)


def _unpack(source: Path, target: Path) -> None:
    """Copies only the files that belong in a backup."""
    if source.is_dir():
        for path in source.rglob("*"):
            name = str(path.relative_to(source))
            if path.is_file() and _BACKUP_FILE.fullmatch(name):
                _copy(path, target / name)
        return
    try:
        with tarfile.open(source) as archive:
            for member in archive:
                content = archive.extractfile(member) if member.isfile() else None
                if content and _BACKUP_FILE.fullmatch(member.name):
                    _write(content, target / member.name)
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise BackupError(f"{source} is not an archive, or is damaged.") from error


def _check(database: Path, source: Path) -> None:
    if not database.is_file():
        raise BackupError(f"{source} is not a backup: it has no {DATABASE}.")
    with closing(sqlite3.connect(database)) as connection:
        (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if verdict != "ok":
        raise BackupError(f"The database in {source} is damaged: {verdict}.")


def _merge_journals(saved: Path, database: Path) -> Journal:
    """Keeps this machine's deletions, even if the backup is older or from another machine."""
    journal = Journal(database)
    journal.merge(saved.read_bytes() if saved.exists() else b"")
    return journal


def _raise_next_id(saved: Path, database: Path, reserved: int) -> None:
    """Makes new job ids start far above all that are known to have been used."""
    highest = max(_highest_id(saved), _highest_id(database), reserved)
    with closing(sqlite3.connect(saved)) as connection, connection:
        changed = connection.execute(
            "UPDATE sqlite_sequence SET seq = ? WHERE name = 'jobs'", (highest + SKIPPED_IDS,)
        )
        if changed.rowcount == 0:
            connection.execute(
                "INSERT INTO sqlite_sequence (name, seq) VALUES ('jobs', ?)",
                (highest + SKIPPED_IDS,),
            )


def _highest_id(database: Path) -> int:
    """The highest job id so far; 0 if there is no database, or it can't be read."""
    if not database.is_file():
        return 0
    with closing(sqlite3.connect(database)) as connection, suppress(sqlite3.DatabaseError):
        (highest,) = connection.execute(
            "SELECT MAX(seq) FROM sqlite_sequence WHERE name = 'jobs'"
        ).fetchone()
        return highest or 0
    return 0


def _put_back(saved: Path, database: Path) -> None:
    """Restores through SQLite, so that a process that still has the database open notices."""
    try:
        _copy_database(saved, database)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:  # the existing file is damaged, or not a database
        for end in ("", "-wal", "-shm"):
            Path(f"{database}{end}").unlink(missing_ok=True)
        _copy_database(saved, database)


def _swap(restored: Path, target: Path, replaced: Path) -> None:
    """Moves a restored folder to `target`, and the existing one to `replaced`."""
    if target.exists():
        target.replace(replaced)
    if restored.exists():
        restored.replace(target)


@contextmanager
def _backup_errors() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise BackupError(f"The backup failed: {error}.") from error
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise BackupError(f"The backup failed: {where}{error.strerror or error}.") from error
