"""A journal of deletions next to the database, so that a restored backup cannot undo them.

`imagine.db.deletions` holds one JSON object per line: which member's data and which jobs were
deleted, and the highest job id that may have been used. It contains ids and times, but no other
personal data. It is append-only, and each entry is on disk before the transaction that carries it
out is committed. The database stores the position up to which it has carried out the journal
(`deletion_journal`); after a crash or a restored backup, it carries out the rest again.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

SUFFIX = ".deletions"


@dataclass(frozen=True, slots=True)
class MemberDeleted:
    """Everything about a member was deleted, with their jobs up to an id."""

    member: int
    last_job: int
    at: float


@dataclass(frozen=True, slots=True)
class JobDeleted:
    """A job's images and messages were deleted, except for a message that says so."""

    job: int
    but_message: int | None
    at: float


@dataclass(frozen=True, slots=True)
class IdsReserved:
    """Ids up to this one may have been given to jobs."""

    reserved: int
    at: float


Entry = MemberDeleted | JobDeleted | IdsReserved


class Journal:
    """The journal of one database. Append only while you hold the database's write lock.

    All methods block, and raise OSError.
    """

    def __init__(self, database: Path) -> None:
        self.path = database.with_name(database.name + SUFFIX)
        self.reserved_here = 0
        """The highest id that this process has reserved; saves reading the file."""

    def end(self) -> int:
        """The position after the last entry, in bytes."""
        return self.path.stat().st_size if self.path.exists() else 0

    def append(self, entry: Entry) -> None:
        """Writes an entry; it is on disk once this returns."""
        line = f"{json.dumps(asdict(entry))}\n".encode()
        is_new = not self.path.exists()
        file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            end = os.fstat(file).st_size
            if end and os.pread(file, 1, end - 1) != b"\n":
                line = b"\n" + line  # a partial line, left by a crash; reading skips it
            _write_all(file, line)
            os.fsync(file)
        finally:
            os.close(file)
        if is_new:
            _sync_folder(self.path.parent)

    def after(self, position: int) -> list[Entry]:
        """The entries after a position."""
        if not self.path.exists():
            return []
        with self.path.open("rb") as file:
            file.seek(position)
            return list(_entries(file.read()))

    def reserved(self) -> int:
        """The highest id that a job may have, according to the journal."""
        return max(
            (each.reserved for each in self.after(0) if isinstance(each, IdsReserved)),
            default=0,
        )

    def merge(self, other: bytes) -> None:
        """Merges another journal of the same jobs: its entries first, then the rest of this one.

        Positions in the other journal therefore stay valid.
        """
        mine = self.path.read_bytes() if self.path.exists() else b""
        if not (mine or other):
            return
        if not mine.startswith(other):
            known = set(other.splitlines())
            beyond = [line for line in mine.splitlines() if line not in known]
            mine = b"".join(line + b"\n" for line in [*other.splitlines(), *beyond])
        temporary = self.path.with_name(self.path.name + ".part")
        file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            _write_all(file, mine)
            os.fsync(file)
        finally:
            os.close(file)
        temporary.replace(self.path)
        _sync_folder(self.path.parent)


def _entries(data: bytes) -> Iterator[Entry]:
    """Parses the lines; skips damaged ones, so that the others can be read."""
    for line in data.splitlines():
        try:
            match json.loads(line):
                case {"member": int(member), "last_job": int(last_job), "at": at}:
                    yield MemberDeleted(member, last_job, float(at))
                case {"job": int(job), "but_message": int() | None as but_message, "at": at}:
                    yield JobDeleted(job, but_message, float(at))
                case {"reserved": int(reserved), "at": at}:
                    yield IdsReserved(reserved, float(at))
        except ValueError:
            continue


def _write_all(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
