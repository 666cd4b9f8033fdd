"""What SQL says of the queue is the law of `core.fair_queue`, and costs the same in a long queue.

The sums of migration 5 come in stretches of 1,024 turns and 1,024 jobs; every history here begins
just before the first such edge, so that it is crossed.
"""

import asyncio
import sqlite3
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as run
from hypothesis import strategies as st

from bench.load.crowd import fill
from core.database.connection import _migrations, rows_of, value_of
from core.database.jobs import Store, _seconds_per_work
from core.database.moderation import Moderation
from core.fair_queue import claim_order
from core.job import Job, State
from core.moderation import Act
from core.recipe import Recipe
from core.storage.retention import needed
from tests.sql_trace import counted_steps

LEASE = 30.0
EDGE = 1020
GUILDS = (None, 1, 2)
MOST = {0: 1, 1: 2}
"""How many jobs of a member are painted at a time."""

Event = tuple[str, int, int, int]

KINDS = ("ask", "ask", "ask", "claim", "finish", "release", "crash", "cancel", "pause", "up", "all")
EVENTS = st.lists(
    st.tuples(
        st.sampled_from(KINDS),
        st.integers(0, 3),
        st.integers(0, len(GUILDS) - 1),
        st.integers(1, 4),
    ),
    min_size=5,
    max_size=50,
)


@run(max_examples=60)
@given(EVENTS)
def test_places_and_claims_in_sql_are_those_of_the_law(events: list[Event]) -> None:
    asyncio.run(_live_through(events))


async def _live_through(events: list[Event]) -> None:
    now = 0.0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "imagine.db"
        async with Store.open(path, clock=lambda: now) as store:
            async with store.transaction() as db:
                await db.execute("INSERT INTO virtual_time VALUES (0, ?), (1, ?)", (EDGE, -EDGE))
                await db.execute("INSERT INTO sqlite_sequence VALUES ('jobs', ?)", (EDGE,))
            moderation = Moderation(store)
            for event in events:
                now += 1
                if event[0] == "crash":
                    now += LEASE
                    await store.requeue_expired()
                await _happen(store, moderation, event)
                await _check(store, moderation)
            await moderation.resume(1, by=1)
            await moderation.resume(2, by=1)
            while job := await store.claim("last", LEASE):
                await store.finish(job.id, "last", State.DONE)
            for job in await store.running():
                await store.cancel(job.id)
            async with store.snapshot() as db:  # what limits keep waiting is all that may be left
                summed = await value_of(db, "SELECT COUNT(*) FROM stretches WHERE jobs < 1")
            assert summed == 0
            assert await store.waiting_count() == len(await store.waiting(1000))


async def _happen(store: Store, moderation: Moderation, event: Event) -> None:
    kind, member, guild, count = event
    engine, guild_id = f"engine {count % 2}", GUILDS[guild]
    held = sorted(await store.still_mine(engine))
    queue = await store.waiting(1000)
    match kind:
        case "ask":
            await _ask(store, member, guild_id, count)
        case "claim":
            expected = await _next(store, moderation, queue)
            claimed = await store.claim(engine, LEASE)
            assert (claimed and claimed.id) == (expected and expected.id)
        case "finish" if held:
            await store.finish(held[0], engine, State.DONE)
        case "release" if held:
            await store.release(held[-1], engine)
        case "cancel" if mine := await store.members_jobs(member):
            await store.cancel(mine[-1].id, member)
        case "pause" if guild_id:
            if (await moderation.guild(guild_id)).pause:
                await moderation.resume(guild_id, by=1)
            else:
                await moderation.pause(guild_id, by=1, why=None)
        case "up" if guild_id and queue:
            await moderation.move_up(guild_id, queue[-1].id, by=1)
        case "all" if guild_id and count == 4:
            await moderation.block(guild_id, member, by=1, why=None, until=None, reason="no")


async def _ask(store: Store, member: int, guild_id: int | None, count: int) -> Job:
    recipe = Recipe.make("a circle", width=64, height=32 * count, steps=10, count=count)
    return await store.add(
        recipe,
        guild_id=guild_id,
        channel_id=2,
        message_id=None,
        member_id=member,
        member_name=f"member {member}",
        priority=member // 3,
        most_running=MOST.get(member),
    )


async def _paused(moderation: Moderation) -> set[int | None]:
    return {guild for guild in GUILDS if (await moderation.guild(guild)).pause}


async def _next(store: Store, moderation: Moderation, queue: list[Job]) -> Job | None:
    """The first, in the order of the law, of those that may be painted."""
    paused, running = await _paused(moderation), await store.running()

    def may(job: Job) -> bool:
        beside = sum(
            (other.member_id, other.guild_id) == (job.member_id, job.guild_id) for other in running
        )
        return job.guild_id not in paused and beside < MOST.get(job.member_id, 1000)

    return min(filter(may, queue), key=_order, default=None)


async def _check(store: Store, moderation: Moderation) -> None:
    """The place of every waiting job, and the work before it, counted one by one."""
    queue, paused = await store.waiting(1000), await _paused(moderation)
    assert queue == sorted(queue, key=_order)
    assert await store.waiting_count() == (await store.tally()).waiting == len(queue)
    assert await store.unpaused_count() == sum(job.guild_id not in paused for job in queue)
    oldest = min((job.created_at for job in queue), default=None)
    assert (await store.tally()).oldest == oldest
    speed = await _speed(store)
    for job in queue:
        ahead = [
            other
            for other in queue
            if _order(other) < _order(job)
            and (other.guild_id == job.guild_id or other.guild_id not in paused)
        ]
        assert await store.position(job.id) == 1 + len(ahead)
        wait = await store.wait_seconds(job.id)
        if speed is None or job.guild_id in paused:
            assert wait is None
        else:
            work = sum(other.recipe.work for other in [*ahead, *await store.running()])
            assert wait == pytest.approx(work * speed)


async def _speed(store: Store) -> float | None:
    """Seconds for a pixel-step, as the store measures them."""
    async with store.snapshot() as db:
        return await _seconds_per_work(db)


def _order(job: Job) -> tuple[int, int, int]:
    return claim_order(job.priority, job.turn, job.id)


# -- how much it costs -----------------------------------------------------------------------------

SHORT, LONG = 400, 8_000


@pytest.fixture(scope="module")
def queues(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Two databases, whose queues differ in length alone."""
    folder = tmp_path_factory.mktemp("queues")
    paths = {size: folder / f"{size}.db" for size in (SHORT, LONG)}
    for size, path in paths.items():
        asyncio.run(fill(path, size, now=1_700_000_000.0))
    return paths


async def _usage(store: Store, job: Job) -> object:
    return await Moderation(store).usage(job.guild_id, job.member_id)


async def _mod_queue(store: Store, job: Job) -> object:
    return await Moderation(store).live(1, limit=10)


async def _add(store: Store, job: Job) -> object:
    return await _ask(store, job.member_id, job.guild_id, 1)


async def _mod_cancel(store: Store, job: Job) -> object:
    return await Moderation(store).cancel(Act.CANCEL, 1, by=1, why=None, reason="no", job_id=job.id)


async def _mod_block(store: Store, job: Job) -> object:
    return await Moderation(store).block(1, job.member_id, by=1, why=None, until=None, reason="no")


async def _mod_up(store: Store, job: Job) -> object:
    return await Moderation(store).move_up(1, job.id, by=1)


QUESTIONS: dict[str, Callable[[Store, Job], Awaitable[object]]] = {
    "claim": lambda store, job: store.claim("engine", LEASE),
    "position": lambda store, job: store.position(job.id),
    "wait_seconds": lambda store, job: store.wait_seconds(job.id),
    "waiting": lambda store, job: store.waiting(10),
    "waiting_count": lambda store, job: store.waiting_count(),
    "tally": lambda store, job: store.tally(),
    "members_jobs": lambda store, job: store.members_jobs(job.member_id),
    "cancel": lambda store, job: store.cancel(job.id),
    "usage": _usage,
    "add": _add,
    "mod queue": _mod_queue,
    "mod cancel": _mod_cancel,
    "mod block": _mod_block,
    "mod up": _mod_up,
    "needed": lambda store, job: needed(store, jobs=range(40), pictures=["0" * 64]),
}


@pytest.mark.parametrize("name", QUESTIONS)
async def test_a_long_queue_costs_hardly_more_than_a_short_one(
    name: str, queues: dict[int, Path]
) -> None:
    """Counted in steps of SQLite's machine, which no other load on this machine changes."""
    steps = {size: await _steps(path, QUESTIONS[name]) for size, path in queues.items()}
    assert steps[LONG] < 2 * steps[SHORT] + 1500, steps


async def _steps(path: Path, question: Callable[[Store, Job], Awaitable[object]]) -> int:
    async with Store.open(path) as store:
        queue = await store.waiting(100, offset=await store.waiting_count() // 2)
        job = next(job for job in queue if job.guild_id == 1)  # the largest server
        async with counted_steps(store) as done:
            await question(store, job)
            return done()


# -- what was there before -------------------------------------------------------------------------


async def test_an_older_queue_is_summed_when_it_is_opened(path: Path, tmp_path: Path) -> None:
    """A database that was written before migration 5."""
    async with Store.open(path) as store:
        for member in range(5):
            await _ask(store, member, 1, 1)
        await store.claim("engine", LEASE)
        async with store.snapshot() as db:
            summed = [tuple(row) for row in await rows_of(db, "SELECT * FROM stretches")]
    older_path = tmp_path / "older.db"
    with closing(sqlite3.connect(older_path, isolation_level=None)) as older:
        for migration in list(_migrations().values())[:4]:
            older.executescript(migration)
        older.execute("PRAGMA user_version = 4")
        columns = ", ".join(row[1] for row in older.execute("PRAGMA table_info (jobs)"))
        older.execute("ATTACH ? AS newer", (str(path),))
        older.execute(f"INSERT INTO jobs ({columns}) SELECT {columns} FROM newer.jobs")
    async with Store.open(older_path) as store, store.snapshot() as db:
        assert [tuple(row) for row in await rows_of(db, "SELECT * FROM stretches")] == summed
