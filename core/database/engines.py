"""The engines that are running: each reports itself every half minute."""

import sqlite3
from dataclasses import dataclass

from core.columns import required
from core.database.connection import Database
from core.database.rows import readable, rows_of

REPORT_SECONDS = 30.0  #: between two reports of an engine
GONE_SECONDS = 3 * REPORT_SECONDS  #: without a report, after which an engine counts as gone


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine as it reports itself."""

    name: str
    version: str
    model: str
    renderers: int
    running: int = 0
    """Jobs that it is rendering."""


class Engines:
    """All methods raise StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def report(self, engine: Engine) -> None:
        """Records that an engine is running; deletes those that are gone."""
        now = self._database.now()
        async with self._database.transaction() as db:
            # Later than now: reported before the clock was set back.
            await db.execute(
                "DELETE FROM engines WHERE seen_at NOT BETWEEN ? AND ?", (now - GONE_SECONDS, now)
            )
            await db.execute(
                "INSERT OR REPLACE INTO engines VALUES (?, ?, ?, ?, ?)",
                (engine.name, engine.version, engine.model, engine.renderers, now),
            )

    async def leave(self, name: str) -> None:
        """Records that an engine has stopped."""
        async with self._database.transaction() as db:
            await db.execute("DELETE FROM engines WHERE name = ?", (name,))

    async def at_work(self) -> list[Engine]:
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
