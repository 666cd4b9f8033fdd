"""The queue on disk: nothing lost, nothing doubled, in the fair order, whatever goes wrong."""

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

from core.database.jobs import (
    Store,
    StoreDamagedError,
    StoreError,
    StoreFullError,
    StoreLockedError,
    StoreReadOnlyError,
    StoreTooNewError,
)
from core.database.messages import Kind, Messages
from core.database.moderation import Moderation
from core.fair_queue import claim_order
from core.job import Job, State
from core.recipe import Recipe
from tests.sql_trace import query_plan, traced

CHECKOUT = Path(__file__).parents[3]
LEASE = 30.0


def recipe(**changes: Any) -> Recipe:
    return Recipe.make(
        "a red circle:2 | snow",
        "watermark",
        **{"width": 64, "height": 64, "steps": 100, "seed": 7} | changes,
    )


async def ask(store: Store, member: int = 1, priority: int = 0, **changes: Any) -> Job:
    return await store.add(
        recipe(**changes),
        guild_id=10,
        channel_id=20,
        message_id=30,
        member_id=member,
        member_name=f"member {member}",
        priority=priority,
    )


async def claimed(store: Store, engine: str = "engine") -> Job:
    job = await store.claim(engine, LEASE)
    assert job is not None
    return job


# -- the life of a job -------------------------------------------------------------------------


async def test_a_job_comes_back_as_it_was_asked(path: Path, store: Store) -> None:
    job = await ask(store)
    assert job.recipe == recipe()
    assert (job.guild_id, job.channel_id, job.message_id) == (10, 20, 30)
    assert (job.member_id, job.member_name) == (1, "member 1")
    assert (job.state, job.step, job.posted) == (State.QUEUED, 0, False)
    await Messages(store).sent(job.id, Kind.JOB, 2, 2**62)
    async with Store.open(path) as another:
        assert await another.job(job.id) == await store.job(job.id)
        assert (await another.job(job.id)).message_id == 2**62  # type: ignore[union-attr]
        assert await another.job(job.id + 1) is None


async def test_from_asked_to_posted(store: Store, clock: Any) -> None:
    asked = await ask(store)
    clock.now += 5
    job = await claimed(store)
    assert (job.id, job.state, job.attempts) == (asked.id, State.RUNNING, 1)
    assert job.started_at == clock.now
    clock.now += 20
    assert await store.heartbeat("engine", LEASE, {job.id: 40, 999: 1}) == {job.id}
    (running,) = await store.running()
    assert (running.step, running.lease_until) == (40, clock.now + LEASE)
    clock.now += 30
    assert await store.unposted() == []
    assert await store.finish(job.id, "engine", State.DONE)
    (ended,) = await store.unposted()
    assert (ended.state, ended.seconds) == (State.DONE, 50)
    await store.mark_posted(job.id)
    assert await store.unposted() == []
    assert await store.claim("engine", LEASE) is None


async def test_only_its_engine_ends_a_job(store: Store, clock: Any) -> None:
    job = await ask(store)
    assert not await store.finish(job.id, "engine", State.DONE)  # it only waits
    await claimed(store, "slow")
    clock.now += LEASE + 1
    (back,) = await store.requeue_expired()
    assert (back.id, back.state) == (job.id, State.QUEUED)
    await claimed(store, "quick")
    assert await store.still_mine("slow") == {}
    assert await store.heartbeat("slow", LEASE, {job.id: 99}) == set()
    assert not await store.finish(job.id, "slow", State.FAILED, "late")
    assert not await store.release(job.id, "slow")
    assert await store.finish(job.id, "quick", State.DONE)
    assert not await store.finish(job.id, "quick", State.FAILED, "twice")
    ended = await store.job(job.id)
    assert ended
    assert (ended.state, ended.reason, ended.step) == (State.DONE, None, 0)


@pytest.mark.parametrize("state", [State.QUEUED, State.RUNNING, State.CANCELLED])
async def test_an_engine_only_says_done_or_failed(store: Store, state: State) -> None:
    with pytest.raises(ValueError, match="done or failed"):
        await store.finish(1, "engine", state)


async def test_a_heartbeat_keeps_a_job(store: Store, clock: Any) -> None:
    await ask(store)
    job = await claimed(store)
    for _ in range(5):
        clock.now += LEASE - 1
        assert await store.heartbeat("engine", LEASE) == {job.id}
        assert await store.requeue_expired() == []


async def test_a_job_that_stops_three_engines_fails_with_a_reason(store: Store, clock: Any) -> None:
    await ask(store)
    states = []
    for _ in range(3):
        await claimed(store)
        clock.now += LEASE + 1
        (job,) = await store.requeue_expired()
        states.append(job.state)
    assert states == [State.QUEUED, State.QUEUED, State.FAILED]
    assert job.reason == "The engine stopped 3 times while painting this."
    assert await store.unposted() == [job]


async def test_a_clock_that_was_set_back_keeps_no_job_with_a_dead_engine(
    store: Store, clock: Any
) -> None:
    await ask(store)
    job = await claimed(store)
    clock.now -= 3600
    (back,) = await store.requeue_expired(LEASE)
    assert (back.id, back.state) == (job.id, State.QUEUED)
    await claimed(store)
    assert await store.requeue_expired(LEASE) == []


async def test_an_outcome_is_shown_again_however_the_first_showing_ends(store: Store) -> None:
    job = await ask(store)
    await store.show_again(job.id)  # nothing has ended yet
    assert (await store.job(job.id)) == job
    await store.cancel(job.id)
    await store.show_again(job.id)
    await store.mark_posted(job.id, job.redraws)  # a showing that began before
    (waiting,) = await store.unposted()
    assert waiting.redraws == 1
    await store.mark_posted(job.id, waiting.redraws)
    assert await store.unposted() == []
    await Moderation(store).delete(job.id, job.member_id)
    await store.show_again(job.id)
    assert await store.unposted() == []


async def test_a_good_stop_gives_the_old_place_back_and_is_no_attempt(store: Store) -> None:
    jobs = [await ask(store, member) for member in (1, 2, 3)]
    for _ in range(5):
        job = await claimed(store)
        assert job.attempts == 1
        assert await store.release(job.id, "engine")
    assert [job.id for job in await store.waiting()] == [job.id for job in jobs]


async def test_cancel_reaches_waiting_and_running_jobs_of_the_asker(store: Store) -> None:
    first, second = await ask(store), await ask(store)
    await claimed(store)
    assert await store.cancel(first.id, member_id=2) is None  # not hers
    for job in (first, second):
        cancelled = await store.cancel(job.id, member_id=1, reason="Cancelled by its asker.")
        assert cancelled
        assert (cancelled.state, cancelled.reason) == (State.CANCELLED, "Cancelled by its asker.")
        assert await store.cancel(job.id) is None  # once is enough
    assert await store.still_mine("engine") == {}
    assert not await store.finish(first.id, "engine", State.DONE)
    assert [job.id for job in await store.unposted()] == [first.id, second.id]


async def test_a_moderator_cancels_anybodys_job_but_no_ended_one(store: Store) -> None:
    job = await ask(store)
    await claimed(store)
    await store.finish(job.id, "engine", State.DONE)
    assert await store.cancel(job.id) is None
    other = await ask(store, member=2)
    assert await store.cancel(other.id)


# -- the order of the queue ----------------------------------------------------------------------


async def test_positions_waiting_and_the_members_own(store: Store) -> None:
    mine = [await ask(store, member=1) for _ in range(3)]
    hers = await ask(store, member=2)
    urgent = await ask(store, member=3, priority=1)
    expected = [urgent.id, mine[0].id, hers.id, mine[1].id, mine[2].id]
    assert [job.id for job in await store.waiting()] == expected
    assert [job.id for job in await store.waiting(limit=2, offset=1)] == expected[1:3]
    assert [await store.position(job_id) for job_id in expected] == [1, 2, 3, 4, 5]
    assert await store.waiting_count() == 5
    await claimed(store)
    assert (await claimed(store)).id == mine[0].id
    assert await store.position(mine[0].id) is None
    assert [job.id for job in await store.members_jobs(1)] == [job.id for job in mine]


async def test_four_pictures_at_once_are_four_turns(store: Store) -> None:
    flood = [await ask(store, member=1, count=4) for _ in range(3)]
    single = [await ask(store, member=2) for _ in range(5)]
    order = [(await claimed(store)).id for _ in range(7)]
    assert order[:6] == [flood[0].id, *(job.id for job in single[:4]), flood[1].id]


async def test_who_cancels_what_waits_loses_no_place(store: Store) -> None:
    kept = await ask(store, member=1)
    for _ in range(10):
        await store.cancel((await ask(store, member=2)).id)
    job = await ask(store, member=2)
    await ask(store, member=3)
    assert [waiting.id for waiting in await store.waiting()][:2] == [kept.id, job.id]


async def test_the_wait_is_estimated_from_what_was_measured(store: Store, clock: Any) -> None:
    first, second = await ask(store), await ask(store, member=2)
    assert await store.wait_seconds(first.id) is None  # nothing measured yet
    for _ in range(2):  # two side by side in 50 seconds: 25 each
        await claimed(store)
    clock.now += 50
    for job in (first, second):
        await store.finish(job.id, "engine", State.DONE)
    running, small, last = await ask(store), await ask(store, width=32), await ask(store)
    assert await store.wait_seconds(running.id) == 0
    await claimed(store)
    await store.heartbeat("engine", LEASE, {running.id: 60})
    assert await store.wait_seconds(small.id) == pytest.approx(10)  # 40 steps of 100 are left
    assert await store.wait_seconds(last.id) == pytest.approx(10 + 12.5)
    assert await store.wait_seconds(running.id) is None  # it does not wait


Event = tuple[str, int, int]


@run(max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["ask", "ask", "claim", "finish", "release", "cancel", "crash"]),
            st.integers(0, 3),
            st.integers(1, 4),
        ),
        max_size=40,
    )
)
def test_any_history_keeps_the_queues_laws(events: list[Event]) -> None:
    """Every job is in one state, the order is that of `core.fair_queue`, and all ends."""
    asyncio.run(_live_through(events))


async def _live_through(events: list[Event]) -> None:
    now = 0.0
    with tempfile.TemporaryDirectory() as folder:
        async with Store.open(Path(folder) / "imagine.db", clock=lambda: now) as store:
            asked: dict[int, Job] = {}
            for kind, member, count in events:
                now += 1
                await _happen(store, kind, member, count, asked)
                if kind == "crash":
                    now += LEASE
                    await store.requeue_expired()
                await _check(store, asked)
            while job := await store.claim("last", LEASE):
                assert await store.finish(job.id, "last", State.DONE)
            for job in await store.running():
                assert await store.cancel(job.id)
            assert {job.id for job in await store.unposted()} == asked.keys()


async def _happen(store: Store, kind: str, member: int, count: int, asked: dict[int, Job]) -> None:
    engine = f"engine {count % 2}"
    held = sorted(await store.still_mine(engine))
    match kind:
        case "ask":
            job = await ask(store, member, priority=member // 3, count=count)
            asked[job.id] = job
        case "claim":
            queue = await store.waiting()
            job_now = await store.claim(engine, LEASE)
            assert (job_now and job_now.id) == (queue[0].id if queue else None)
        case "finish" if held:
            assert await store.finish(held[0], engine, State.DONE)
        case "release" if held:
            assert await store.release(held[-1], engine)
        case "cancel" if mine := await store.members_jobs(member):
            assert await store.cancel(mine[0].id, member)


async def _check(store: Store, asked: dict[int, Job]) -> None:
    waiting, running = await store.waiting(limit=1000), await store.running()
    ended = await store.unposted(limit=1000)
    ids = Counter(job.id for job in waiting + running + ended)
    assert ids == Counter(asked.keys())  # each job exactly once
    assert waiting == sorted(waiting, key=lambda j: claim_order(j.priority, j.turn, j.id))
    for place, job in enumerate(waiting, start=1):
        assert await store.position(job.id) == place
        assert (job.turn, job.recipe) == (asked[job.id].turn, asked[job.id].recipe)
    members = {(job.member_id, job.priority) for job in waiting}
    for member in members:  # first come, first served within a member
        own = [job.id for job in waiting if (job.member_id, job.priority) == member]
        assert own == sorted(own)


# -- several processes ---------------------------------------------------------------------------


async def test_no_two_engines_get_the_same_job(path: Path) -> None:
    async with Store.open(path) as bot, Store.open(path) as one, Store.open(path) as two:
        asked = {(await ask(bot, member)).id for member in range(40)}

        async def take(store: Store, engine: str) -> list[int]:
            taken = []
            while job := await store.claim(engine, LEASE):
                taken.append(job.id)
            return taken

        first, second = await asyncio.gather(take(one, "one"), take(two, "two"))
        assert sorted(first + second) == sorted(asked)
        assert await one.still_mine("one") == dict.fromkeys(first, False)


async def test_tasks_of_one_process_share_a_store(store: Store) -> None:
    """Their transactions do not run into each other."""
    jobs = await asyncio.gather(*(ask(store, member % 3) for member in range(20)))
    claims = await asyncio.gather(*(store.claim("engine", LEASE) for _ in range(25)))
    taken = [job.id for job in claims if job]
    assert sorted(taken) == sorted(job.id for job in jobs)


async def test_a_cancelled_task_leaves_no_transaction_open(store: Store) -> None:
    for delay in range(12):  # cut off at each of its first awaits
        task = asyncio.create_task(ask(store))
        for _ in range(delay):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        kept = await ask(store, member=2)
        assert await store.job(kept.id) == kept


SCRIPT = """
import asyncio, sys
from core.database.jobs import Store

async def main():
    async with Store.open(sys.argv[1]) as store:
        while job := await store.claim(sys.argv[2], 30):
            print(job.id)

asyncio.run(main())
"""


async def _process(path: Path, engine: str, script: str = SCRIPT) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, str(path), engine, cwd=CHECKOUT, stdin=PIPE, stdout=PIPE
    )


async def test_processes_that_start_together_make_one_database(path: Path) -> None:
    """Bot and engine start at the same moment on a fresh machine."""
    for attempt in range(3):
        fresh = path.with_name(f"{attempt}.db")
        processes = [await _process(fresh, str(number)) for number in range(4)]
        assert [await process.wait() for process in processes] == [0] * 4


async def test_a_killed_engines_job_goes_back_after_its_lease(
    path: Path, store: Store, clock: Any
) -> None:
    job = await ask(store)
    claims_and_hangs = SCRIPT.replace("print(job.id)", "print(job.id, flush=True); input()")
    engine = await _process(path, "doomed", claims_and_hangs)
    assert engine.stdout
    assert await engine.stdout.readline() == f"{job.id}\n".encode()
    engine.kill()
    await engine.wait()
    (running,) = await store.running()
    assert (running.id, running.engine) == (job.id, "doomed")
    assert running.lease_until
    clock.now = running.lease_until - 1
    assert await store.requeue_expired() == []
    clock.now = running.lease_until + 1
    assert [back.id for back in await store.requeue_expired()] == [job.id]
    assert (await claimed(store, "next")).id == job.id


# -- what may go wrong with the file -------------------------------------------------------------


def _copy_as_power_cut_leaves_it(path: Path, target: Path, torn_bytes: int = 0) -> None:
    """The files as they are on disk now; the end of the log may be torn."""
    shutil.copy(path, target)
    log = path.with_name(path.name + "-wal").read_bytes()
    end = len(log) - torn_bytes
    target.with_name(target.name + "-wal").write_bytes(log[:end])


async def test_what_was_acknowledged_survives_a_power_cut(path: Path, store: Store) -> None:
    jobs = [await ask(store, member) for member in range(5)]
    after = path.with_name("after.db")
    _copy_as_power_cut_leaves_it(path, after)
    async with Store.open(after) as opened:
        assert await opened.waiting() == jobs


async def test_a_change_torn_by_a_power_cut_is_not_there_at_all(path: Path, store: Store) -> None:
    jobs = [await ask(store, member) for member in range(5)]
    after = path.with_name("after.db")
    _copy_as_power_cut_leaves_it(path, after, torn_bytes=100)
    async with Store.open(after) as opened:
        assert await opened.waiting() == jobs[:-1]
        assert await ask(opened, member=9)


async def test_the_promises_of_the_file(store: Store) -> None:
    async with store.transaction() as db:
        pragmas = {}
        for name in ("journal_mode", "synchronous", "foreign_keys", "query_only"):
            ((pragmas[name],),) = await db.execute_fetchall(f"PRAGMA {name}")
    assert pragmas == {
        "journal_mode": "wal",
        "synchronous": 2,  # FULL
        "foreign_keys": 1,
        "query_only": 0,
    }
    for way in (store.read, store.snapshot):
        async with way() as db:
            with pytest.raises(sqlite3.OperationalError, match="readonly"):
                await db.execute("DELETE FROM jobs")


async def test_a_locked_database(path: Path) -> None:
    async with Store.open(path, busy_seconds=0.01) as store:
        job = await ask(store)
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreLockedError, match=r"locked by another program.*\.$"):
                await ask(store)
            assert await store.position(job.id) == 1  # looking goes on
        assert await store.waiting() == [job]
        assert await ask(store)  # and it recovers


@pytest.fixture
def locked(path: Path, store: Store) -> Iterator[sqlite3.Connection]:
    """Another program in the middle of a transaction."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield other


async def test_reads_do_not_wait_for_writers(store: Store, locked: sqlite3.Connection) -> None:
    """They are answered while a writer of this process waits for another one's lock."""
    writer = asyncio.create_task(ask(store))
    await asyncio.sleep(0)
    assert await store.waiting() == []
    assert await store.position(1) is None
    assert not writer.done()
    locked.execute("COMMIT")
    assert await store.waiting() in ([], [await writer])


async def test_each_writer_waits_for_one_deadline_only(path: Path, store: Store) -> None:
    """Twenty that begin together give up together, not one deadline after the other."""
    deadline = 0.3
    async with Store.open(path, busy_seconds=deadline) as patient:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            writers = [asyncio.create_task(ask(patient)) for _ in range(20)]
            _, late = await asyncio.wait(writers, timeout=10 * deadline)
            assert not late
        for writer in writers:
            assert isinstance(writer.exception(), StoreLockedError)
        assert await ask(patient)


async def test_nothing_holds_up_the_event_loop(store: Store, locked: sqlite3.Connection) -> None:
    """The gateway's heartbeats come from it, whatever the database waits for."""
    writer = asyncio.create_task(ask(store))
    for _ in range(1000):
        await asyncio.sleep(0)
    assert not writer.done()
    locked.execute("COMMIT")
    assert await writer


@pytest.fixture
def as_nobody() -> Iterator[None]:
    """Without the rights of root, who may write everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    yield
    os.seteuid(0)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may enter (pytest's own is the user's alone)."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


@pytest.fixture
async def filled(open_folder: Path) -> Path:
    async with Store.open(open_folder / "imagine.db") as store:
        await ask(store)
    return open_folder / "imagine.db"


@pytest.fixture
def read_only(filled: Path) -> Iterator[Path]:
    filled.chmod(0o444)
    filled.parent.chmod(0o555)
    yield filled
    filled.parent.chmod(0o777)


async def test_a_read_only_database(read_only: Path, as_nobody: None) -> None:
    with pytest.raises(StoreReadOnlyError, match=r"cannot be written.*\.$"):
        async with Store.open(read_only):
            pass


async def test_a_folder_that_cannot_be_made(open_folder: Path, as_nobody: None) -> None:
    open_folder.joinpath("file").write_text("not a folder")
    with pytest.raises(StoreReadOnlyError, match=r"cannot be made.*\.$"):
        async with Store.open(open_folder / "file" / "data" / "imagine.db"):
            pass


async def test_a_full_disk_loses_nothing(store: Store) -> None:
    before = await ask(store)
    async with store.transaction() as db:
        ((pages,),) = await db.execute_fetchall("PRAGMA page_count")
        await db.execute(f"PRAGMA max_page_count = {pages}")

    async def ask_much() -> None:
        for _ in range(200):
            await ask(store)

    with pytest.raises(StoreFullError, match=r"disk is full.*\.$"):
        await ask_much()
    async with store.transaction() as db:
        await db.execute("PRAGMA max_page_count = 100000")
    kept = await store.waiting(limit=1000)
    assert kept[0] == before
    after = await ask(store)
    assert await store.waiting(limit=1000) == [*kept, after]


async def _refused(path: Path) -> StoreError:
    with pytest.raises(StoreError, match=r"\.$") as caught:
        async with Store.open(path):
            pass
    return caught.value


def test_a_newer_database_is_refused_and_left_alone(path: Path) -> None:
    with closing(sqlite3.connect(path)) as newer:
        newer.execute("PRAGMA user_version = 99")
    before = path.read_bytes()
    error = asyncio.run(_refused(path))
    assert isinstance(error, StoreTooNewError)
    assert "newer version" in str(error)
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b"SQLite format 3\0" * 300])
def test_something_else_in_its_place_is_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    error = asyncio.run(_refused(path))
    assert isinstance(error, StoreDamagedError)
    assert "not a database or is damaged" in str(error)
    assert path.read_bytes() == content


async def test_a_folder_in_its_place(tmp_path: Path) -> None:
    assert isinstance(await _refused(tmp_path), StoreReadOnlyError)


# -- migrations ----------------------------------------------------------------------------------


async def test_a_migration_that_fails_leaves_nothing_behind(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = "CREATE TABLE a (x);\nINSERT INTO a VALUES (1);\n-- the end\n"
    trigger = "CREATE TRIGGER t AFTER INSERT ON a BEGIN\n  UPDATE a SET x = 2;\n  SELECT 1;\nEND;\n"
    bad = "CREATE TABLE b (x);\nINSERT INTO a VALUES (3);\nINSERT INTO missing VALUES (1);\n"
    monkeypatch.setattr(
        "core.database.connection._migrations", lambda: {1: good, 2: trigger, 3: bad}
    )
    with pytest.raises(StoreError, match="missing"):
        async with Store.open(path):
            pass
    with closing(sqlite3.connect(path)) as found:
        assert found.execute("PRAGMA user_version").fetchone() == (2,)
        assert found.execute("SELECT x FROM a").fetchall() == [(1,)]
        assert found.execute("SELECT name FROM sqlite_master ORDER BY 1").fetchall() == [
            ("a",),
            ("t",),
        ]


async def test_each_migration_is_applied_once(path: Path, store: Store) -> None:
    job = await ask(store)
    async with Store.open(path) as again:
        assert await again.waiting() == [job]


async def test_a_long_queue_is_read_from_its_indexes(store: Store) -> None:
    """No statement of the queue's life goes through the whole table; a claim sorts servers."""
    async with traced(store) as statements:
        job = await ask(store)
        for call in (store.position, store.wait_seconds, store.job):
            await call(job.id)
        for look in (store.waiting, store.waiting_count, store.running, store.unposted):
            await look()
        await store.members_jobs(1)
        await store.claim("engine", LEASE)
        await store.heartbeat("engine", LEASE)
        await store.requeue_expired()
        await store.finish(job.id, "engine", State.DONE)
        await store.wait_seconds((await ask(store)).id)
    read_or_write = ("SELECT", "UPDATE", "INSERT", "WITH")
    plans = {
        sql: await query_plan(store, sql)
        for sql in statements
        if sql.lstrip().startswith(read_or_write)
    }
    assert len(plans) > 15
    for sql, plan in plans.items():
        assert "SCAN jobs" not in plan.replace("SCAN jobs USING", ""), (sql, plan)
        assert plan.count("stretches") == plan.count("stretches USING PRIMARY KEY (guild_id=? AND")
        if "LIMIT" in sql and "servers" not in sql:
            assert "TEMP B-TREE" not in plan, (sql, plan)


async def test_every_job_field_has_its_column(store: Store) -> None:
    assert asdict(await ask(store)).keys() == Job.__dataclass_fields__.keys()
