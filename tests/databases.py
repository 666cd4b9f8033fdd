"""Empty databases for tests. The migrations run once per process; all databases are copies."""

import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from core.database.connection import Database

_migrated = b""
"""The bytes of an empty, migrated database."""


@asynccontextmanager
async def new_database(path: Path, **options: Any) -> AsyncIterator[Database]:
    """Creates and opens a database; `options` are those of `Database.open`.

    It never waits for the disk: that only matters after a power cut.
    """
    _write(path, await _template())
    async with Database.open(path, **options) as database:
        await database._writer.execute("PRAGMA synchronous = OFF")
        yield database


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(content)


async def _template() -> bytes:
    global _migrated
    if not _migrated:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "imagine.db"
            async with Database.open(path):
                pass
            _migrated = path.read_bytes()
    return _migrated
