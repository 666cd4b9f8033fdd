"""Deletions are complete, whatever crashes in between, and delete nothing else."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import aiosqlite
import pytest
from hypothesis import given
from hypothesis import settings as run
from hypothesis import strategies as st

from core.database.audit_log import AuditLog
from core.database.blocks import Blocks
from core.database.claims import Claims
from core.database.connection import Database
from core.database.deletions import (
    Deletion,
    Deletions,
    Folder,
    Image,
    Message,
)
from core.database.guild_settings import GuildSettings
from core.database.jobs import Jobs
from core.database.journal import JobDeleted, Journal, MemberDeleted
from core.database.journal_replay import RESERVED, TAKEN_SECONDS
from core.database.members import Members
from core.database.messages import Kind, Messages
from core.database.personal_data import PersonalData, Summary
from core.database.provenance import UploadedImages
from core.database.reports import Reports
from core.database.rows import rows_of, value_of
from core.job import Job, NewJob, Reason, ReasonCode, State
from core.moderation import Verdict
from core.recipe import Recipe, Source
from tests.databases import new_database
from tests.sql_trace import counted_steps

ADA, BOB, MODERATOR = 71, 72, 73
GUILD, CHANNEL, DM_CHANNEL, LOG_CHANNEL = 10, 20, 21, 22
SECRET = "secret of Ada"
UPLOADS = {"ada's": "a" * 64, "unused": "d" * 64, "bob's": "b" * 64, "shared": "c" * 64}


async def insert_job(
    database: Database,
    member: int,
    text: str = SECRET,
    *,
    parent: Job | None = None,
    message: int | None = None,
    **recipe: Any,
) -> Job:
    made = Recipe.make(text, width=64, height=64, steps=10, seed=1)
    return await Jobs(database).insert(
        NewJob(
            recipe=made.model_copy(update=recipe),
            guild_id=GUILD,
            channel_id=CHANNEL,
            message_id=message,
            member_id=member,
            member_name=f"member {member}",
            parent_id=parent.id if parent else None,
        )
    )


async def finish(database: Database, job: Job) -> Job:
    """Finishes all waiting jobs; returns this one in its new state."""
    while claimed := await Claims(database).claim("engine", 30):
        await Claims(database).finish(claimed.id, "engine", State.DONE)
        await Jobs(database).mark_posted(claimed.id)
    ended = await Jobs(database).get(job.id)
    assert ended
    return ended


async def drain_outbox(database: Database, clock: Any) -> list[Deletion]:
    """Takes all deletions from the outbox; returns them in order."""
    clock.now += TAKEN_SECONDS
    found = []
    while deletion := await Deletions(database).take():
        await Deletions(database).done(deletion)
        found.append(deletion)
    return found


def targets(deletions: list[Deletion]) -> list[Folder | Image | Message]:
    return [deletion.target for deletion in deletions]


async def populate(database: Database) -> dict[str, Job]:
    """Has Ada, Bob and a moderator do everything that leaves data behind; returns their jobs."""
    messages = Messages(database)
    for member, names in ((ADA, ("ada's", "unused", "shared")), (BOB, ("bob's", "shared"))):
        for name in names:
            await UploadedImages(database).add(
                UPLOADS[name], member, age_restricted=False, spoilered=False
            )
    jobs = {
        "ada's": await insert_job(database, ADA, message=1001, initial=UPLOADS["ada's"]),
        "ada's second": await insert_job(database, ADA, message=1002, initial=UPLOADS["shared"]),
        "bob's": await insert_job(database, BOB, "bob's", message=2001, initial=UPLOADS["shared"]),
    }
    for name in jobs:
        jobs[name] = await finish(database, jobs[name])
    again = {"initial": UPLOADS["ada's"]}
    jobs["reused"] = await insert_job(
        database, BOB, "reused", parent=jobs["ada's"], message=2002, **again
    )
    jobs["from hers"] = await insert_job(
        database, BOB, "on", message=2003, source=Source(jobs["ada's"].id, 0)
    )
    jobs["ada's waiting"] = await insert_job(database, ADA, message=1003)
    jobs["bob's waiting"] = await insert_job(
        database, BOB, "later", initial=UPLOADS["bob's"], message=2004
    )
    await messages.sent(jobs["ada's"].id, Kind.TIMELAPSE, CHANNEL, 1011)
    await messages.sent(jobs["ada's"].id, Kind.DIRECT_COPY, DM_CHANNEL, 1012)
    await messages.sent(jobs["bob's"].id, Kind.TIMELAPSE, CHANNEL, 2011)
    assert await Reports(database).insert(jobs["ada's"], BOB, f"Bob on {SECRET}")
    assert await Reports(database).insert(jobs["bob's"], ADA, SECRET)
    await messages.sent(jobs["ada's"].id, Kind.REPORT, LOG_CHANNEL, 1021)
    await messages.sent(jobs["bob's"].id, Kind.REPORT, LOG_CHANNEL, 2021)
    for report in (1, 2):
        await Reports(database).mark_announced(report)
    await AuditLog(database).record_refusal(GUILD, ADA, f"“{SECRET}” is refused")
    await AuditLog(database).record_refusal(GUILD, BOB, "his own words")
    await Blocks(database).block(GUILD, ADA, actor_id=MODERATOR, reason=SECRET, until=None)
    await GuildSettings(database).set_log_channel(GUILD, LOG_CHANNEL, MODERATOR)
    _, entries = await AuditLog(database).page(GUILD)
    about_ada = [entry for entry in entries if ADA in (entry.target_id, entry.actor_id)]
    others = [entry for entry in entries if entry not in about_ada]
    assert await messages.log_sent([*about_ada[:1], *others[:1]], LOG_CHANNEL, 1031)
    assert await messages.log_sent(others[1:], LOG_CHANNEL, 2031)
    await Members(database).toggle_favourite(BOB, jobs["ada's"].id, limit=10)
    await Members(database).toggle_favourite(BOB, jobs["bob's"].id, limit=10)
    await Members(database).toggle_favourite(ADA, jobs["bob's"].id, limit=10)
    await Members(database).change_preferences(ADA, size="96x64", direct_copy=True)
    await Members(database).change_preferences(BOB, size="64x64", direct_copy=True)
    return jobs


def dump(path: Path) -> str:
    with closing(sqlite3.connect(path)) as database:
        return "\n".join(database.iterdump())


async def assert_only_ada_is_deleted(database: Database, path: Path, clock: Any) -> None:
    deletions = targets(await drain_outbox(database, clock))
    assert dict.fromkeys(deletions) == dict.fromkeys(
        [
            *(Folder(job) for job in (1, 2, 6)),
            Image(UPLOADS["ada's"]),
            Image(UPLOADS["unused"]),
            *(Message(CHANNEL, message, None) for message in (1001, 1002, 1003)),
            Message(CHANNEL, 1011, None),
            Message(DM_CHANNEL, 1012, None),
            Message(LOG_CHANNEL, 1021, None),
            Message(LOG_CHANNEL, 2021, None),
            Message(LOG_CHANNEL, 1031, None),
        ]
    )
    ranks = [(Folder, Image, Message).index(type(target)) for target in deletions]
    assert ranks == sorted(ranks), "files go first"
    text = dump(path)
    assert SECRET not in text
    assert f"member {ADA}" not in text
    assert await PersonalData(database).summary(ADA) == Summary(0, 0, 0, None)
    assert not await Deletions(database).is_uploaded(UPLOADS["ada's"])
    assert await Deletions(database).is_uploaded(UPLOADS["shared"])
    bobs = await PersonalData(database).summary(BOB)
    assert (bobs.jobs, bobs.favourites) == (4, 1)
    assert (await Members(database).preferences(BOB)).size == "64x64"
    states = {}
    for name, job_id in (("bob's", 3), ("reused", 4), ("from hers", 5), ("waiting", 7)):
        job = await Jobs(database).get(job_id)
        assert job
        states[name] = (job.state, job.reason)
    assert states == {
        "bob's": (State.DONE, None),
        "reused": (State.CANCELLED, Reason(ReasonCode.SOURCE_DELETED)),
        "from hers": (State.CANCELLED, Reason(ReasonCode.SOURCE_DELETED)),
        "waiting": (State.QUEUED, None),
    }
    assert [
        entry.reason for entry in (await AuditLog(database).page(GUILD))[1] if entry.reason
    ] == ["his own words"]
    (block,) = await Blocks(database).active(GUILD)
    assert (block.member_id, block.reason) == (ADA, None)
    async with database.snapshot() as db:
        left = {row["message_id"] for row in await rows_of(db, "SELECT * FROM messages")}
    assert left == {2001, 2002, 2003, 2004, 2011}


async def test_everything_about_a_member_is_deleted_and_nothing_of_others(
    database: Database, path: Path, clock: Any
) -> None:
    await populate(database)
    assert await Deletions(database).delete_member(ADA) == 3
    await assert_only_ada_is_deleted(database, path, clock)
    # The report on Bob's job is shown again, without what Ada wrote.
    assert [report.reason for _, report in await unannounced_reports(database)] == [None]


async def test_no_deleted_text_is_left_in_the_files(
    database: Database, path: Path, clock: Any
) -> None:
    await populate(database)
    for _ in range(50):
        await insert_job(database, ADA)
    await Deletions(database).delete_member(ADA)
    await Deletions(database).truncate_wal()
    for file in path.parent.glob("imagine.db*"):
        assert SECRET.encode() not in file.read_bytes(), file


async def test_log_entries_are_posted_again_without_the_deleted_text(
    database: Database, clock: Any
) -> None:
    messages = Messages(database)
    await GuildSettings(database).set_log_channel(GUILD, LOG_CHANNEL, MODERATOR)
    await AuditLog(database).record_refusal(GUILD, ADA, SECRET)
    await AuditLog(database).record_refusal(GUILD, BOB, "his own words")
    entries = [entry for _, entry in await AuditLog(database).unmirrored()]
    assert await messages.log_sent(entries, LOG_CHANNEL, 1)
    await AuditLog(database).mark_mirrored(entries)
    await Deletions(database).delete_member(ADA)
    assert targets(await drain_outbox(database, clock)) == [Message(LOG_CHANNEL, 1, None)]
    again = [entry for _, entry in await AuditLog(database).unmirrored()]
    assert [entry.reason for entry in again] == [None, None, "his own words"]
    # A message with the text was still in flight: it is deleted, too.
    assert not await messages.log_sent(entries, LOG_CHANNEL, 2)
    assert targets(await drain_outbox(database, clock)) == [Message(LOG_CHANNEL, 2, None)]
    assert await messages.log_sent(again, LOG_CHANNEL, 3)


async def test_a_report_in_flight_is_deleted_with_the_text_of_its_reporter(
    database: Database, clock: Any
) -> None:
    job, messages = await insert_job(database, BOB, "bob's"), Messages(database)
    assert await Reports(database).insert(job, ADA, SECRET)
    assert await messages.announce(job.id, Kind.REPORT, LOG_CHANNEL, "nonce")
    await Deletions(database).delete_member(ADA)
    assert not await messages.sent(job.id, Kind.REPORT, LOG_CHANNEL, 5, "nonce")
    assert targets(await drain_outbox(database, clock)) == [Message(LOG_CHANNEL, 5, "nonce")]


async def unannounced_reports(database: Database) -> list[Any]:
    await GuildSettings(database).set_log_channel(GUILD, LOG_CHANNEL, MODERATOR)
    return await Reports(database).unannounced()


@pytest.mark.parametrize("upload", [None, UPLOADS["ada's"]])
async def test_each_additional_job_costs_the_same(
    path: Path, clock: Any, upload: str | None
) -> None:
    """Also if all jobs, Ada's and Bob's, start from the same image."""
    steps = []
    for jobs in (200, 400, 800):
        sized = path.with_name(f"{jobs}.db")
        async with new_database(sized, clock=clock) as database:
            recipe = (await insert_job(database, ADA, initial=upload)).recipe.model_dump_json()
            async with database.transaction() as db:
                await db.execute(
                    "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers"
                    " WHERE n < :jobs) INSERT INTO jobs (recipe, pictures, work, channel_id,"
                    " message_id, member_id, member_name, turn, created_at, state, finished_at)"
                    " SELECT :recipe, 1, 1, 1, n, iif(n % 2, :ada, :bob), '', n, n, 'done', n"
                    " FROM numbers",
                    {"jobs": jobs, "recipe": recipe, "ada": ADA, "bob": BOB},
                )
            async with counted_steps(database) as counted:
                await Deletions(database).delete_member(ADA)
                steps.append(counted())
    small, middle, large = steps
    assert large - middle < 2.5 * (middle - small)


class SimulatedCrash(BaseException):
    """Simulates that the process is killed."""


class CrashInjector:
    """Raises SimulatedCrash at the n-th step that touches the disk."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.steps_left = -1
        for owner, name in (
            (aiosqlite.Connection, "execute"),
            (aiosqlite.Connection, "execute_fetchall"),
        ):
            monkeypatch.setattr(owner, name, self._counted_async(getattr(owner, name)))
        monkeypatch.setattr(Journal, "append", self._counted(Journal.append))

    def step(self) -> None:
        self.steps_left -= 1
        if self.steps_left == 0:
            raise SimulatedCrash

    def _counted_async(self, function: Callable[..., Any]) -> Callable[..., Any]:
        async def counted(*arguments: Any) -> Any:
            self.step()
            return await function(*arguments)

        return counted

    def _counted(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Counts a step before the call, and one after it."""

        def counted(*arguments: Any) -> Any:
            self.step()
            result = function(*arguments)
            self.step()
            return result

        return counted


@pytest.mark.slow
async def test_a_deletion_survives_a_crash_at_any_step(
    tmp_path: Path, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Either nothing is deleted and the member may try again, or all of it is at the next start."""
    async with new_database(tmp_path / "populated.db", clock=clock) as database:
        await populate(database)
    crash = CrashInjector(monkeypatch)
    outcomes = set()
    for step in range(1, 100):
        path = tmp_path / f"{step}.db"
        for end in ("", ".deletions"):
            shutil.copy(f"{tmp_path / 'populated.db'}{end}", f"{path}{end}")
        async with Database.open(path, clock=clock) as database:
            crash.steps_left = step
            try:
                await Deletions(database).delete_member(ADA)
            except SimulatedCrash:
                pass
            else:
                break
            finally:
                crash.steps_left = -1
        async with Database.open(path, clock=clock) as database:
            jobs = (await PersonalData(database).summary(ADA)).jobs
            outcomes.add(jobs)
            if jobs == 3:
                assert await Deletions(database).pending() == 0
                await Deletions(database).delete_member(ADA)
            await assert_only_ada_is_deleted(database, path, clock)
    assert step > 20
    assert outcomes == {0, 3}


async def test_a_deletion_whose_commit_failed_is_completed_by_the_next_one(
    database: Database, path: Path, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await populate(database)
    crash = CrashInjector(monkeypatch)
    crash.steps_left = 12  # after the entry in the journal
    with pytest.raises(SimulatedCrash):
        await Deletions(database).delete_member(ADA)
    assert (await PersonalData(database).summary(ADA)).jobs == 3
    await Deletions(database).delete_member(MODERATOR)  # there is nothing to delete
    await assert_only_ada_is_deleted(database, path, clock)


async def test_a_clock_set_back_delays_no_deletion_and_spares_no_upload(
    database: Database, path: Path, clock: Any
) -> None:
    await populate(database)
    await Deletions(database).delete_member(BOB)  # these deletions are due in the future
    clock.now -= 7200
    await Deletions(database).delete_member(ADA)  # whose uploads are from the future
    assert targets(await drain_outbox(database, clock))
    assert await Deletions(database).pending() == 0
    async with database.read() as db:
        for member in (ADA, BOB):
            sql = "SELECT COUNT(*) FROM uploaded_images WHERE member_id = ?"
            assert await value_of(db, sql, (member,)) == 0


async def test_a_deletion_taken_by_one_worker_is_not_tried_by_another(
    database: Database, path: Path, clock: Any
) -> None:
    await populate(database)
    await Deletions(database).delete_member(ADA)
    async with Database.open(path, clock=clock) as other:
        taken: list[int] = []
        while deletion := await Deletions(database).take():
            taken.append(deletion.id)
            if another := await Deletions(other).take():
                taken.append(another.id)
        assert len(taken) == len(set(taken)) == await Deletions(database).pending()
        clock.now += TAKEN_SECONDS  # both workers have died
        deletion = await Deletions(other).take()
        assert deletion
        assert deletion.attempts == 2
        assert 1 < await Deletions(other).failed(deletion) <= 2
        await Deletions(other).done(deletion)
        assert await Deletions(database).pending() == len(taken) - 1


async def test_a_running_jobs_folder_is_deleted_again_once_its_engine_has_stopped(
    database: Database, clock: Any
) -> None:
    job = await insert_job(database, ADA)
    await Claims(database).claim("engine", 30)
    await Deletions(database).delete_member(ADA)
    assert await Claims(database).held("engine") == {}
    assert not await Claims(database).finish(job.id, "engine", State.DONE)
    assert (await Deletions(database).take()).target == Folder(job.id)  # type: ignore[union-attr]
    assert await Deletions(database).take() is None
    clock.now += TAKEN_SECONDS
    assert (await Deletions(database).take()).target == Folder(job.id)  # type: ignore[union-attr]


async def test_a_moderator_deletes_a_running_job_but_not_the_report(
    database: Database, clock: Any
) -> None:
    job = await insert_job(database, ADA, message=1)
    await Claims(database).claim("engine", 30)
    await Messages(database).sent(job.id, Kind.REPORT, LOG_CHANNEL, 9)
    report = await Reports(database).insert(job, BOB, "rude")
    assert report
    assert await Reports(database).close(GUILD, report.id, Verdict.DELETE, MODERATOR, but_message=9)
    deleted = await Jobs(database).get(job.id)
    assert deleted
    assert (deleted.state, deleted.posted) == (State.CANCELLED, True)
    assert deleted.deleted_at
    assert targets(await drain_outbox(database, clock)) == [
        Folder(job.id),
        Folder(job.id),
        Message(CHANNEL, 1, None),
    ]
    # The report is deleted with the member.
    await Deletions(database).delete_member(ADA)
    assert Message(LOG_CHANNEL, 9, None) in targets(await drain_outbox(database, clock))


async def test_deleting_ones_own_job_needs_an_ended_job_and_is_not_recorded(
    database: Database, clock: Any
) -> None:
    job = await insert_job(database, ADA, message=1)
    assert not await Deletions(database).delete_job(job.id, ADA)
    assert not await Deletions(database).delete_job(99, ADA)
    await finish(database, job)
    assert await Deletions(database).delete_job(job.id, ADA)
    assert await AuditLog(database).page(GUILD) == (0, [])
    assert await Deletions(database).delete_job(job.id, MODERATOR)
    count, _ = await AuditLog(database).page(GUILD)
    assert count == 1


# -- messages in flight --------------------------------------------------------------------------


async def test_a_message_in_flight_is_deleted_once_its_id_is_known(
    database: Database, clock: Any
) -> None:
    job, messages = await insert_job(database, ADA), Messages(database)
    assert await messages.announce(job.id, Kind.JOB, CHANNEL, "nonce")
    await Deletions(database).delete_member(ADA)
    assert not await messages.announce(job.id, Kind.JOB, CHANNEL, "another")
    assert not await messages.sent(job.id, Kind.JOB, CHANNEL, 5, "nonce")
    assert targets(await drain_outbox(database, clock)) == [
        Folder(job.id),
        Message(CHANNEL, 5, "nonce"),
    ]
    # If it arrives after that deletion was carried out, it gets a deletion of its own.
    assert not await messages.sent(job.id, Kind.JOB, CHANNEL, 5, "nonce")
    assert targets(await drain_outbox(database, clock)) == [Message(CHANNEL, 5, None)]


async def test_a_message_whose_sender_died_is_found_by_its_nonce(
    database: Database, clock: Any
) -> None:
    job, messages = await insert_job(database, ADA), Messages(database)
    assert await messages.announce(job.id, Kind.JOB, CHANNEL, "long ago")
    clock.now += 3600
    assert await messages.announce(job.id, Kind.JOB, CHANNEL, "just now")
    await Deletions(database).delete_member(ADA)
    assert await Deletions(database).take()  # the folder
    assert await Deletions(database).take() is None  # its sender may still record its id
    assert Message(CHANNEL, None, "just now") in targets(await drain_outbox(database, clock))
    async with database.read() as db:
        assert not await value_of(db, "SELECT COUNT(*) FROM messages")


async def test_a_new_message_of_a_deleted_job_is_deleted_at_once(
    database: Database, clock: Any
) -> None:
    job = await finish(database, await insert_job(database, ADA, message=1))
    await Deletions(database).delete_job(job.id, ADA)
    async with database.transaction() as db:
        await db.execute("UPDATE jobs SET message_id = 2")
    assert Message(CHANNEL, 2, None) in targets(await drain_outbox(database, clock))


# -- the journal ---------------------------------------------------------------------------------

ENTRIES = st.lists(
    st.builds(MemberDeleted, st.integers(1, 2**62), st.integers(0, 2**62), st.just(1.5))
    | st.builds(JobDeleted, st.integers(1, 2**62), st.none() | st.integers(1), st.just(1.5)),
    max_size=6,
)


@run(max_examples=50)
@given(ENTRIES, st.integers(0, 200))
def test_a_partial_line_does_not_affect_other_lines(
    tmp_path_factory: pytest.TempPathFactory, entries: list[Any], cut: int
) -> None:
    journal = Journal(tmp_path_factory.mktemp("journal") / "imagine.db")
    ends = [0]
    for entry in entries:
        journal.append(entry)
        ends.append(journal.end())
    if entries:
        with journal.path.open("rb+") as file:
            file.truncate(max(0, ends[-1] - cut))
    whole = [entry for entry, end in zip(entries, ends[1:], strict=True) if end <= ends[-1] - cut]
    last = MemberDeleted(1, 2, 3.0)
    journal.append(last)
    read = journal.after(0)
    # A line that lacks only its newline may still be read.
    assert read in ([*whole, last], [*entries[: len(whole) + 1], last])


@run(max_examples=50)
@given(ENTRIES, ENTRIES, ENTRIES)
def test_a_merged_journal_has_all_entries_and_keeps_positions_in_the_backup(
    tmp_path_factory: pytest.TempPathFactory, common: list[Any], one: list[Any], other: list[Any]
) -> None:
    here, there = (Journal(tmp_path_factory.mktemp("journal") / "imagine.db") for _ in range(2))
    for entry in [*common, *one]:
        here.append(entry)
    for entry in [*common, *other]:
        there.append(entry)
    backup = there.path.read_bytes() if there.path.exists() else b""
    here.merge(backup)
    assert not backup or here.path.read_bytes().startswith(backup)
    assert set(here.after(0)) == {*common, *one, *other}


async def test_job_ids_are_reserved_in_the_journal_before_they_are_used(database: Database) -> None:
    for _ in range(3):
        job = await insert_job(database, BOB)
        assert database.journal.reserved() >= job.id
    size = database.journal.end()
    async with database.transaction() as db:
        await db.execute("UPDATE sqlite_sequence SET seq = ?", (RESERVED,))
    await insert_job(database, BOB)
    job = await insert_job(database, BOB)
    assert database.journal.reserved() >= job.id
    assert database.journal.end() > size


async def test_a_recreated_database_uses_no_job_id_twice(path: Path, clock: Any) -> None:
    async with Database.open(path, clock=clock) as database:
        last = await insert_job(database, ADA)
        await Deletions(database).delete_member(ADA)
    for file in path.parent.glob("imagine.db*"):
        if file != Journal(path).path:
            file.unlink()
    async with Database.open(path, clock=clock) as database:
        job = await insert_job(database, ADA)
        assert job.id > last.id
        await Deletions(database).delete_member(BOB)
        assert await Jobs(database).get(job.id), "an old deletion must not affect a new job"


async def test_the_journal_holds_only_ids_and_times(database: Database) -> None:
    await populate(database)
    await Deletions(database).delete_member(ADA)
    await Deletions(database).delete_job(3, BOB)
    text = database.journal.path.read_text()
    for word in (SECRET, "member 7", "rude"):
        assert word not in text
    assert database.journal.path.stat().st_mode & 0o777 == 0o600
