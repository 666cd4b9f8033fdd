"""An unreadable row stops nothing: it becomes a dead letter, and everything else goes on.

Every read of every repository has a case here; `test_every_read_has_a_case` fails without one.
"""

import importlib
import inspect
import json
import pkgutil
import shutil
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

import core.database
from core.database import rows
from core.database.audit_log import AuditLog
from core.database.blocks import Blocks
from core.database.claims import Claims
from core.database.connection import Database
from core.database.deletions import Deletions
from core.database.drafts import Drafts
from core.database.engines import Engines
from core.database.errors import StoreError
from core.database.guild_defaults import GuildDefaults
from core.database.guild_rules import GuildRules
from core.database.guild_settings import GuildSettings
from core.database.guild_styles import GuildStyles
from core.database.halls_of_fame import HallsOfFame
from core.database.host import Host
from core.database.jobs import Jobs
from core.database.members import Members, Preferences
from core.database.messages import Kind, Messages
from core.database.moderation_queue import ModerationQueue
from core.database.pending_responses import PendingResponses
from core.database.personal_data import PersonalData
from core.database.provenance import UploadedImages
from core.database.queue import JobQueue
from core.database.reports import Reports
from core.database.response_tokens import ResponseTokens
from core.database.statistics import UsageStatistics
from core.database.weekly_digests import WeeklyDigests
from core.database.weekly_themes import ThemeSettings, WeeklyThemes
from core.discord_ui.reasons import reason_text
from core.health import Severity, check_database
from core.job import Job, NewJob, Reason, ReasonCode, State
from core.moderation import AuditAction, ChannelRule, Limits, Verdict, WordRule
from core.prompts import parse_prompts
from core.recipe import Recipe
from core.storage.backup import back_up
from core.storage.retention import needed_until
from core.styles import Style
from tests.databases import new_database

GUILD, CHANNEL, MEMBER, MODERATOR, LOG_CHANNEL = 10, 20, 1, 99, 77
LEASE = 30.0

DAMAGES = {
    "a recipe of another version": "recipe = json_set(recipe, '$.steps', 0)",
    "JSON cut short": "recipe = substr(recipe, 1, 20)",
    "bad UTF-8": "recipe = CAST(replace(recipe, 'a red', x'ff') AS TEXT)",
    "a name that is not text": "member_name = CAST(x'fffe' AS TEXT)",
    "a time that is not a number": "created_at = x'00'",
}


async def insert_job(database: Database, member: int = MEMBER, **changes: Any) -> Job:
    recipe = Recipe.make("a red circle", width=64, height=64, steps=100, seed=7)
    place = {"guild_id": GUILD, "channel_id": CHANNEL, "message_id": 30}
    new = NewJob(recipe=recipe, member_id=member, member_name="Ada", **place | changes)
    return await Jobs(database).insert(new)


async def finish(database: Database, job: Job) -> None:
    claimed = await Claims(database).claim("engine", LEASE)
    assert claimed
    assert claimed.id == job.id
    await Claims(database).finish(job.id, "engine", State.DONE)


def damage(path: Path, job_id: int, how: str) -> None:
    """Damages a job as a flipped bit or another version might, regardless of all constraints."""
    damage_table(path, "jobs", f"{how} WHERE id = {job_id}")


def damage_table(path: Path, table: str, how: str) -> None:
    """Updates a table without its CHECK constraints, and without checking types (STRICT)."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA writable_schema = ON")
        read = "SELECT sql FROM sqlite_schema WHERE name = ?"
        ((strict,),) = db.execute(read, (table,)).fetchall()
        lax = strict.replace(") STRICT,", ")").replace(") STRICT", ")")
        write = "UPDATE sqlite_schema SET sql = ? WHERE name = ?"
        db.execute(write, (lax, table))
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA ignore_check_constraints = ON")
        db.execute(f"UPDATE {table} SET {how}")
        db.execute("PRAGMA writable_schema = ON")
        db.execute(write, (strict, table))


def dead_letter_count() -> float:
    return rows.DEAD_LETTERS.labels("jobs")._value.get()  # type: ignore[no-any-return]


@pytest.fixture(autouse=True)
def _forget_reported_rows() -> None:
    rows.report_unreadable.cache_clear()


# -- waiting, running and ended jobs ---------------------------------------------------------------


@pytest.mark.parametrize("how", DAMAGES.values(), ids=DAMAGES)
async def test_the_jobs_behind_a_damaged_one_are_claimed(
    path: Path, database: Database, how: str
) -> None:
    damaged, good = await insert_job(database), await insert_job(database)
    damage(path, damaged.id, how)
    before = dead_letter_count()
    claimed = await Claims(database).claim("engine", LEASE)
    assert claimed
    assert claimed.id == good.id
    assert await Claims(database).claim("engine", LEASE) is None
    assert dead_letter_count() == before + 1
    assert await Jobs(database).dead_letters() == [damaged.id]
    assert (await JobQueue(database).stats()).waiting == 0
    finding = await check_database(database, path)
    assert finding.severity in (
        Severity.WARNING,
        Severity.ERROR,
    )  # SQLite itself detects some of the damage
    assert f"count as failed: #{damaged.id}." in finding.sentence


@pytest.mark.parametrize("how", DAMAGES.values(), ids=DAMAGES)
async def test_a_damaged_running_job_ends_with_its_lease(
    path: Path, database: Database, clock: Any, how: str
) -> None:
    damaged, good = await insert_job(database), await insert_job(database, member=2)
    for _ in range(2):
        await Claims(database).claim("engine", LEASE)
    damage(path, damaged.id, how)
    await Claims(database).heartbeat("engine", LEASE)
    clock.now += LEASE + 1
    assert [job.id for job in await Claims(database).requeue_expired()] == [good.id]
    assert await Jobs(database).dead_letters() == [damaged.id]
    assert [job.id for job in await JobQueue(database).waiting()] == [good.id]


@pytest.mark.parametrize("how", DAMAGES.values(), ids=DAMAGES)
async def test_a_damaged_outcome_does_not_hold_up_others(
    path: Path, database: Database, how: str
) -> None:
    damaged, good = await insert_job(database), await insert_job(database)
    for job in (damaged, good):
        await Jobs(database).cancel(job.id)
    damage(path, damaged.id, how)
    assert [job.id for job in await Jobs(database).unposted(limit=2)] == [good.id]
    assert [job.id for job in await Jobs(database).unposted(limit=1)] == [good.id]
    (letter,) = await Jobs(database).unposted_dead_letters()
    assert (letter.id, letter.channel_id, letter.message_id) == (damaged.id, CHANNEL, 30)
    await Jobs(database).mark_posted(damaged.id, letter.redraws)
    assert await Jobs(database).unposted_dead_letters() == []
    assert reason_text(Reason(ReasonCode.UNREADABLE))


@pytest.mark.parametrize("how", DAMAGES.values(), ids=DAMAGES)
async def test_a_damaged_job_whose_images_were_posted_must_be_posted_again(
    path: Path, database: Database, how: str
) -> None:
    job = await insert_job(database)
    await finish(database, job)
    await Jobs(database).mark_posted(job.id)
    damage(path, job.id, how)
    assert await Jobs(database).get(job.id) is None
    (letter,) = await Jobs(database).unposted_dead_letters()
    assert (letter.id, letter.channel_id, letter.message_id) == (job.id, CHANNEL, 30)
    assert letter.shows_images


@pytest.mark.parametrize("how", DAMAGES.values(), ids=DAMAGES)
async def test_an_outcome_being_posted_does_not_count_as_the_message_of_a_dead_letter(
    path: Path, database: Database, how: str
) -> None:
    job = await insert_job(database)
    await finish(database, job)
    (unposted,) = await Jobs(database).unposted()
    damage(path, job.id, how)
    assert await Jobs(database).get(job.id) is None
    await Jobs(database).mark_posted(job.id, unposted.redraws)
    (letter,) = await Jobs(database).unposted_dead_letters()
    assert not letter.shows_images


@pytest.mark.parametrize("how", DAMAGES.values(), ids=DAMAGES)
async def test_a_damaged_job_whose_images_are_deleted_is_not_shown_again(
    path: Path, database: Database, how: str
) -> None:
    job = await insert_job(database)
    await finish(database, job)
    assert await Deletions(database).delete_job(job.id, MEMBER)
    damage(path, job.id, how)
    assert await Jobs(database).get(job.id) is None
    assert await Jobs(database).dead_letters() == [job.id]
    assert await Jobs(database).unposted_dead_letters() == []


async def test_a_read_leaves_a_damaged_job_alone_while_the_database_is_locked(
    path: Path, database: Database
) -> None:
    damaged, good = await insert_job(database), await insert_job(database)
    damage(path, damaged.id, DAMAGES["JSON cut short"])
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert [job.id for job in await JobQueue(database).waiting()] == [good.id]
        assert await Jobs(database).dead_letters() == []
    assert [job.id for job in await JobQueue(database).waiting()] == [good.id]
    assert await Jobs(database).dead_letters() == [damaged.id]


# -- every read ------------------------------------------------------------------------------------

Read = Callable[[Database, Job], Awaitable[object]]


async def _personal_data(database: Database, job: Job) -> list[Any]:
    return [each async for each in PersonalData(database).records(MEMBER)]


READS: dict[str, Read] = {
    "Jobs.get": lambda db, job: Jobs(db).get(job.id),
    "Jobs.by_message": lambda db, job: Jobs(db).by_message(30),
    "Jobs.in_message": lambda db, job: Jobs(db).in_message(CHANNEL, 30),
    "Jobs.in_group": lambda db, job: Jobs(db).in_group(30),
    "Jobs.descendants": lambda db, job: Jobs(db).descendants(1),
    "Jobs.unposted": lambda db, job: Jobs(db).unposted(),
    "Jobs.unposted_dead_letters": lambda db, job: Jobs(db).unposted_dead_letters(),
    "Jobs.dead_letters": lambda db, job: Jobs(db).dead_letters(),
    "JobQueue.position": lambda db, job: JobQueue(db).position(job.id),
    "JobQueue.wait_seconds": lambda db, job: JobQueue(db).wait_seconds(job.id),
    "JobQueue.waiting": lambda db, job: JobQueue(db).waiting(),
    "JobQueue.waiting_count": lambda db, job: JobQueue(db).waiting_count(),
    "JobQueue.unpaused_count": lambda db, job: JobQueue(db).unpaused_count(),
    "JobQueue.running": lambda db, job: JobQueue(db).running(),
    "JobQueue.by_member": lambda db, job: JobQueue(db).by_member(MEMBER),
    "JobQueue.stats": lambda db, job: JobQueue(db).stats(),
    "Claims.claim": lambda db, job: Claims(db).claim("engine", LEASE),
    "Claims.heartbeat": lambda db, job: Claims(db).heartbeat("engine", LEASE, {job.id: 1}),
    "Claims.held": lambda db, job: Claims(db).held("engine"),
    "Claims.requeue_expired": lambda db, job: Claims(db).requeue_expired(),
    "Members.history": lambda db, job: Members(db).history(MEMBER, GUILD, words="red"),
    "Members.recent_prompts": lambda db, job: Members(db).recent_prompts(MEMBER),
    "Members.toggle_favourite": lambda db, job: Members(db).toggle_favourite(
        MEMBER, job.id, limit=9
    ),
    "Members.add_favourite": lambda db, job: Members(db).add_favourite(MEMBER, job.id, limit=9),
    "Members.change_preferences": lambda db, job: Members(db).change_preferences(MEMBER, steps=9),
    "Members.preferences": lambda db, job: Members(db).preferences(MEMBER),
    "ModerationQueue.page": lambda db, job: ModerationQueue(db).page(GUILD),
    "ModerationQueue.clear": lambda db, job: ModerationQueue(db).clear(GUILD, actor_id=MODERATOR),
    "ModerationQueue.move_up": lambda db, job: ModerationQueue(db).move_up(
        GUILD, job.id, MODERATOR
    ),
    "ModerationQueue.pause": lambda db, job: ModerationQueue(db).pause(GUILD, MODERATOR, None),
    "Blocks.block": lambda db, job: Blocks(db).block(
        GUILD, MEMBER, actor_id=MODERATOR, reason=None, until=None
    ),
    "Blocks.active": lambda db, job: Blocks(db).active(GUILD),
    "GuildRules.for_member": lambda db, job: GuildRules(db).for_member(GUILD, MEMBER),
    "GuildRules.usage": lambda db, job: GuildRules(db).usage(GUILD, MEMBER),
    "GuildRules.limits": lambda db, job: GuildRules(db).limits(GUILD),
    "GuildRules.change_limits": lambda db, job: GuildRules(db).change_limits(
        GUILD, 5, {"steps": 9}, MODERATOR
    ),
    "GuildRules.words": lambda db, job: GuildRules(db).words(GUILD),
    "GuildRules.concepts": lambda db, job: GuildRules(db).concepts(GUILD),
    "GuildRules.channels": lambda db, job: GuildRules(db).channels(GUILD, ChannelRule.ALLOWED),
    "GuildSettings.get": lambda db, job: GuildSettings(db).get(GUILD),
    "GuildSettings.moderator_roles": lambda db, job: GuildSettings(db).moderator_roles(),
    "Members.favourites_among": lambda db, job: Members(db).favourites_among(MEMBER, [job.id]),
    "Messages.group_of": lambda db, job: Messages(db).group_of(job.id),
    "Messages.is_announced": lambda db, job: Messages(db).is_announced(CHANNEL, "nonce"),
    "Messages.is_recorded": lambda db, job: Messages(db).is_recorded(30),
    "HallsOfFame.get": lambda db, job: HallsOfFame(db).get(GUILD),
    "HallsOfFame.due": lambda db, job: HallsOfFame(db).due(),
    "WeeklyThemes.due": lambda db, job: WeeklyThemes(db).due(),
    "WeeklyThemes.closed": lambda db, job: WeeklyThemes(db).closed(),
    "WeeklyDigests.due": lambda db, job: WeeklyDigests(db).due(),
    "GuildStyles.all": lambda db, job: GuildStyles(db).all(GUILD),
    "GuildStyles.find": lambda db, job: GuildStyles(db).find(GUILD, "ours"),
    "GuildStyles.example": lambda db, job: GuildStyles(db).example(GUILD, "ours"),
    "GuildStyles.remove": lambda db, job: GuildStyles(db).remove(GUILD, "ours", MODERATOR),
    "Host.reached": lambda db, job: Host(db).reached(1),
    "Host.pause": lambda db, job: Host(db).pause(MODERATOR, None),
    "Engines.active": lambda db, job: Engines(db).active(),
    "UsageStatistics.since": lambda db, job: UsageStatistics(db).since(0.0, GUILD),
    "Messages.any_sent": lambda db, job: Messages(db).any_sent(job.id, Kind.NOTIFICATION),
    "AuditLog.page": lambda db, job: AuditLog(db).page(GUILD),
    "AuditLog.unmirrored": lambda db, job: AuditLog(db).unmirrored(),
    "Reports.open": lambda db, job: Reports(db).open(GUILD),
    "Reports.unannounced": lambda db, job: Reports(db).unannounced(),
    "Reports.close": lambda db, job: Reports(db).close(GUILD, 1, Verdict.DELETE, MODERATOR),
    "PendingResponses.all": lambda db, job: PendingResponses(db).all(),
    "PersonalData.records": _personal_data,
    "PersonalData.summary": lambda db, job: PersonalData(db).summary(MEMBER),
    "UploadedImages.foreign": lambda db, job: UploadedImages(db).foreign(job.recipe, MEMBER),
    "UploadedImages.provenance": lambda db, job: UploadedImages(db).provenance(
        job.recipe, MEMBER, job.id
    ),
    "GuildDefaults.get": lambda db, job: GuildDefaults(db).get(GUILD),
    "GuildDefaults.change": lambda db, job: GuildDefaults(db).change(
        GUILD, 0, {"steps": 9}, MODERATOR
    ),
    "GuildDefaults.within": lambda db, job: GuildDefaults(db).within(GUILD, [1, 2]),
    "Drafts.get": lambda db, job: Drafts(db).get(1, MEMBER),
    "Drafts.queued_before": lambda db, job: Drafts(db).queued_before(),
    "ResponseTokens.get": lambda db, job: ResponseTokens(db).get(job.id),
    "ResponseTokens.expiring": lambda db, job: ResponseTokens(db).expiring(1e12),
    "Deletions.take": lambda db, job: Deletions(db).take(),
    "Deletions.pending": lambda db, job: Deletions(db).pending(),
    "Deletions.is_uploaded": lambda db, job: Deletions(db).is_uploaded("a" * 64),
    "Deletions.delete_job": lambda db, job: Deletions(db).delete_job(job.id, MODERATOR),
    "Deletions.delete_member": lambda db, job: Deletions(db).delete_member(MEMBER),
    "needed": lambda db, job: needed_until(db, jobs=[job.id], images=["a" * 64]),
}
WRITES_ONLY = {
    *("Jobs.insert", "Jobs.cancel", "Jobs.request_stop", "Jobs.mark_posted", "Jobs.repost"),
    *("Jobs.move", "Jobs.mark_dead_letter_posted"),
    *("Claims.finish", "Claims.release"),
    "Members.remove_favourite",
    *("ModerationQueue.cancel", "ModerationQueue.remove", "ModerationQueue.resume"),
    *("Blocks.unblock", "GuildRules.set_limits", "GuildRules.add_word", "GuildRules.remove_word"),
    *("GuildRules.add_concept", "GuildRules.remove_concept"),
    *("GuildRules.set_channel", "GuildSettings.set_moderator_role"),
    *("GuildSettings.set_log_channel", "AuditLog.record_refusal"),
    "AuditLog.record_refused_default",
    *("AuditLog.mark_mirrored", "Reports.insert", "Reports.mark_announced"),
    *("PendingResponses.insert", "PendingResponses.delete", "UploadedImages.add"),
    "PendingResponses.set_refusal",
    *("Deletions.truncate_wal", "Deletions.done", "Deletions.failed"),
    *("Messages.announce", "Messages.sent", "Messages.log_sent"),
    *("ResponseTokens.mark_announced", "ResponseTokens.delete"),
    *("HallsOfFame.set", "HallsOfFame.settle", "Host.resume", "Host.record_notice"),
    *("WeeklyThemes.set", "WeeklyThemes.mark_started", "WeeklyThemes.mark_skipped"),
    *("WeeklyThemes.settle", "WeeklyDigests.set_enabled", "WeeklyDigests.mark_posted"),
    *("GuildStyles.add", "Engines.report", "Engines.remove"),
    *("Drafts.insert", "Drafts.queue", "Drafts.delete"),
}


def repositories() -> Iterator[type]:
    """The classes of `core.database` that are created with a database."""
    for module in pkgutil.iter_modules(core.database.__path__, "core.database."):
        for name, each in vars(importlib.import_module(module.name)).items():
            own = inspect.isclass(each) and each.__module__ == module.name and name[0] != "_"
            if own and inspect.get_annotations(each.__init__).get("database") is Database:
                yield each


def test_every_read_has_a_case() -> None:
    methods = {
        f"{repository.__name__}.{name}"
        for repository in repositories()
        for name, method in vars(repository).items()
        if inspect.isfunction(method) and not name.startswith("_")
    }
    assert methods - WRITES_ONLY == READS.keys() - {"needed"}


STATES = (State.QUEUED, State.RUNNING, State.DONE)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["JSON cut short", "bad UTF-8", "a time that is not a number"])
@pytest.mark.parametrize("state", STATES)
async def test_a_damaged_job_fails_no_read(path: Path, state: State, how: str) -> None:
    """Each read is the first to meet the row: it gets its own copy of the database."""
    async with new_database(path, clock=lambda: 1_000_000.0) as database:
        parent = await insert_job(database, message_id=None)
        await finish(database, parent)
        job = await insert_job(database, parent_id=parent.id, priority=1)  # the next to be claimed
        other = await insert_job(database, member=2)
        if state is not State.QUEUED:
            claimed = await Claims(database).claim("engine", LEASE)
            assert claimed
            assert claimed.id == job.id
        if state is State.DONE:
            assert await Claims(database).finish(job.id, "engine", State.DONE)
        assert await Reports(database).insert(job, 2, "rude")
    damage(path, job.id, DAMAGES[how])
    for name, read in READS.items():
        copy = path.with_name("copy.db")
        shutil.copy(path, copy)
        async with Database.open(copy, clock=lambda: 1_000_000.0) as database:
            found = await read(database, job)
        assert job.id not in _job_ids(found), name
        if name == "JobQueue.waiting":
            assert other.id in _job_ids(found)


def _job_ids(found: object) -> list[int]:
    """The ids of all jobs in what a read returned."""
    if isinstance(found, Job):
        return [found.id]
    if isinstance(found, list | tuple):
        return [job_id for each in found for job_id in _job_ids(each)]
    return []


async def test_a_database_with_a_damaged_job_can_be_backed_up(
    path: Path, database: Database, tmp_path: Path
) -> None:
    from core.settings import Settings

    job = await insert_job(database)
    damage(path, job.id, DAMAGES["bad UTF-8"])
    settings = Settings(database_path=path, data_dir=tmp_path / "data")
    back_up(settings, tmp_path / "backup")
    assert (tmp_path / "backup" / "imagine.db").exists()


# -- other tables ----------------------------------------------------------------------------------

BAD_TEXT = "CAST(x'ff' AS TEXT)"


async def test_damaged_rows_of_other_tables_are_left_out(path: Path, database: Database) -> None:
    job = await insert_job(database)
    await Members(database).change_preferences(MEMBER, size="64x64")
    for text in ("good", "bad"):
        await GuildRules(database).add_word(GUILD, WordRule(text), MODERATOR)
    await GuildRules(database).set_limits(GUILD, 5, Limits(size="64x64"), MODERATOR)
    await GuildRules(database).set_limits(GUILD, 6, Limits(size="96x96"), MODERATOR)
    await GuildRules(database).set_limits(GUILD, 7, Limits(size="96x96"), MODERATOR)
    await Blocks(database).block(GUILD, 2, actor_id=MODERATOR, reason="spam", until=None)
    await GuildSettings(database).set_log_channel(GUILD, LOG_CHANNEL, MODERATOR)
    assert await Reports(database).insert(job, 2, "rude")
    assert await Reports(database).insert(job, 3, "rude, too")
    for number in (1, 2):
        await PendingResponses(database).insert(
            number, member_id=1, payload=None, updates_message=False, token="token", locale="en"
        )
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for statement in (
            f"UPDATE preferences SET size = {BAD_TEXT}",
            f"UPDATE words SET text = {BAD_TEXT} WHERE text = 'bad'",
            f"UPDATE role_limits SET size = {BAD_TEXT} WHERE role_id = 5",
            "UPDATE role_limits SET size = 'huge' WHERE role_id = 7",
            f"UPDATE blocks SET reason = {BAD_TEXT}",
            f"UPDATE reports SET reason = {BAD_TEXT} WHERE id = 1",
            f"UPDATE pending_responses SET token = {BAD_TEXT} WHERE interaction_id = 1",
            "UPDATE audit_log SET details = '[' WHERE action = 'set_word_rule'",
        ):
            db.execute(statement)
    rules = await GuildRules(database).for_member(GUILD, 2)
    assert await Members(database).preferences(MEMBER) == Preferences()
    assert rules.words == (WordRule("good"),)
    assert rules.limits == {6: Limits(size="96x96")}
    assert rules.block is None
    assert [report.id for report in (await Reports(database).open(GUILD))[1]] == [2]
    assert [report.id for _, report in await Reports(database).unannounced(limit=2)] == [2]
    assert [report.id for _, report in await Reports(database).unannounced(limit=1)] == [2]
    assert [each.interaction_id for each in await PendingResponses(database).all()] == [2]
    actions = {entry.action for entry in (await AuditLog(database).page(GUILD))[1]}
    assert AuditAction.SET_WORD_RULE not in actions
    assert AuditAction.BLOCK in actions


# -- columns that are never read into a Job, but that SQLite checks at every update ----------------

UNREAD_COLUMNS = {
    "most_running": "'many'",
    "pictures": "x'00'",
    "work": "x'00'",
    "steps": "'ten'",
    "source_job_id": "'none'",
    "prompt_text": "x'ff'",
}


@pytest.mark.parametrize("column", UNREAD_COLUMNS)
async def test_damage_in_an_unread_column_stops_nothing(
    path: Path, database: Database, column: str
) -> None:
    done = await insert_job(database, message_id=None)
    await finish(database, done)
    waiting, good = await insert_job(database), await insert_job(database, member=2)
    assert await Reports(database).insert(done, 2, "rude")
    for job in (done, waiting)[: 1 if column == "work" else 2]:  # a trigger sums up the work
        damage(path, job.id, f"{column} = {UNREAD_COLUMNS[column]}")
    await JobQueue(database).wait_seconds(good.id)
    claimed = await Claims(database).claim("engine", LEASE)
    assert claimed
    if claimed.id != good.id:  # to SQLite, damaged text is text
        claimed = await Claims(database).claim("engine", LEASE)
        assert claimed
    assert claimed.id == good.id
    assert await Reports(database).close(GUILD, 1, Verdict.DELETE, MODERATOR)
    await PersonalData(database).summary(MEMBER)
    assert await Deletions(database).delete_member(MEMBER) == 2
    assert await Jobs(database).get(done.id) is None


async def test_personal_data_can_be_read_however_damaged(path: Path, database: Database) -> None:
    job = await insert_job(database)
    nested = "[" * 5000
    damage(path, job.id, f"recipe = '{nested}', created_at = x'00'")
    summary = await PersonalData(database).summary(MEMBER)
    assert (summary.jobs, summary.first) == (1, None)
    (name, (record,)), *_ = await _personal_data(database, job)
    assert (name, record["recipe"]) == ("jobs", nested)
    json.dumps(record)


# -- rows of other tables that SQLite refuses to update --------------------------------------------

DAMAGES_BY_TABLE = {
    "reports": ["closed_by = x'00'", "created_at = 'then'", "job_id = 'one'"],
    "audit_log": ["actor_id = 'Mo'", "details = x'00'", "reason = x'00'"],
    "messages": ["channel_id = 'here'", "nonce = x'00' WHERE nonce IS NOT NULL"],
    "deletions": ["channel_id = 'here'", "nonce = x'00'", "attempts = 'one'"],
    "uploaded_images": ["name = x'00'", "created_at = 'then'"],
    "pending_responses": ["job_id = x'00'", "member_id = 'Ada'", "token = x'00'"],
    "queue_buckets": ["work = 0.5"],
    "guild_styles": ["name = x'00'"],
    "weekly_themes": ["closes_at = 'then'"],
}


@pytest.mark.parametrize("table", DAMAGES_BY_TABLE)
async def test_a_row_that_cannot_be_updated_fails_at_most_one_change(
    path: Path, clock: Any, table: str
) -> None:
    """The first change that meets a damaged row may fail; then the row is repaired or deleted."""
    async with new_database(path, clock=clock) as database:
        await GuildSettings(database).set_log_channel(GUILD, LOG_CHANNEL, MODERATOR)
        await GuildStyles(database).add(
            GUILD, Style("ours", parse_prompts("red"), ()), MODERATOR, None
        )
        await WeeklyThemes(database).set(GUILD, ThemeSettings(CHANNEL, 24), MODERATOR)
        await UploadedImages(database).add("a" * 64, MEMBER, age_restricted=False, spoilered=False)
        job, other = await insert_job(database), await insert_job(database, member=2)
        await Messages(database).announce(job.id, Kind.NOTIFICATION, CHANNEL, "nonce")
        await Messages(database).sent(job.id, Kind.NOTIFICATION, CHANNEL, 77, "nonce")
        assert await Reports(database).insert(job, 2, "rude")
        await PendingResponses(database).insert(
            1, member_id=MEMBER, payload="{}", updates_message=False, token="token", locale="en"
        )
        await insert_job(database, member=4)
        await Deletions(database).delete_member(4)
    copy = path.with_name("copy.db")
    for how in DAMAGES_BY_TABLE[table]:
        for file in path.parent.glob("copy.db*"):
            file.unlink()
        shutil.copy(path, copy)
        damage_table(copy, table, how)
        async with Database.open(copy, clock=clock) as database:
            for change in (
                lambda db=database: Reports(db).unannounced(),
                lambda db=database: AuditLog(db).unmirrored(),
                lambda db=database: PendingResponses(db).all(),
                lambda db=database: Reports(db).close(GUILD, 1, Verdict.DISMISS, MODERATOR),
                lambda db=database: WeeklyThemes(db).set(GUILD, None, MODERATOR),
                lambda db=database: GuildStyles(db).remove(GUILD, "ours", MODERATOR),
                lambda db=database: drain_outbox(db),
                lambda db=database: Deletions(db).delete_member(MEMBER),
            ):
                with suppress(StoreError):
                    await change()
                await change()
            assert [each.id for each in await JobQueue(database).waiting()] == [other.id], how


async def drain_outbox(database: Database) -> None:
    while deletion := await Deletions(database).take():
        await Deletions(database).done(deletion)


async def test_with_a_damaged_position_the_whole_journal_is_carried_out_again(
    path: Path, clock: Any
) -> None:
    async with new_database(path, clock=clock) as database:
        job = await insert_job(database)
        await Jobs(database).cancel(job.id)
        await Deletions(database).delete_job(job.id, MEMBER)
    for how in ("position = 'far'", "position = -1", "position = NULL"):
        with suppress(sqlite3.IntegrityError):  # the column may not allow it
            damage_table(path, "deletion_journal", how)
        async with Database.open(path, clock=clock) as database:
            assert await Deletions(database).pending()
            await insert_job(database)
