"""What SQLite is asked to do within a block, on both connections of a database."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from core.database.connection import Database


@asynccontextmanager
async def traced(database: Database) -> AsyncIterator[list[str]]:
    """The statements of the block, with their parameters filled in."""
    statements: list[str] = []
    connections = (database._reader, database._writer)
    for connection in connections:
        await connection.set_trace_callback(statements.append)
    yield statements
    for connection in connections:
        await connection.set_trace_callback(None)  # type: ignore[arg-type]


@asynccontextmanager
async def counted_steps(database: Database) -> AsyncIterator[Callable[[], int]]:
    """How many steps SQLite's virtual machine takes, however busy this machine is."""
    done = 0

    def step() -> None:
        nonlocal done
        done += 1

    connections = (database._reader, database._writer)
    for connection in connections:
        await connection.set_progress_handler(step, 1)
    yield lambda: done
    for connection in connections:
        await connection.set_progress_handler(None, 0)  # type: ignore[arg-type]


async def query_plan(database: Database, sql: str) -> str:
    """SQLite's plan of a statement, its lines joined."""
    rows = await database._writer.execute_fetchall(f"EXPLAIN QUERY PLAN {sql}")
    return "; ".join(row["detail"] for row in rows)
