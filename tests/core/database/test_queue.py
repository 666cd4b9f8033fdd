"""The queue in SQL: it agrees with `core.fair_queue`, and a long queue costs hardly more.

A bucket of the queue's rollup holds 1,024 turns or 1,024 job ids; every history here starts just
before the end of the first bucket, so it crosses into the second.
"""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as run
from hypothesis import strategies as st

from bench.load.crowd import fill
from core.database.blocks import Blocks
from core.database.claims import Claims
from core.database.connection import Database
from core.database.guild_rules import GuildRules
from core.database.guild_settings import GuildSettings
from core.database.jobs import Jobs
from core.database.moderation_queue import ModerationQueue
from core.database.queue import JobQueue, _seconds_per_work
from core.database.rows import value_of
from core.fair_queue import claim_order
from core.job import Job, NewJob, Reason, State
from core.recipe import Recipe
from core.storage.retention import needed_until
from tests.databases import new_database
from tests.sql_trace import counted_steps

LEASE = 30.0
EDGE = 1020
GUILDS = (None, 1, 2)
MAX_RUNNING = {0: 1, 1: 2}
"""How many jobs of a member may run at a time."""

MODELS = (None, "picturebook", "wikiart")
ENGINES = {"engine 0": "picturebook", "engine 1": "wikiart", "engine 2": None}
"""The model that each engine renders with; one only takes jobs that name no model."""

Event = tuple[str, int, int, int, int]

KINDS = (
    "insert",
    "insert",
    "insert",
    "claim",
    "finish",
    "release",
    "crash",
    "cancel",
    "pause",
    "move up",
    "block",
)
EVENTS = st.lists(
    st.tuples(
        st.sampled_from(KINDS),
        st.integers(0, 3),
        st.integers(0, len(GUILDS) - 1),
        st.integers(1, 4),
        st.integers(0, len(MODELS) - 1),
    ),
    min_size=5,
    max_size=50,
)


@pytest.mark.slow
@run(max_examples=60)
@given(EVENTS)
def test_places_and_claims_in_sql_match_fair_queue(events: list[Event]) -> None:
    asyncio.run(_replay(events))


async def _replay(events: list[Event]) -> None:
    now = 0.0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "imagine.db"
        async with new_database(path, clock=lambda: now) as database:
            async with database.transaction() as db:
                await db.execute("INSERT INTO virtual_time VALUES (0, ?), (1, ?)", (EDGE, -EDGE))
                await db.execute("INSERT INTO sqlite_sequence VALUES ('jobs', ?)", (EDGE,))
            for event in events:
                now += 1
                if event[0] == "crash":
                    now += LEASE
                    await Claims(database).requeue_expired()
                await _apply(database, event)
                await _check(database)
            await ModerationQueue(database).resume(1, actor_id=1)
            await ModerationQueue(database).resume(2, actor_id=1)
            for model in MODELS:
                while job := await Claims(database).claim("last", LEASE, model):
                    await Claims(database).finish(job.id, "last", State.DONE)
            for job in await JobQueue(database).running():
                await Jobs(database).cancel(job.id)
            async with database.read() as db:  # jobs held by a limit may be left
                invalid_buckets = await value_of(
                    db, "SELECT COUNT(*) FROM queue_buckets WHERE jobs < 1"
                )
            assert invalid_buckets == 0
            assert await JobQueue(database).waiting_count() == len(
                await JobQueue(database).waiting(1000)
            )


async def _apply(database: Database, event: Event) -> None:
    kind, member, guild, count, number = event
    engine, guild_id = f"engine {number}", GUILDS[guild]
    held = sorted(await Claims(database).held(engine))
    queue = await JobQueue(database).waiting(1000)
    match kind:
        case "insert":
            await _insert_job(database, member, guild_id, count, MODELS[number])
        case "claim":
            expected = await _next(database, queue, ENGINES[engine])
            claimed = await Claims(database).claim(engine, LEASE, ENGINES[engine])
            assert (claimed and claimed.id) == (expected and expected.id)
        case "finish" if held:
            await Claims(database).finish(held[0], engine, State.DONE)
        case "release" if held:
            await Claims(database).release(held[-1], engine)
        case "cancel" if mine := await JobQueue(database).by_member(member):
            await Jobs(database).cancel(mine[-1].id, member)
        case "pause" if guild_id:
            if (await GuildSettings(database).get(guild_id)).pause:
                await ModerationQueue(database).resume(guild_id, actor_id=1)
            else:
                await ModerationQueue(database).pause(guild_id, actor_id=1, reason=None)
        case "move up" if guild_id and queue:
            await ModerationQueue(database).move_up(guild_id, queue[-1].id, actor_id=1)
        case "block" if guild_id and count == 4:
            await Blocks(database).block(guild_id, member, actor_id=1, reason=None, until=None)


async def _insert_job(
    database: Database, member: int, guild_id: int | None, count: int, model: str | None = None
) -> Job:
    height = 32 * count
    recipe = Recipe.make("a circle", width=64, height=height, steps=10, count=count, model=model)
    return await Jobs(database).insert(
        NewJob(
            recipe=recipe,
            guild_id=guild_id,
            channel_id=2,
            message_id=None,
            member_id=member,
            member_name=f"member {member}",
            priority=member // 3,
            most_running=MAX_RUNNING.get(member),
        )
    )


async def _paused(database: Database) -> set[int | None]:
    return {guild for guild in GUILDS if (await GuildSettings(database).get(guild)).pause}


async def _next(database: Database, queue: list[Job], model: str | None) -> Job | None:
    """The first job in the fair order that may run on an engine with this model."""
    paused, running = await _paused(database), await JobQueue(database).running()

    def may_run(job: Job) -> bool:
        running_beside = sum(
            (other.member_id, other.guild_id) == (job.member_id, job.guild_id) for other in running
        )
        return (
            job.guild_id not in paused
            and job.recipe.model in (None, model)
            and running_beside < MAX_RUNNING.get(job.member_id, 1000)
        )

    return min(filter(may_run, queue), key=_order, default=None)


async def _check(database: Database) -> None:
    """Counts the jobs and the work ahead of every waiting job one by one, and compares."""
    queue, paused = await JobQueue(database).waiting(1000), await _paused(database)
    assert queue == sorted(queue, key=_order)
    assert (
        await JobQueue(database).waiting_count()
        == (await JobQueue(database).stats()).waiting
        == len(queue)
    )
    assert await JobQueue(database).unpaused_count() == sum(
        job.guild_id not in paused for job in queue
    )
    oldest = min((job.created_at for job in queue), default=None)
    assert (await JobQueue(database).stats()).oldest == oldest
    running = await JobQueue(database).running()
    for job in queue:
        speed = await _speed(database, job.recipe.model)
        ahead = [
            other
            for other in queue
            if _order(other) < _order(job)
            and (other.guild_id == job.guild_id or other.guild_id not in paused)
            and _shares_engine(job, other)
        ]
        assert await JobQueue(database).position(job.id) == 1 + len(ahead)
        wait = await JobQueue(database).wait_seconds(job.id)
        if speed is None or job.guild_id in paused:
            assert wait is None
        else:
            beside = [other for other in running if _shares_engine(job, other)]
            work = sum(other.recipe.work for other in [*ahead, *beside])
            assert wait == pytest.approx(work * speed)


def _shares_engine(job: Job, other: Job) -> bool:
    """Whether an engine that may render `job` may render `other`, too."""
    return None in (job.recipe.model, other.recipe.model) or job.recipe.model == other.recipe.model


async def _speed(database: Database, model: str | None) -> float | None:
    """Seconds for a pixel-step, as the database measures them."""
    async with database.snapshot() as db:
        return await _seconds_per_work(db, model)


def _order(job: Job) -> tuple[int, int, int]:
    return claim_order(job.priority, job.turn, job.id)


# -- cost ------------------------------------------------------------------------------------------

SHORT, LONG = 400, 8_000


@pytest.fixture(scope="module")
def queues(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Two databases whose queues differ only in length."""
    folder = tmp_path_factory.mktemp("queues")
    paths = {size: folder / f"{size}.db" for size in (SHORT, LONG)}
    for size, path in paths.items():
        asyncio.run(fill(path, size, now=1_700_000_000.0))
    return paths


async def _usage(database: Database, job: Job) -> object:
    return await GuildRules(database).usage(job.guild_id, job.member_id)


async def _mod_queue(database: Database, job: Job) -> object:
    return await ModerationQueue(database).page(1, limit=10)


async def _add(database: Database, job: Job) -> object:
    return await _insert_job(database, job.member_id, job.guild_id, 1)


async def _mod_cancel(database: Database, job: Job) -> object:
    return await ModerationQueue(database).cancel(
        1, job.id, actor_id=1, reason=Reason(text="no"), why=None
    )


async def _mod_block(database: Database, job: Job) -> object:
    return await Blocks(database).block(1, job.member_id, actor_id=1, reason=None, until=None)


async def _mod_up(database: Database, job: Job) -> object:
    return await ModerationQueue(database).move_up(1, job.id, actor_id=1)


OPERATIONS: dict[str, Callable[[Database, Job], Awaitable[object]]] = {
    "claim": lambda database, job: Claims(database).claim("engine", LEASE),
    "position": lambda database, job: JobQueue(database).position(job.id),
    "wait_seconds": lambda database, job: JobQueue(database).wait_seconds(job.id),
    "waiting": lambda database, job: JobQueue(database).waiting(10),
    "waiting_count": lambda database, job: JobQueue(database).waiting_count(),
    "stats": lambda database, job: JobQueue(database).stats(),
    "by_member": lambda database, job: JobQueue(database).by_member(job.member_id),
    "cancel": lambda database, job: Jobs(database).cancel(job.id),
    "usage": _usage,
    "add": _add,
    "mod queue": _mod_queue,
    "mod cancel": _mod_cancel,
    "mod block": _mod_block,
    "mod up": _mod_up,
    "needed": lambda database, job: needed_until(database, jobs=range(40), images=["0" * 64]),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", OPERATIONS)
async def test_a_long_queue_costs_hardly_more_than_a_short_one(
    name: str, queues: dict[int, Path]
) -> None:
    """Counted in steps of SQLite's virtual machine, which no other load on this machine affects."""
    steps = {size: await _steps(path, OPERATIONS[name]) for size, path in queues.items()}
    assert steps[LONG] < 2 * steps[SHORT] + 1500, steps


@pytest.mark.slow
async def test_jobs_for_another_model_cost_an_engine_nothing(queues: dict[int, Path]) -> None:
    steps = {}
    for size, path in queues.items():
        async with Database.open(path) as database:
            async with database.transaction() as db:
                await db.execute("UPDATE jobs SET model = 'wikiart' WHERE state = 'queued'")
            async with counted_steps(database) as done:
                assert await Claims(database).claim("engine", LEASE, "picturebook") is None
                steps[size] = done()
    assert steps[LONG] < 2 * steps[SHORT] + 1500, steps


async def _steps(path: Path, operation: Callable[[Database, Job], Awaitable[object]]) -> int:
    async with Database.open(path) as database:
        queue = await JobQueue(database).waiting(
            100, offset=await JobQueue(database).waiting_count() // 2
        )
        job = next(job for job in queue if job.guild_id == 1)  # the largest server
        async with counted_steps(database) as done:
            await operation(database, job)
            return done()
