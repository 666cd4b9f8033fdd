"""The errors of the database. `str(error)` is one sentence for the host."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class StoreError(Exception):
    """The database cannot be used."""


class StoreLockedError(StoreError):
    """The write lock was held until the caller's deadline."""


class StoreReadOnlyError(StoreError):
    """The file or its folder is not writable."""


class StoreFullError(StoreError):
    """The disk is full, or failed."""


class StoreDamagedError(StoreError):
    """The file is not an SQLite database, or is damaged."""


class StoreTooNewError(StoreError):
    """The database was written by a newer version of this program."""


class IdOutOfRangeError(StoreError):
    """A number does not fit into 64 bits, so it can't be an id."""


@contextmanager
def store_errors(path: Path) -> Iterator[None]:
    """Turns SQLite's errors into StoreErrors."""
    try:
        yield
    except sqlite3.Error as error:
        raise _store_error(error, path) from error
    except OverflowError as error:
        raise IdOutOfRangeError("There is no id of more than 64 bits.") from error
    except OSError as error:
        raise StoreReadOnlyError(
            f"The folder of the database {path} can't be created: {error}."
        ) from error


def locked(path: Path) -> StoreLockedError:
    """The error for a missed deadline."""
    return StoreLockedError(
        f"The database {path} is locked by another program: close it and try again."
    )


def _store_error(error: sqlite3.Error, path: Path) -> StoreError:
    name = getattr(error, "sqlite_errorname", "")
    match re.sub(r"^(SQLITE_[A-Z]+)_.*", r"\1", name):
        case "SQLITE_BUSY" | "SQLITE_LOCKED":
            return locked(path)
        case "SQLITE_READONLY" | "SQLITE_CANTOPEN" | "SQLITE_PERM" | "SQLITE_AUTH":
            return StoreReadOnlyError(
                f"The database {path} is not writable: check the permissions of the file and of"
                " its folder."
            )
        case "SQLITE_FULL" | "SQLITE_IOERR":
            return StoreFullError(
                f"The database {path} can't grow: the disk is full or failing. Free up space on it."
            )
        case "SQLITE_NOTADB" | "SQLITE_CORRUPT":
            return StoreDamagedError(
                f"{path} is not a database, or is damaged: move it away, or restore a backup."
            )
    return StoreError(f"The database {path} failed: {error} ({name or type(error).__name__}).")
