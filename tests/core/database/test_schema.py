"""Databases of older versions: migrations keep all rows, under the new names."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from core.database.audit_log import AuditLog
from core.database.claims import Claims
from core.database.connection import Database
from core.database.jobs import Jobs
from core.database.members import Members
from core.database.pending_responses import PendingResponse, PendingResponses
from core.database.queue import JobQueue
from core.database.reports import Reports
from core.database.rows import rows_of
from core.database.schema import FUNCTIONS, migrations
from core.job import NewJob, Reason, ReasonCode
from core.moderation import AuditAction
from core.recipe import Recipe, Source

GUILD, ADA, BOB, MODERATOR = 10, 1, 2, 99
RECIPE = Recipe.make("Ein Ärger", "watermark", width=64, height=64, steps=90, seed=7)
UPLOAD = "a" * 64


def database_of_version(path: Path, version: int) -> sqlite3.Connection:
    """A new database of that version."""
    db = sqlite3.connect(path, isolation_level=None)
    for name, function in FUNCTIONS.items():
        db.create_function(name, 1, function, deterministic=True)
    for number, sql in migrations().items():
        if number <= version:
            db.executescript(sql)
    db.execute(f"PRAGMA user_version = {version}")
    return db


def insert_job(
    db: sqlite3.Connection, job_id: int, recipe: Recipe = RECIPE, **columns: object
) -> None:
    values = {
        "id": job_id,
        "recipe": recipe.model_dump_json(),
        "guild_id": GUILD,
        "channel_id": 20,
        "member_id": ADA,
        "member_name": "Ada",
        "turn": job_id,
        "created_at": 1000.0 + job_id,
        "pictures": recipe.count,
        "work": recipe.work,
    } | columns
    names, marks = ", ".join(values), ", ".join(f":{name}" for name in values)
    db.execute(f"INSERT INTO jobs ({names}) VALUES ({marks})", values)


def ended(reason: str | None, state: str = "cancelled") -> dict[str, object]:
    return {"state": state, "finished_at": 2000.0, "reason": reason}


def row_counts(path: Path) -> dict[str, int]:
    """How many rows each table has."""
    with closing(sqlite3.connect(path)) as db:
        tables = db.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        ).fetchall()
        return {
            name: db.execute(f"SELECT COUNT(*) FROM {name}").fetchone()[0] for (name,) in tables
        }


RENAMED = {
    "stretches": "queue_buckets",
    "answers": "pending_responses",
    "moderation_log": "audit_log",
    "pictures_in_recipes": "recipe_images",
}


def fill_every_table(db: sqlite3.Connection) -> None:
    from_source = RECIPE.model_copy(update={"source": Source(2, 0)})
    insert_job(db, 1, **ended("The engine stopped 3 times while painting this.", "failed"))
    insert_job(db, 2, **ended(None, "done"))
    insert_job(db, 3, **ended("Abgebrochen von Mo: nicht hier"))
    insert_job(db, 4, **ended("A moderator has blocked its asker."))
    insert_job(db, 5, message_id=500)
    insert_job(db, 6, from_source, member_id=BOB)
    insert_job(db, 7, RECIPE.model_copy(update={"initial": UPLOAD}), guild_id=None)
    db.execute("INSERT INTO virtual_time VALUES (0, 3)")
    db.execute("INSERT INTO favourites VALUES (?, 2, 1.0)", (ADA,))
    db.execute("INSERT INTO preferences VALUES (?, '64x64', 40, NULL, 1)", (ADA,))
    db.execute("INSERT INTO guilds VALUES (?, 5, 77, NULL, NULL, NULL)", (GUILD,))
    db.execute("INSERT INTO channel_rules VALUES (?, 20, 'allowed')", (GUILD,))
    db.execute("INSERT INTO role_limits VALUES (?, 5, 1, 2, 3, '64x64', 100)", (GUILD,))
    db.execute("INSERT INTO blocks VALUES (?, ?, NULL, 'spam', ?, 1.0)", (GUILD, BOB, MODERATOR))
    db.execute("INSERT INTO words VALUES (?, 'bad', 1)", (GUILD,))
    entry = (
        "INSERT INTO moderation_log (guild_id, created_at, act, by_id, whom_id, job_id, what, why,"
        " to_mirror) VALUES (?, 1.0, ?, ?, ?, ?, ?, ?, 1)"
    )
    db.execute(entry, (GUILD, "word", MODERATOR, None, None, "“bad” is refused everywhere", None))
    db.execute(entry, (GUILD, "report closed", MODERATOR, ADA, 2, "dismiss", "rude"))
    db.execute(
        "INSERT INTO reports (guild_id, job_id, asker_id, reported_by, reason, created_at)"
        " VALUES (?, 2, ?, ?, 'rude', 1.0)",
        (GUILD, ADA, BOB),
    )
    db.execute("INSERT INTO uploaded_images VALUES (?, ?, 1.0, 0, 1)", (UPLOAD, ADA))
    db.execute("INSERT INTO log_messages VALUES (1, 77, 900)")
    db.execute("INSERT INTO answers VALUES (2, 'token', 'de', 5)")
    db.execute(
        "INSERT INTO deletions (kind, job_id, due_at) VALUES ('folder', 1, 1.0)",
    )


async def test_everything_in_a_database_of_version_10_is_kept(path: Path) -> None:
    with closing(database_of_version(path, 10)) as db:
        fill_every_table(db)
    before = {RENAMED.get(name, name): count for name, count in row_counts(path).items()}
    assert all(before.values()), before
    async with Database.open(path) as database:
        jobs = [await Jobs(database).get(job_id) for job_id in range(1, 8)]
        assert [job and job.reason for job in jobs] == [
            Reason(ReasonCode.TOO_MANY_ATTEMPTS),
            None,
            Reason(text="Abgebrochen von Mo: nicht hier"),
            Reason(ReasonCode.MEMBER_BLOCKED),
            *(None, None, None),
        ]
        assert [job.id for job in await JobQueue(database).waiting()] == [5, 6, 7]
        assert await JobQueue(database).position(7) == 3
        assert (await Members(database).history(ADA, GUILD, words="ARGER"))[0] == 1
        assert await PendingResponses(database).all() == [
            PendingResponse(2, None, False, "token", "de", 0.0, 5)
        ]
        _, (closed, word) = await AuditLog(database).page(GUILD)
        assert (closed.action, closed.details) == (
            AuditAction.CLOSE_REPORT,
            {"verdict": "dismiss"},
        )
        assert (closed.actor_id, closed.target_id, closed.reason) == (MODERATOR, ADA, "rude")
        assert word.action == AuditAction.SET_WORD_RULE
        assert word.details == {"text": "“bad” is refused everywhere"}
        _, (report,) = await Reports(database).open(GUILD)
        assert (report.member_id, report.reported_by) == (ADA, BOB)
        async with database.read() as db:
            rows = await rows_of(db, "SELECT id, steps, source_job_id FROM jobs")
        assert [tuple(row) for row in rows] == [
            *((job_id, 90, None) for job_id in range(1, 6)),
            (6, 90, 2),
            (7, 90, None),
        ]
    assert row_counts(path).items() >= before.items()


async def test_a_damaged_recipe_does_not_keep_a_database_from_being_opened(path: Path) -> None:
    with closing(database_of_version(path, 6)) as db:
        insert_job(db, 1)
        insert_job(db, 2)
        # Its expression would fail on the damaged recipe.
        db.execute("DROP INDEX jobs_from_another")
        db.execute("PRAGMA ignore_check_constraints = ON")
        db.execute("UPDATE jobs SET recipe = '{' WHERE id = 1")
        db.execute(
            "CREATE INDEX jobs_from_another ON jobs (json_extract('{}', '$.source.job'))"
            " WHERE finished_at IS NULL"
        )
    async with Database.open(path) as database:
        claimed = await Claims(database).claim("engine", 30)
        assert claimed
        assert claimed.id == 2
        assert await Jobs(database).dead_letters() == [1]


@pytest.mark.parametrize("version", [4, 6, 10, 11])
async def test_an_older_queue_is_summed_when_it_is_opened(path: Path, version: int) -> None:
    with closing(database_of_version(path, version)) as db:
        for job_id in range(1, 6):
            insert_job(db, job_id, guild_id=None if job_id == 1 else GUILD)
    async with Database.open(path) as database:
        for _ in range(3):
            await Jobs(database).insert(
                NewJob(
                    recipe=RECIPE, guild_id=GUILD, channel_id=1, member_id=BOB, member_name="Bob"
                )
            )
        await Claims(database).claim("engine", 30)
        async with database.read() as db:
            summed = await rows_of(
                db,
                "SELECT guild_id, SUM(jobs), SUM(work) FROM queue_buckets WHERE level = 2"
                " GROUP BY guild_id",
            )
            counted = await rows_of(
                db,
                "SELECT 0, COUNT(*), SUM(work) FROM jobs WHERE state = 'queued' UNION ALL"
                " SELECT guild_id, COUNT(*), SUM(work) FROM jobs"
                " WHERE state = 'queued' AND guild_id > 0 GROUP BY guild_id",
            )
    assert [tuple(row) for row in summed] == [tuple(row) for row in counted]
