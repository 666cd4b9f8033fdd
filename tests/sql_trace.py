"""Traces the SQL of a block, on both connections of a database."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from core.database.connection import Database


@asynccontextmanager
async def traced(database: Database) -> AsyncIterator[list[str]]:
    """Records the statements of the block, with their parameters filled in."""
    statements: list[str] = []
    connections = (database._reader, database._writer)
    for connection in connections:
        await connection.set_trace_callback(statements.append)
    yield statements
    for connection in connections:
        await connection.set_trace_callback(None)  # type: ignore[arg-type]


@asynccontextmanager
async def counted_steps(database: Database) -> AsyncIterator[Callable[[], int]]:
    """Counts the steps of SQLite's virtual machine in the block: a cost independent of load."""
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1

    connections = (database._reader, database._writer)
    for connection in connections:
        await connection.set_progress_handler(step, 1)
    yield lambda: steps
    for connection in connections:
        await connection.set_progress_handler(None, 0)  # type: ignore[arg-type]


async def query_plan(database: Database, sql: str) -> str:
    """SQLite's query plan for a statement, in one line."""
    rows = await database._writer.execute_fetchall(f"EXPLAIN QUERY PLAN {sql}")
    return "; ".join(row["detail"] for row in rows)
