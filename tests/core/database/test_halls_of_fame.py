"""Halls of fame: an image is posted once, when enough members have it as a favourite."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from core.database.audit_log import AuditLog
from core.database.claims import Claims
from core.database.connection import Database
from core.database.deletions import Deletions, Message
from core.database.halls_of_fame import DueImage, HallOfFame, HallsOfFame
from core.database.jobs import Jobs
from core.database.members import Members
from core.database.messages import Kind, Messages
from core.database.personal_data import PersonalData
from core.database.reports import Reports
from core.discord_ui.audit_log import details_text
from core.job import Job, State
from core.moderation import Verdict
from tests.core.database.moderated import GUILD, MODERATOR, OTHER_GUILD, insert_job

HALL = 50


async def finished_job(database: Database, state: State = State.DONE, **changes: Any) -> Job:
    job = await insert_job(database, **changes)
    claimed = await Claims(database).claim("engine", 30)
    assert claimed
    await Claims(database).finish(job.id, "engine", state)
    await Jobs(database).mark_posted(job.id)
    return job


async def toggle_favourite(database: Database, job: Job, *members: int) -> None:
    for member in members:
        await Members(database).toggle_favourite(member, job.id, limit=100)


async def due_jobs(database: Database) -> list[int]:
    return [each.job_id for each in await HallsOfFame(database).due()]


async def test_an_image_is_due_once_when_it_reaches_the_number_of_favourites(
    database: Database,
) -> None:
    halls, early = HallsOfFame(database), await finished_job(database)
    await toggle_favourite(database, early, 1, 2, 3)
    await halls.set(GUILD, HallOfFame(HALL, 2), MODERATOR)
    assert await halls.get(GUILD) == HallOfFame(HALL, 2)
    assert await due_jobs(database) == []  # it had enough before; the next favourite makes it due
    job, other = await finished_job(database), await finished_job(database, guild=OTHER_GUILD)
    await toggle_favourite(database, other, 1, 2)
    await toggle_favourite(database, job, 1, 1, 1)  # added, removed, added: one member
    assert await due_jobs(database) == []
    await toggle_favourite(database, job, 2)
    assert await halls.due() == [DueImage(job.id, HALL, 2)]
    await halls.settle(job.id)
    await toggle_favourite(database, job, 2, 2, 3)
    assert await due_jobs(database) == []
    await toggle_favourite(database, early, 4)
    assert await due_jobs(database) == [early.id]


async def test_favourites_of_a_waiting_job_count_once_its_image_is_shown(
    database: Database,
) -> None:
    await HallsOfFame(database).set(GUILD, HallOfFame(HALL, 1), MODERATOR)
    good, failed = await insert_job(database), await insert_job(database)
    await toggle_favourite(database, good, 1)
    await toggle_favourite(database, failed, 1)
    for job, state in ((good, State.DONE), (failed, State.FAILED)):
        await Claims(database).claim("engine", 30)
        await Claims(database).finish(job.id, "engine", state)
        assert await due_jobs(database) == ([] if job is good else [good.id])
        await Jobs(database).mark_posted(job.id)
    assert await due_jobs(database) == [good.id]


async def test_a_reported_image_waits_for_the_moderators(database: Database) -> None:
    await HallsOfFame(database).set(GUILD, HallOfFame(HALL, 1), MODERATOR)
    job = await finished_job(database)
    stored = await Jobs(database).get(job.id)
    assert stored
    assert await Reports(database).insert(stored, 7, None)
    await toggle_favourite(database, job, 1)
    assert await due_jobs(database) == []
    await Reports(database).close(GUILD, 1, Verdict.DISMISS, MODERATOR)
    assert await due_jobs(database) == [job.id]


async def test_changing_or_removing_the_channel_drops_due_images(database: Database) -> None:
    halls = HallsOfFame(database)
    for hall in (HallOfFame(HALL + 1, 1), None):
        await halls.set(GUILD, HallOfFame(HALL, 1), MODERATOR)
        await toggle_favourite(database, await finished_job(database), 1)
        await halls.set(GUILD, HallOfFame(HALL, 2), MODERATOR)
        assert len(await due_jobs(database)) == 1
        await halls.set(GUILD, hall, MODERATOR)
        assert await due_jobs(database) == []
    assert await halls.get(GUILD) is None
    await toggle_favourite(database, await finished_job(database), 1, 2, 3)
    assert await due_jobs(database) == []
    _, entries = await AuditLog(database).page(GUILD)
    assert details_text(entries[0]) == "no hall of fame"
    assert details_text(entries[1]) == "hall of fame in <#50>, from 2 favourites on"


async def test_a_deleted_image_is_removed_through_the_outbox(
    path: Path, database: Database, clock: Any
) -> None:
    await HallsOfFame(database).set(GUILD, HallOfFame(HALL, 1), MODERATOR)
    jobs = [await finished_job(database, member=member) for member in (1, 1, 2)]
    for number, job in enumerate(jobs):
        await toggle_favourite(database, job, 3)
        assert await Messages(database).announce(job.id, Kind.HALL_OF_FAME, HALL, f"n{number}")
        assert await Messages(database).sent(
            job.id, Kind.HALL_OF_FAME, HALL, 900 + number, f"n{number}"
        )
    records = {name: rows async for name, rows in PersonalData(database).records(1)}
    assert {"kind": "hall of fame", "channel_id": HALL, "message_id": 900} in (
        records["jobs"][1]["messages"]
    )
    assert await Deletions(database).delete_job(jobs[2].id, 2)
    await Deletions(database).delete_member(1)
    deleted = set()
    while deletion := await Deletions(database).take():
        deleted.add(deletion.target)
        await Deletions(database).done(deletion)
    assert deleted >= {Message(HALL, 900 + number, f"n{number}") for number in range(3)}
    assert await due_jobs(database) == []
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT COUNT(*) FROM hall_of_fame").fetchone() == (0,)
