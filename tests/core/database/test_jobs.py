"""The queue on disk: no job is lost or doubled, and the order is fair, whatever goes wrong."""

import asyncio
import os
import shutil
import sqlite3
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as run
from hypothesis import strategies as st

from core.database.claims import Claims
from core.database.connection import Database
from core.database.deletions import Deletions
from core.database.errors import (
    StoreDamagedError,
    StoreError,
    StoreFullError,
    StoreLockedError,
    StoreReadOnlyError,
    StoreTooNewError,
)
from core.database.jobs import Jobs
from core.database.messages import Kind, Messages
from core.database.queue import JobQueue
from core.fair_queue import claim_order
from core.job import Job, NewJob, Reason, ReasonCode, State
from core.recipe import Recipe
from tests.databases import new_database
from tests.sql_trace import query_plan, traced

CHECKOUT = Path(__file__).parents[3]
LEASE = 30.0


def recipe(**changes: Any) -> Recipe:
    return Recipe.make(
        "a red circle:2 | snow",
        "watermark",
        **{"width": 64, "height": 64, "steps": 100, "seed": 7} | changes,
    )


async def insert_job(database: Database, member: int = 1, priority: int = 0, **changes: Any) -> Job:
    return await Jobs(database).insert(
        NewJob(
            recipe=recipe(**changes),
            guild_id=10,
            channel_id=20,
            message_id=30,
            member_id=member,
            member_name=f"member {member}",
            priority=priority,
        )
    )


async def claim(database: Database, engine: str = "engine") -> Job:
    job = await Claims(database).claim(engine, LEASE)
    assert job is not None
    return job


# -- the life of a job -------------------------------------------------------------------------


async def test_a_job_is_stored_as_it_was_requested(path: Path, database: Database) -> None:
    job = await insert_job(database)
    assert job.recipe == recipe()
    assert (job.guild_id, job.channel_id, job.message_id) == (10, 20, 30)
    assert (job.member_id, job.member_name) == (1, "member 1")
    assert (job.state, job.step, job.posted) == (State.QUEUED, 0, False)
    await Messages(database).sent(job.id, Kind.JOB, 20, 2**62)
    async with Database.open(path) as another:
        assert await Jobs(another).get(job.id) == await Jobs(database).get(job.id)
        assert (await Jobs(another).get(job.id)).message_id == 2**62  # type: ignore[union-attr]
        assert await Jobs(another).get(job.id + 1) is None


async def test_a_job_goes_from_request_to_posted_outcome(database: Database, clock: Any) -> None:
    requested = await insert_job(database)
    clock.now += 5
    job = await claim(database)
    assert (job.id, job.state, job.attempts) == (requested.id, State.RUNNING, 1)
    assert job.started_at == clock.now
    clock.now += 20
    assert await Claims(database).heartbeat("engine", LEASE, {job.id: 40, 999: 1}) == {job.id}
    (running,) = await JobQueue(database).running()
    assert (running.step, running.lease_until) == (40, clock.now + LEASE)
    clock.now += 30
    assert await Jobs(database).unposted() == []
    assert await Claims(database).finish(job.id, "engine", State.DONE)
    (ended,) = await Jobs(database).unposted()
    assert (ended.state, ended.seconds) == (State.DONE, 50)
    await Jobs(database).mark_posted(job.id)
    assert await Jobs(database).unposted() == []
    assert await Claims(database).claim("engine", LEASE) is None


async def test_only_its_own_engine_can_end_a_job(database: Database, clock: Any) -> None:
    job = await insert_job(database)
    assert not await Claims(database).finish(job.id, "engine", State.DONE)  # it is still waiting
    await claim(database, "slow")
    clock.now += LEASE + 1
    (requeued,) = await Claims(database).requeue_expired()
    assert (requeued.id, requeued.state) == (job.id, State.QUEUED)
    await claim(database, "quick")
    assert await Claims(database).held("slow") == {}
    assert await Claims(database).heartbeat("slow", LEASE, {job.id: 99}) == set()
    assert not await Claims(database).finish(job.id, "slow", State.FAILED, Reason(text="late"))
    assert not await Claims(database).release(job.id, "slow")
    assert await Claims(database).finish(job.id, "quick", State.DONE)
    assert not await Claims(database).finish(job.id, "quick", State.FAILED, Reason(text="twice"))
    ended = await Jobs(database).get(job.id)
    assert ended
    assert (ended.state, ended.reason, ended.step) == (State.DONE, None, 0)


@pytest.mark.parametrize("state", [State.QUEUED, State.RUNNING, State.CANCELLED])
async def test_an_engine_can_only_report_done_or_failed(database: Database, state: State) -> None:
    with pytest.raises(ValueError, match="done or failed"):
        await Claims(database).finish(1, "engine", state)


async def test_a_heartbeat_keeps_a_job(database: Database, clock: Any) -> None:
    await insert_job(database)
    job = await claim(database)
    for _ in range(5):
        clock.now += LEASE - 1
        assert await Claims(database).heartbeat("engine", LEASE) == {job.id}
        assert await Claims(database).requeue_expired() == []


async def test_a_job_that_stops_three_engines_fails_with_a_reason(
    database: Database, clock: Any
) -> None:
    await insert_job(database)
    states = []
    for _ in range(3):
        await claim(database)
        clock.now += LEASE + 1
        (job,) = await Claims(database).requeue_expired()
        states.append(job.state)
    assert states == [State.QUEUED, State.QUEUED, State.FAILED]
    assert job.reason == Reason(ReasonCode.TOO_MANY_ATTEMPTS)
    assert await Jobs(database).unposted() == [job]


async def test_a_clock_set_back_leaves_no_job_with_a_dead_engine(
    database: Database, clock: Any
) -> None:
    job = await insert_job(database)
    await claim(database)
    clock.now -= 3600
    assert await Claims(database).requeue_expired(LEASE) == []
    clock.now += LEASE + 1
    (requeued,) = await Claims(database).requeue_expired(LEASE)
    assert (requeued.id, requeued.state) == (job.id, State.QUEUED)


async def test_a_clock_set_back_in_small_steps_costs_a_live_engine_nothing(
    database: Database, clock: Any
) -> None:
    await insert_job(database)
    job = await claim(database)
    for _ in range(5):
        clock.now -= 10
        assert await Claims(database).requeue_expired(LEASE) == []
        assert await Claims(database).heartbeat("engine", LEASE) == {job.id}
    (running,) = await JobQueue(database).running()
    assert running.attempts == 1


async def test_a_repost_is_not_cancelled_by_an_earlier_post(database: Database) -> None:
    job = await insert_job(database)
    await Jobs(database).repost(job.id)  # nothing has ended yet
    assert (await Jobs(database).get(job.id)) == job
    await Jobs(database).cancel(job.id)
    await Jobs(database).repost(job.id)
    await Jobs(database).mark_posted(job.id, job.redraws)  # a post that started before the repost
    (waiting,) = await Jobs(database).unposted()
    assert waiting.redraws == 1
    await Jobs(database).mark_posted(job.id, waiting.redraws)
    assert await Jobs(database).unposted() == []
    await Deletions(database).delete_job(job.id, job.member_id)
    await Jobs(database).repost(job.id)
    assert await Jobs(database).unposted() == []


async def test_a_clean_shutdown_keeps_the_place_and_does_not_count_as_an_attempt(
    database: Database,
) -> None:
    jobs = [await insert_job(database, member) for member in (1, 2, 3)]
    for _ in range(5):
        job = await claim(database)
        assert job.attempts == 1
        assert await Claims(database).release(job.id, "engine")
    assert [job.id for job in await JobQueue(database).waiting()] == [job.id for job in jobs]


async def test_a_member_can_cancel_their_own_waiting_and_running_jobs(database: Database) -> None:
    first, second = await insert_job(database), await insert_job(database)
    await claim(database)
    assert await Jobs(database).cancel(first.id, member_id=2) is None  # not hers
    for job in (first, second):
        cancelled = await Jobs(database).cancel(
            job.id, member_id=1, reason=Reason(text="Cancelled by its member.")
        )
        assert cancelled
        assert (cancelled.state, cancelled.reason) == (
            State.CANCELLED,
            Reason(text="Cancelled by its member."),
        )
        assert await Jobs(database).cancel(job.id) is None  # it is cancelled already
    assert await Claims(database).held("engine") == {}
    assert not await Claims(database).finish(first.id, "engine", State.DONE)
    assert [job.id for job in await Jobs(database).unposted()] == [first.id, second.id]


async def test_a_moderator_can_cancel_anybodys_job_unless_it_has_ended(database: Database) -> None:
    job = await insert_job(database)
    await claim(database)
    await Claims(database).finish(job.id, "engine", State.DONE)
    assert await Jobs(database).cancel(job.id) is None
    other = await insert_job(database, member=2)
    assert await Jobs(database).cancel(other.id)


# -- the order of the queue ----------------------------------------------------------------------


async def test_positions_waiting_jobs_and_a_members_own_jobs(database: Database) -> None:
    mine = [await insert_job(database, member=1) for _ in range(3)]
    hers = await insert_job(database, member=2)
    urgent = await insert_job(database, member=3, priority=1)
    expected = [urgent.id, mine[0].id, hers.id, mine[1].id, mine[2].id]
    assert [job.id for job in await JobQueue(database).waiting()] == expected
    assert [job.id for job in await JobQueue(database).waiting(limit=2, offset=1)] == expected[1:3]
    assert [await JobQueue(database).position(job_id) for job_id in expected] == [1, 2, 3, 4, 5]
    assert await JobQueue(database).waiting_count() == 5
    await claim(database)
    assert (await claim(database)).id == mine[0].id
    assert await JobQueue(database).position(mine[0].id) is None
    assert [job.id for job in await JobQueue(database).by_member(1)] == [job.id for job in mine]


async def test_a_job_of_four_images_takes_four_turns(database: Database) -> None:
    flood = [await insert_job(database, member=1, count=4) for _ in range(3)]
    single = [await insert_job(database, member=2) for _ in range(5)]
    order = [(await claim(database)).id for _ in range(7)]
    assert order[:6] == [flood[0].id, *(job.id for job in single[:4]), flood[1].id]


async def test_cancelling_a_waiting_job_costs_no_place(database: Database) -> None:
    kept = await insert_job(database, member=1)
    for _ in range(10):
        await Jobs(database).cancel((await insert_job(database, member=2)).id)
    job = await insert_job(database, member=2)
    await insert_job(database, member=3)
    assert [waiting.id for waiting in await JobQueue(database).waiting()][:2] == [kept.id, job.id]


async def test_the_wait_is_estimated_from_finished_jobs(database: Database, clock: Any) -> None:
    first, second = await insert_job(database), await insert_job(database, member=2)
    assert await JobQueue(database).wait_seconds(first.id) is None  # nothing measured yet
    for _ in range(2):  # two in parallel in 50 seconds: 25 each
        await claim(database)
    clock.now += 50
    for job in (first, second):
        await Claims(database).finish(job.id, "engine", State.DONE)
    running, small, last = (
        await insert_job(database),
        await insert_job(database, width=32),
        await insert_job(database),
    )
    assert await JobQueue(database).wait_seconds(running.id) == 0
    await claim(database)
    await Claims(database).heartbeat("engine", LEASE, {running.id: 60})
    assert await JobQueue(database).wait_seconds(small.id) == pytest.approx(
        10
    )  # 40 steps of 100 are left
    assert await JobQueue(database).wait_seconds(last.id) == pytest.approx(10 + 12.5)
    assert await JobQueue(database).wait_seconds(running.id) is None  # it no longer waits


Event = tuple[str, int, int]


@pytest.mark.slow
@run(max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["insert", "insert", "claim", "finish", "release", "cancel", "crash"]),
            st.integers(0, 3),
            st.integers(1, 4),
        ),
        max_size=40,
    )
)
def test_any_history_keeps_the_queues_invariants(events: list[Event]) -> None:
    """Every job is in one state, the order is that of `core.fair_queue`, and every job ends."""
    asyncio.run(_replay(events))


async def _replay(events: list[Event]) -> None:
    now = 0.0
    with tempfile.TemporaryDirectory() as folder:
        async with new_database(Path(folder) / "imagine.db", clock=lambda: now) as database:
            inserted: dict[int, Job] = {}
            for kind, member, count in events:
                now += 1
                await _apply(database, kind, member, count, inserted)
                if kind == "crash":
                    now += LEASE
                    await Claims(database).requeue_expired()
                await _check(database, inserted)
            while job := await Claims(database).claim("last", LEASE):
                assert await Claims(database).finish(job.id, "last", State.DONE)
            for job in await JobQueue(database).running():
                assert await Jobs(database).cancel(job.id)
            assert {job.id for job in await Jobs(database).unposted()} == inserted.keys()


async def _apply(
    database: Database, kind: str, member: int, count: int, inserted: dict[int, Job]
) -> None:
    engine = f"engine {count % 2}"
    held = sorted(await Claims(database).held(engine))
    match kind:
        case "insert":
            job = await insert_job(database, member, priority=member // 3, count=count)
            inserted[job.id] = job
        case "claim":
            queue = await JobQueue(database).waiting()
            job_now = await Claims(database).claim(engine, LEASE)
            assert (job_now and job_now.id) == (queue[0].id if queue else None)
        case "finish" if held:
            assert await Claims(database).finish(held[0], engine, State.DONE)
        case "release" if held:
            assert await Claims(database).release(held[-1], engine)
        case "cancel" if mine := await JobQueue(database).by_member(member):
            assert await Jobs(database).cancel(mine[0].id, member)


async def _check(database: Database, inserted: dict[int, Job]) -> None:
    waiting, running = (
        await JobQueue(database).waiting(limit=1000),
        await JobQueue(database).running(),
    )
    ended = await Jobs(database).unposted(limit=1000)
    ids = Counter(job.id for job in waiting + running + ended)
    assert ids == Counter(inserted.keys())  # each job exactly once
    assert waiting == sorted(waiting, key=lambda j: claim_order(j.priority, j.turn, j.id))
    for place, job in enumerate(waiting, start=1):
        assert await JobQueue(database).position(job.id) == place
        assert (job.turn, job.recipe) == (inserted[job.id].turn, inserted[job.id].recipe)
    members = {(job.member_id, job.priority) for job in waiting}
    for member in members:  # first come, first served within a member
        own = [job.id for job in waiting if (job.member_id, job.priority) == member]
        assert own == sorted(own)


# -- several processes ---------------------------------------------------------------------------


async def test_no_two_engines_get_the_same_job(path: Path) -> None:
    async with Database.open(path) as bot, Database.open(path) as one, Database.open(path) as two:
        inserted = {(await insert_job(bot, member)).id for member in range(40)}

        async def take(database: Database, engine: str) -> list[int]:
            taken = []
            while job := await Claims(database).claim(engine, LEASE):
                taken.append(job.id)
            return taken

        first, second = await asyncio.gather(take(one, "one"), take(two, "two"))
        assert sorted(first + second) == sorted(inserted)
        assert await Claims(one).held("one") == dict.fromkeys(first, False)


async def test_tasks_of_one_process_share_a_database(database: Database) -> None:
    """Their transactions do not interleave."""
    jobs = await asyncio.gather(*(insert_job(database, member % 3) for member in range(20)))
    claims = await asyncio.gather(*(Claims(database).claim("engine", LEASE) for _ in range(25)))
    taken = [job.id for job in claims if job]
    assert sorted(taken) == sorted(job.id for job in jobs)


async def test_a_cancelled_task_leaves_no_transaction_open(database: Database) -> None:
    for delay in range(12):  # cancelled at each of its first awaits
        task = asyncio.create_task(insert_job(database))
        for _ in range(delay):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        kept = await insert_job(database, member=2)
        assert await Jobs(database).get(kept.id) == kept


CLAIM_SCRIPT = """
import asyncio, sys
from core.database.connection import Database
from core.database.claims import Claims

async def main():
    async with Database.open(sys.argv[1]) as database:
        while job := await Claims(database).claim(sys.argv[2], 30):
            print(job.id)

asyncio.run(main())
"""

OPEN_SCRIPT = """
import asyncio, sys
from core.database.connection import Database

async def main():
    print("ready", flush=True)
    while line := sys.stdin.readline():
        async with Database.open(line.strip(), busy_seconds=60):
            print("opened", flush=True)

asyncio.run(main())
"""


async def _start_process(path: Path, engine: str, script: str = CLAIM_SCRIPT) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, str(path), engine, cwd=CHECKOUT, stdin=PIPE, stdout=PIPE
    )


@pytest.mark.slow
async def test_processes_that_start_together_create_one_database(path: Path) -> None:
    """Bot and engine start at the same moment on a fresh machine."""
    processes = [await _start_process(path, str(number), OPEN_SCRIPT) for number in range(4)]
    assert await _lines(processes) == [b"ready\n"] * 4
    for attempt in range(3):
        for process in processes:
            assert process.stdin
            process.stdin.write(f"{path.with_name(f'{attempt}.db')}\n".encode())
        assert await _lines(processes) == [b"opened\n"] * 4
    for process in processes:
        await process.communicate(b"")  # closes its input
        assert process.returncode == 0


async def _lines(processes: list[Process]) -> list[bytes]:
    """The next line that each process prints."""
    return [await process.stdout.readline() for process in processes if process.stdout]


@pytest.mark.slow
async def test_a_killed_engines_job_is_requeued_after_its_lease(
    path: Path, database: Database, clock: Any
) -> None:
    job = await insert_job(database)
    claim_and_hang_script = CLAIM_SCRIPT.replace(
        "print(job.id)", "print(job.id, flush=True); input()"
    )
    engine = await _start_process(path, "doomed", claim_and_hang_script)
    assert engine.stdout
    assert await engine.stdout.readline() == f"{job.id}\n".encode()
    engine.kill()
    await engine.wait()
    (running,) = await JobQueue(database).running()
    assert (running.id, running.engine) == (job.id, "doomed")
    assert running.lease_until
    clock.now = running.lease_until - 1
    assert await Claims(database).requeue_expired() == []
    clock.now = running.lease_until + 1
    assert [requeued.id for requeued in await Claims(database).requeue_expired()] == [job.id]
    assert (await claim(database, "next")).id == job.id


# -- failures of the file ------------------------------------------------------------------------


def _copy_as_after_a_power_cut(path: Path, target: Path, torn_bytes: int = 0) -> None:
    """Copies the files as they are on disk now; the end of the WAL may be torn off."""
    shutil.copy(path, target)
    wal = path.with_name(path.name + "-wal").read_bytes()
    end = len(wal) - torn_bytes
    target.with_name(target.name + "-wal").write_bytes(wal[:end])


async def test_acknowledged_jobs_survive_a_power_cut(path: Path, database: Database) -> None:
    jobs = [await insert_job(database, member) for member in range(5)]
    after = path.with_name("after.db")
    _copy_as_after_a_power_cut(path, after)
    async with Database.open(after) as opened:
        assert await JobQueue(opened).waiting() == jobs


async def test_a_transaction_torn_by_a_power_cut_is_rolled_back(
    path: Path, database: Database
) -> None:
    jobs = [await insert_job(database, member) for member in range(5)]
    after = path.with_name("after.db")
    _copy_as_after_a_power_cut(path, after, torn_bytes=100)
    async with Database.open(after) as opened:
        assert await JobQueue(opened).waiting() == jobs[:-1]
        assert await insert_job(opened, member=9)


async def test_writes_are_durable_and_reads_cannot_write(path: Path, database: Database) -> None:
    async with Database.open(path) as opened, opened.transaction() as db:
        pragmas = {}
        for name in ("journal_mode", "synchronous", "foreign_keys", "query_only"):
            ((pragmas[name],),) = await db.execute_fetchall(f"PRAGMA {name}")
    assert pragmas == {
        "journal_mode": "wal",
        "synchronous": 2,  # FULL
        "foreign_keys": 1,
        "query_only": 0,
    }
    for way in (database.read, database.snapshot):
        async with way() as db:
            with pytest.raises(sqlite3.OperationalError, match="readonly"):
                await db.execute("DELETE FROM jobs")


async def test_a_locked_database_stops_only_writers(path: Path) -> None:
    async with Database.open(path, busy_seconds=0.01) as database:
        job = await insert_job(database)
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreLockedError, match=r"locked by another program.*\.$"):
                await insert_job(database)
            assert await JobQueue(database).position(job.id) == 1  # reads go on
        assert await JobQueue(database).waiting() == [job]
        assert await insert_job(database)  # and it recovers


@pytest.fixture
def locked(path: Path, database: Database) -> Iterator[sqlite3.Connection]:
    """Another program in the middle of a transaction."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield other


async def test_reads_do_not_wait_for_writers(
    database: Database, locked: sqlite3.Connection
) -> None:
    """They return while a writer of this process waits for the lock of another program."""
    writer = asyncio.create_task(insert_job(database))
    await asyncio.sleep(0)
    assert await JobQueue(database).waiting() == []
    assert await JobQueue(database).position(1) is None
    assert not writer.done()
    locked.execute("COMMIT")
    assert await JobQueue(database).waiting() in ([], [await writer])


async def test_each_writer_waits_for_only_one_deadline(path: Path, database: Database) -> None:
    """Twenty that start together give up together, not one after the other."""
    deadline = 0.3
    async with Database.open(path, busy_seconds=deadline) as opened:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            writers = [asyncio.create_task(insert_job(opened)) for _ in range(20)]
            _, unfinished = await asyncio.wait(writers, timeout=10 * deadline)
            assert not unfinished
        for writer in writers:
            assert isinstance(writer.exception(), StoreLockedError)
        assert await insert_job(opened)


async def test_a_waiting_writer_does_not_block_the_event_loop(
    database: Database, locked: sqlite3.Connection
) -> None:
    """The loop has to send the gateway's heartbeats, whatever the database waits for."""
    writer = asyncio.create_task(insert_job(database))
    for _ in range(1000):
        await asyncio.sleep(0)
    assert not writer.done()
    locked.execute("COMMIT")
    assert await writer


@pytest.fixture
def as_nobody() -> Iterator[None]:
    """Drops root's privileges, which would allow every write."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    yield
    os.seteuid(0)


@pytest.fixture
def shared_folder() -> Iterator[Path]:
    """A folder that every user may enter; pytest's own is private."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


@pytest.fixture
async def database_path(shared_folder: Path) -> Path:
    async with Database.open(shared_folder / "imagine.db") as database:
        await insert_job(database)
    return shared_folder / "imagine.db"


@pytest.fixture
def read_only(database_path: Path) -> Iterator[Path]:
    database_path.chmod(0o444)
    database_path.parent.chmod(0o555)
    yield database_path
    database_path.parent.chmod(0o777)


async def test_a_read_only_database_is_an_error(read_only: Path, as_nobody: None) -> None:
    with pytest.raises(StoreReadOnlyError, match=r"is not writable.*\.$"):
        async with Database.open(read_only):
            pass


async def test_a_folder_that_cannot_be_created_is_an_error(
    shared_folder: Path, as_nobody: None
) -> None:
    shared_folder.joinpath("file").write_text("not a folder")
    with pytest.raises(StoreReadOnlyError, match=r"can't be created.*\.$"):
        async with Database.open(shared_folder / "file" / "data" / "imagine.db"):
            pass


async def test_a_full_disk_loses_nothing(database: Database) -> None:
    before = await insert_job(database)
    async with database.transaction() as db:
        ((pages,),) = await db.execute_fetchall("PRAGMA page_count")
        await db.execute(f"PRAGMA max_page_count = {pages}")

    async def insert_many() -> None:
        for _ in range(200):
            await insert_job(database)

    with pytest.raises(StoreFullError, match=r"disk is full.*\.$"):
        await insert_many()
    async with database.transaction() as db:
        await db.execute("PRAGMA max_page_count = 100000")
    kept = await JobQueue(database).waiting(limit=1000)
    assert kept[0] == before
    after = await insert_job(database)
    assert await JobQueue(database).waiting(limit=1000) == [*kept, after]


async def _open_error(path: Path) -> StoreError:
    with pytest.raises(StoreError, match=r"\.$") as caught:
        async with Database.open(path):
            pass
    return caught.value


def test_a_newer_database_is_refused_and_left_alone(path: Path) -> None:
    with closing(sqlite3.connect(path)) as newer:
        newer.execute("PRAGMA user_version = 99")
    before = path.read_bytes()
    error = asyncio.run(_open_error(path))
    assert isinstance(error, StoreTooNewError)
    assert "newer version" in str(error)
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b"SQLite format 3\0" * 300])
def test_another_file_in_its_place_is_refused_and_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    error = asyncio.run(_open_error(path))
    assert isinstance(error, StoreDamagedError)
    assert "is not a database, or is damaged" in str(error)
    assert path.read_bytes() == content


async def test_a_folder_in_its_place_is_an_error(tmp_path: Path) -> None:
    assert isinstance(await _open_error(tmp_path), StoreReadOnlyError)


# -- migrations ----------------------------------------------------------------------------------


async def test_a_failed_migration_is_rolled_back(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = "CREATE TABLE a (x);\nINSERT INTO a VALUES (1);\n-- the end\n"
    trigger = "CREATE TRIGGER t AFTER INSERT ON a BEGIN\n  UPDATE a SET x = 2;\n  SELECT 1;\nEND;\n"
    bad = "CREATE TABLE b (x);\nINSERT INTO a VALUES (3);\nINSERT INTO missing VALUES (1);\n"
    monkeypatch.setattr(
        "core.database.connection.migrations", lambda: {1: good, 2: trigger, 3: bad}
    )
    with pytest.raises(StoreError, match="missing"):
        async with Database.open(path):
            pass
    with closing(sqlite3.connect(path)) as found:
        assert found.execute("PRAGMA user_version").fetchone() == (2,)
        assert found.execute("SELECT x FROM a").fetchall() == [(1,)]
        assert found.execute("SELECT name FROM sqlite_master ORDER BY 1").fetchall() == [
            ("a",),
            ("t",),
        ]


async def test_each_migration_is_applied_once(path: Path, database: Database) -> None:
    job = await insert_job(database)
    async with Database.open(path) as again:
        assert await JobQueue(again).waiting() == [job]


async def test_a_long_queue_is_read_from_its_indexes(database: Database) -> None:
    """No statement scans the whole table of jobs; only a claim sorts, and only servers."""
    async with traced(database) as statements:
        job = await insert_job(database)
        for call in (
            JobQueue(database).position,
            JobQueue(database).wait_seconds,
            Jobs(database).get,
        ):
            await call(job.id)
        for read in (
            JobQueue(database).waiting,
            JobQueue(database).waiting_count,
            JobQueue(database).running,
            Jobs(database).unposted,
        ):
            await read()
        await JobQueue(database).by_member(1)
        await Claims(database).claim("engine", LEASE)
        await Claims(database).heartbeat("engine", LEASE)
        await Claims(database).requeue_expired()
        await Claims(database).finish(job.id, "engine", State.DONE)
        await JobQueue(database).wait_seconds((await insert_job(database)).id)
    read_or_write = ("SELECT", "UPDATE", "INSERT", "WITH")
    plans = {
        sql: await query_plan(database, sql)
        for sql in statements
        if sql.lstrip().startswith(read_or_write)
    }
    assert len(plans) > 15
    for sql, plan in plans.items():
        assert "SCAN jobs" not in plan.replace("SCAN jobs USING", ""), (sql, plan)
        assert plan.count("queue_buckets") == plan.count(
            "queue_buckets USING PRIMARY KEY (guild_id=? AND"
        )
        if "LIMIT" in sql and "servers" not in sql:
            assert "TEMP B-TREE" not in plan, (sql, plan)


async def test_every_job_field_has_its_column(database: Database) -> None:
    assert asdict(await insert_job(database)).keys() == Job.__dataclass_fields__.keys()
