"""How long the queries of the bot and the engine take with queues of several lengths.

It calls the product's own methods, with a new database for each length.
"""

import random
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from bench.load.crowd import PAUSED, fill
from bench.load.statistics import Times
from bench.markdown import table
from bot.components.pagination import PAGE_SIZE, PagedList
from bot.components.queue_list import QueueList
from core.database.claims import Claims
from core.database.connection import Database
from core.database.guild_rules import GuildRules
from core.database.guild_settings import GuildSettings
from core.database.jobs import Jobs
from core.database.members import Members
from core.database.moderation_queue import ModerationQueue
from core.database.queue import JobQueue
from core.database.rows import value_of
from core.job import Job, NewJob, State
from core.recipe import Recipe
from core.storage.retention import needed_until

SIZES = (1_000, 10_000, 100_000, 1_000_000)
REPEATS, SLOW_REPEATS = 200, 10
"""How often each query runs, and how often a slow one does."""
SAMPLED_JOBS = 50
"""Jobs to look up, evenly spaced from the head of the queue to its tail."""
FOLDERS = 300
"""Folders that the engine looks up before it deletes old ones."""
LIMIT = 0.050
"""The maximum median of each of FAST_QUERIES, in seconds."""
FAST_QUERIES = ("claim", "queue position", "estimated wait", "/queue")
ENGINE, LEASE = "bench", 1e9

_BEFORE = (
    "FROM jobs WHERE state = 'queued' AND (priority > ? OR (priority = ? AND (turn, id) < (?, ?)))"
)
_OPEN = "guild_id NOT IN (SELECT guild_id FROM guilds WHERE paused_at IS NOT NULL)"


@dataclass(slots=True)
class Queue:
    """A database with a long queue."""

    database: Database
    rng: random.Random = field(default_factory=lambda: random.Random(1))
    waiting: list[Job] = field(default_factory=list)
    """A sample of jobs from the whole queue."""
    claimed: list[int] = field(default_factory=list)

    @property
    def random_job(self) -> Job:
        return self.rng.choice(self.waiting)

    async def sample_jobs(self) -> None:
        """Picks the jobs to look up."""
        count = await JobQueue(self.database).waiting_count()
        for part in range(SAMPLED_JOBS):
            self.waiting += await JobQueue(self.database).waiting(1, part * count // SAMPLED_JOBS)

    def queries(self) -> Iterator[tuple[str, Callable[[], Awaitable[Any]]]]:
        """The queries by name."""
        database = self.database

        async def claim() -> None:
            job = await Claims(database).claim(ENGINE, LEASE)
            assert job is not None
            self.claimed.append(job.id)

        async def insert() -> None:
            job = self.random_job
            recipe = Recipe.make("a circle", width=64, height=64, steps=50)
            await Jobs(database).insert(NewJob(recipe=recipe, **_owner_of(job)))

        async def check() -> None:
            job = self.random_job
            await GuildRules(database).for_member(job.guild_id, job.member_id)
            await GuildRules(database).usage(job.guild_id, job.member_id)

        yield "claim", claim
        yield "queue position", lambda: JobQueue(database).position(self.random_job.id)
        yield "estimated wait", lambda: JobQueue(database).wait_seconds(self.random_job.id)
        yield "/queue", lambda: self.page(QueueList)
        member, guild = self.random_job.member_id, self.random_job.guild_id
        yield "/history", lambda: Members(database).history(member, guild, limit=PAGE_SIZE)
        yield "a member's own jobs", lambda: JobQueue(database).by_member(self.random_job.member_id)
        yield "rules and limits for a request", check
        yield "a new job", insert
        yield (
            "/mod queue",
            lambda: ModerationQueue(database).page(
                self.random_job.guild_id or PAUSED, limit=PAGE_SIZE
            ),
        )
        yield "Prometheus metrics", JobQueue(database).stats

    async def page(self, shown: type[PagedList], number: int = 0) -> None:
        """Builds a page of a list, as the bot does."""
        interaction = _interaction(self.database, self.random_job)
        await shown.page(interaction, number, "")

    async def _middle_page(self) -> None:
        count = await JobQueue(self.database).waiting_count()
        await self.page(QueueList, count // 2 // PAGE_SIZE)

    async def _count_position(self) -> None:
        """The naive way to find a position, for comparison."""
        job = self.random_job
        values = (job.priority, job.priority, job.turn, job.id, job.guild_id)
        async with self.database.snapshot() as db:
            await value_of(db, f"SELECT COUNT(*) {_BEFORE} AND (guild_id IS ? OR {_OPEN})", values)

    async def _search_next_job(self) -> None:
        """The naive way to find the next job, for comparison."""
        async with self.database.snapshot() as db:
            await value_of(
                db,
                f"SELECT id FROM jobs WHERE state = 'queued' AND {_OPEN}"
                " ORDER BY priority DESC, turn, id LIMIT 1",
            )

    async def measure(self) -> dict[str, Times]:
        """Measures each query, in seconds."""
        await self.sample_jobs()
        found = {}
        for name, query in self.queries():
            found[name] = await _timed(query, REPEATS)
            for job_id in self.claimed:  # so that no more jobs run than usual
                await Claims(self.database).finish(job_id, ENGINE, State.DONE)
            self.claimed.clear()
        found["/queue, its middle page"] = await _timed(self._middle_page, SLOW_REPEATS)
        found["(position, counted job by job)"] = await _timed(self._count_position, SLOW_REPEATS)
        found["(claim, searched job by job)"] = await _timed(self._search_next_job, SLOW_REPEATS)
        finished = [job_id for job_id in range(1, 10 * FOLDERS) if job_id % 10 < 3]
        found["whether 300 folders are still needed"] = await _timed(
            lambda: needed_until(self.database, jobs=finished[:FOLDERS]), SLOW_REPEATS
        )
        return found


async def measure(sizes: Sequence[int]) -> dict[int, dict[str, Times]]:
    """Measures each query with queues of these lengths, in seconds."""
    found = {}
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="queue-") as folder:
            path = Path(folder) / "imagine.db"
            await fill(path, size, time.time())
            async with Database.open(path) as database:
                found[size] = await Queue(database).measure()
    return found


def report(found: dict[int, dict[str, Times]]) -> str:
    """Medians and 99th percentiles in milliseconds, and how they grow."""
    sizes = sorted(found)
    head = ["ms: median (p99)", *(f"{size:,} waiting" for size in sizes), "growth"]
    lines = []
    for name in found[sizes[0]]:
        times = [found[size][name] for size in sizes]
        cells = [f"{1000 * each.median:.2f} ({1000 * each.p99:.1f})" for each in times]
        lines.append([name, *cells, f"{times[-1].median / times[0].median:.1f} ×"])
    return table(head, lines) + "\n\n" + verdict(found[sizes[-1]], sizes[-1])


def verdict(times: dict[str, Times], size: int) -> str:
    """Whether the queries that must be fast are."""
    slow = [name for name in FAST_QUERIES if times[name].median >= LIMIT]
    limit = f"{1000 * LIMIT:.0f} ms"
    if slow:
        return (
            f"With {size:,} jobs waiting, these medians are NOT below {limit}: {', '.join(slow)}."
        )
    return (
        f"With {size:,} jobs waiting, these medians are below {limit}: {', '.join(FAST_QUERIES)}."
    )


async def _timed(query: Callable[[], Awaitable[Any]], times: int) -> Times:
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        await query()
        seconds.append(time.perf_counter() - start)
    return Times(seconds)


def _owner_of(job: Job) -> dict[str, Any]:
    return {
        "guild_id": job.guild_id,
        "channel_id": job.channel_id,
        "message_id": None,
        "member_id": job.member_id,
        "member_name": job.member_name,
    }


def _interaction(database: Database, job: Job) -> Any:
    """The parts that pages read of an interaction by this job's member."""
    return SimpleNamespace(
        client=SimpleNamespace(
            queue=JobQueue(database),
            members=Members(database),
            guild_settings=GuildSettings(database),
            get_guild=lambda guild_id: SimpleNamespace(id=guild_id),
        ),
        user=SimpleNamespace(id=job.member_id),
        guild=None,
        guild_id=job.guild_id,
        channel_id=job.channel_id,
    )
