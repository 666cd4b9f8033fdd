"""The tokens that show jobs where the bot is not a member."""

import sqlite3

import aiosqlite

from core.columns import required
from core.database.connection import Database
from core.database.rows import readable, rows_of
from core.job import ResponseToken


class ResponseTokens:
    """The response tokens of all jobs. All methods raise StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, job_id: int) -> ResponseToken | None:
        """The token of a job, even if it has expired; None for a job that has a job message."""
        async with self._database.read() as db:
            sql = "SELECT * FROM response_tokens WHERE job_id = ?"
            found = readable("response_tokens", await rows_of(db, sql, (job_id,)), _token)
        return found[0][1] if found else None

    async def expiring(self, before: float) -> list[tuple[int, ResponseToken]]:
        """The unfinished jobs whose tokens expire before a time, unless that was announced."""
        async with self._database.read() as db:
            rows = await rows_of(
                db,
                "SELECT response_tokens.* FROM response_tokens JOIN jobs ON jobs.id = job_id"
                " WHERE NOT announced AND expires_at < ? AND finished_at IS NULL",
                (before,),
            )
        return readable("response_tokens", rows, _token)

    async def mark_announced(self, job_id: int) -> None:
        """Records that the response announces that it will soon no longer change."""
        async with self._database.transaction() as db:
            await db.execute("UPDATE response_tokens SET announced = 1 WHERE job_id = ?", (job_id,))

    async def delete(self, job_id: int) -> None:
        """Deletes a token: from now on the job has a job message."""
        async with self._database.transaction() as db:
            await db.execute("DELETE FROM response_tokens WHERE job_id = ?", (job_id,))


async def insert_token(db: aiosqlite.Connection, job_id: int, token: ResponseToken) -> None:
    """Adds the token of a new job, in the transaction that inserts it."""
    await db.execute(
        "INSERT INTO response_tokens (job_id, application_id, token, message_id, expires_at)"
        " VALUES (?, ?, ?, ?, ?)",
        (job_id, token.application_id, token.token, token.message_id, token.expires_at),
    )


def _token(row: sqlite3.Row) -> tuple[int, ResponseToken]:
    return required(row, "job_id", int), ResponseToken(
        required(row, "application_id", int),
        required(row, "token", str),
        required(row, "message_id", int),
        required(row, "expires_at", float),
    )
