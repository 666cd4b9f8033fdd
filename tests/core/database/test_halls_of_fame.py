"""Halls of fame: an image arrives once, when enough members have it as a favourite."""

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
from tests.core.database.moderated import ELSEWHERE, HERE, MODERATOR, ask

HALL = 50


async def finished(database: Database, state: State = State.DONE, **changes: Any) -> Job:
    job = await ask(database, **changes)
    claimed = await Claims(database).claim("engine", 30)
    assert claimed
    await Claims(database).finish(job.id, "engine", state)
    await Jobs(database).mark_posted(job.id)
    return job


async def starred(database: Database, job: Job, *members: int) -> None:
    for member in members:
        await Members(database).toggle_favourite(member, job.id, most=100)


async def due(database: Database) -> list[int]:
    return [each.job_id for each in await HallsOfFame(database).due()]


async def test_the_member_who_completes_the_number_brings_an_image_in_once(
    database: Database,
) -> None:
    halls, early = HallsOfFame(database), await finished(database)
    await starred(database, early, 1, 2, 3)
    await halls.set(HERE, HallOfFame(HALL, 2), MODERATOR)
    assert await halls.get(HERE) == HallOfFame(HALL, 2)
    assert await due(database) == []  # it was there before; the next favourite brings it in
    job, elsewhere = await finished(database), await finished(database, guild=ELSEWHERE)
    await starred(database, elsewhere, 1, 2)
    await starred(database, job, 1, 1, 1)  # added, removed, added: one member
    assert await due(database) == []
    await starred(database, job, 2)
    assert await halls.due() == [DueImage(job.id, HALL, 2)]
    await halls.settle(job.id)
    await starred(database, job, 2, 2, 3)
    assert await due(database) == []
    await starred(database, early, 4)
    assert await due(database) == [early.id]


async def test_favourites_of_a_waiting_job_count_once_its_image_is_shown(
    database: Database,
) -> None:
    await HallsOfFame(database).set(HERE, HallOfFame(HALL, 1), MODERATOR)
    good, failed = await ask(database), await ask(database)
    await starred(database, good, 1)
    await starred(database, failed, 1)
    for job, state in ((good, State.DONE), (failed, State.FAILED)):
        await Claims(database).claim("engine", 30)
        await Claims(database).finish(job.id, "engine", state)
        assert await due(database) == ([] if job is good else [good.id])
        await Jobs(database).mark_posted(job.id)
    assert await due(database) == [good.id]


async def test_a_reported_image_waits_for_the_moderators(database: Database) -> None:
    await HallsOfFame(database).set(HERE, HallOfFame(HALL, 1), MODERATOR)
    job = await finished(database)
    stored = await Jobs(database).get(job.id)
    assert stored
    assert await Reports(database).insert(stored, 7, None)
    await starred(database, job, 1)
    assert await due(database) == []
    await Reports(database).close(HERE, 1, Verdict.DISMISS, MODERATOR)
    assert await due(database) == [job.id]


async def test_another_channel_or_none_leaves_out_what_is_due(database: Database) -> None:
    halls = HallsOfFame(database)
    for hall in (HallOfFame(HALL + 1, 1), None):
        await halls.set(HERE, HallOfFame(HALL, 1), MODERATOR)
        await starred(database, await finished(database), 1)
        await halls.set(HERE, HallOfFame(HALL, 2), MODERATOR)
        assert len(await due(database)) == 1
        await halls.set(HERE, hall, MODERATOR)
        assert await due(database) == []
    assert await halls.get(HERE) is None
    await starred(database, await finished(database), 1, 2, 3)
    assert await due(database) == []
    _, entries = await AuditLog(database).page(HERE)
    assert details_text(entries[0]) == "no hall of fame"
    assert details_text(entries[1]) == "hall of fame in <#50>, from 2 favourites on"


async def test_a_deleted_image_leaves_it_through_the_outbox(
    path: Path, database: Database, clock: Any
) -> None:
    await HallsOfFame(database).set(HERE, HallOfFame(HALL, 1), MODERATOR)
    jobs = [await finished(database, member=member) for member in (1, 1, 2)]
    for number, job in enumerate(jobs):
        await starred(database, job, 3)
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
    gone = set()
    while deletion := await Deletions(database).take():
        gone.add(deletion.target)
        await Deletions(database).done(deletion)
    assert gone >= {Message(HALL, 900 + number, f"n{number}") for number in range(3)}
    assert await due(database) == []
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT COUNT(*) FROM hall_of_fame").fetchone() == (0,)
