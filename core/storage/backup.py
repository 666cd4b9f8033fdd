"""A copy of the database and of the pictures, made while bot and engine work; and the way back.

A backup is a folder or a tar archive with `imagine.db`, the journal of deletions beside it,
`pictures/` and `initial/`. Weights and settings are not in it.

A restore brings nothing back that was deleted since: it keeps the journal that is there, and the
database carries out what it lacks when it is opened (see `core.database.journal`). Nor does it give
a number twice: jobs go on far above the highest number ever given.
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
NUMBERS_SKIPPED = 100_000
"""By so much a restore raises the next job's number: the backup may be all that knows which were
given, and old messages have buttons that name their job by its number."""
ARCHIVES = {".tar": "w", ".tar.gz": "w:gz", ".tgz": "w:gz"}
"""How the name of an archive ends, and how it is written; any other name is a folder's."""
PICTURES = ("pictures", "initial")  #: folders of DATA_DIR that are in a backup
_OURS = re.compile(rf"{DATABASE}|{JOURNAL}|pictures/[0-9]+/[^/.][^/]*|initial/[^/.][^/]*")

Put = Callable[[Path, str], None]


class BackupError(Exception):
    """A backup cannot be made or brought back; `str(error)` is one sentence for the host."""


def back_up(settings: Settings, target: Path) -> None:
    """Writes a backup. It is whole: `target` is there only once all is in it. Raises BackupError.

    First the database is copied as it is at one moment, then the pictures of the jobs in the copy.
    """
    if target.exists():
        raise BackupError(f"{target} is there already: name another place for the backup.")
    if not settings.database_path.is_file():
        raise BackupError(f"There is no database {settings.database_path}: check DATABASE_PATH.")
    with _plain_errors():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".backup-") as folder:
            database, whole = Path(folder) / DATABASE, Path(folder) / target.name
            _copy_database(settings.database_path, database)
            with _writing(whole) as put:
                put(database, DATABASE)
                if (journal := Journal(settings.database_path).path).is_file():
                    put(journal, JOURNAL)  # after the database: it must know all that is in there
                for path in _pictures(settings.data_dir, _job_ids(database)):
                    with suppress(FileNotFoundError):  # removed since
                        put(path, str(path.relative_to(settings.data_dir)))
            whole.replace(target)


def restore(settings: Settings, source: Path, *, over: bool = False) -> None:
    """Brings a backup back, in place of what is there if `over` says so. Raises BackupError."""
    there = [settings.database_path, *(settings.data_dir / name for name in PICTURES)]
    if not over and (found := next((path for path in there if path.exists()), None)):
        raise BackupError(
            f"{found} is there already: stop bot and engine, and add --over to lose it for the"
            " backup."
        )
    if not source.exists():
        raise BackupError(f"There is no backup {source}.")
    with _plain_errors():
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        settings.database_path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=settings.data_dir, prefix=".restore-") as folder:
            saved = Path(folder) / "saved"
            _unpack(source, saved)
            _check(saved / DATABASE, source)
            journal = _merge_journals(saved / JOURNAL, settings.database_path)
            _raise_numbers(saved / DATABASE, settings.database_path, journal.reserved())
            _put_back(saved / DATABASE, settings.database_path)
            for name in PICTURES:
                _swap(saved / name, settings.data_dir / name, Path(folder) / name)


def _copy_database(database: Path, copy: Path) -> None:
    """Copies a database as it is at one moment; who works with it need not stop."""
    with closing(sqlite3.connect(database)) as here, closing(sqlite3.connect(copy)) as there:
        here.backup(there)


def _job_ids(database: Path) -> list[int]:
    with closing(sqlite3.connect(database)) as connection:
        return [row[0] for row in connection.execute("SELECT id FROM jobs")]


def _pictures(data_dir: Path, job_ids: Iterable[int]) -> Iterator[Path]:
    """All files of these jobs, and what members attached; none that is just being written."""
    for folder in (*(folder_of(job_id, data_dir) for job_id in job_ids), data_dir / "initial"):
        for path in sorted(folder.glob("[!.]*")):
            if path.suffix != ".part":
                yield path


@contextmanager
def _writing(whole: Path) -> Iterator[Put]:
    """What puts a file into the backup, under a name."""
    kind = next((kind for end, kind in ARCHIVES.items() if whole.name.endswith(end)), None)
    if kind is None:
        yield lambda path, name: _copy(path, whole / name)
        return
    with tarfile.open(whole, kind) as archive:  # type: ignore[call-overload]

        def put(path: Path, name: str) -> None:
            with path.open("rb") as file:  # opened first: it may be replaced meanwhile
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
    """Copies what belongs into a backup, and nothing else."""
    if source.is_dir():
        for path in source.rglob("*"):
            name = str(path.relative_to(source))
            if path.is_file() and _OURS.fullmatch(name):
                _copy(path, target / name)
        return
    try:
        with tarfile.open(source) as archive:
            for member in archive:
                content = archive.extractfile(member) if member.isfile() else None
                if content and _OURS.fullmatch(member.name):
                    _write(content, target / member.name)
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise BackupError(f"{source} is no archive, or is damaged.") from error


def _check(database: Path, source: Path) -> None:
    if not database.is_file():
        raise BackupError(f"{source} is no backup: there is no {DATABASE} in it.")
    with closing(sqlite3.connect(database)) as connection:
        (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if verdict != "ok":
        raise BackupError(f"The database in {source} is damaged: {verdict}.")


def _merge_journals(saved: Path, database: Path) -> Journal:
    """What this machine knows of deletions stays, also if the backup is older or from elsewhere."""
    journal = Journal(database)
    journal.merge(saved.read_bytes() if saved.exists() else b"")
    return journal


def _raise_numbers(saved: Path, database: Path, reserved: int) -> None:
    """Has the saved database go on far above all numbers that are known to have been given."""
    highest = max(_highest_number(saved), _highest_number(database), reserved)
    with closing(sqlite3.connect(saved)) as connection, connection:
        changed = connection.execute(
            "UPDATE sqlite_sequence SET seq = ? WHERE name = 'jobs'", (highest + NUMBERS_SKIPPED,)
        )
        if changed.rowcount == 0:
            connection.execute(
                "INSERT INTO sqlite_sequence (name, seq) VALUES ('jobs', ?)",
                (highest + NUMBERS_SKIPPED,),
            )


def _highest_number(database: Path) -> int:
    """0 where there is no database, or one that cannot be read."""
    if not database.is_file():
        return 0
    with closing(sqlite3.connect(database)) as connection, suppress(sqlite3.DatabaseError):
        (highest,) = connection.execute(
            "SELECT MAX(seq) FROM sqlite_sequence WHERE name = 'jobs'"
        ).fetchone()
        return highest or 0
    return 0


def _put_back(saved: Path, database: Path) -> None:
    """Through SQLite, so that a process that still has the database open notices."""
    try:
        _copy_database(saved, database)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:  # what is there is damaged, or no database
        for end in ("", "-wal", "-shm"):
            Path(f"{database}{end}").unlink(missing_ok=True)
        _copy_database(saved, database)


def _swap(saved: Path, place: Path, aside: Path) -> None:
    """Puts a folder in its place, and what was there aside."""
    if place.exists():
        place.replace(aside)
    if saved.exists():
        saved.replace(place)


@contextmanager
def _plain_errors() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise BackupError(f"The backup failed: {error}.") from error
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise BackupError(f"The backup failed: {where}{error.strerror or error}.") from error
