"""The running engines: each reports every 30 seconds."""

import sqlite3
from dataclasses import dataclass

from core.columns import required
from core.database.connection import Database
from core.database.rows import readable, rows_of

REPORT_SECONDS = 30.0  #: between an engine's reports
GONE_SECONDS = 3 * REPORT_SECONDS  #: an engine counts as gone after this long without a report


@dataclass(frozen=True, slots=True)
class Engine:
    """What an engine reports about itself."""

    name: str
    version: str
    model: str
    renderers: int
    running: int = 0
    """The number of jobs that it is rendering."""


class Engines:
    """The running engines. All methods raise StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def report(self, engine: Engine) -> None:
        """Records that an engine is running; deletes engines that are gone."""
        now = self._database.now()
        async with self._database.transaction() as db:
            # A report later than now was made before the clock was set back.
            await db.execute(
                "DELETE FROM engines WHERE seen_at NOT BETWEEN ? AND ?", (now - GONE_SECONDS, now)
            )
            await db.execute(
                "INSERT OR REPLACE INTO engines VALUES (?, ?, ?, ?, ?)",
                (engine.name, engine.version, engine.model, engine.renderers, now),
            )

    async def remove(self, name: str) -> None:
        """Records that an engine has stopped."""
        async with self._database.transaction() as db:
            await db.execute("DELETE FROM engines WHERE name = ?", (name,))

    async def active(self) -> list[Engine]:
        """The running engines, in alphabetical order."""
        now = self._database.now()
        async with self._database.read() as db:
            rows = await rows_of(
                db,
                "SELECT *, (SELECT COUNT(*) FROM jobs WHERE state = 'running' AND engine = name)"
                " AS running FROM engines WHERE seen_at BETWEEN ? AND ? ORDER BY name",
                (now - GONE_SECONDS, now),
            )
        return readable("engines", rows, _engine)


def _engine(row: sqlite3.Row) -> Engine:
    return Engine(
        required(row, "name", str),
        required(row, "version", str),
        required(row, "model", str),
        required(row, "renderers", int),
        required(row, "running", int),
    )
