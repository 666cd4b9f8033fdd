"""Pending responses: stored until Discord has accepted them."""

from pathlib import Path

from core.database.audit_log import AuditLog
from core.database.connection import Database
from core.database.deletions import Deletions
from core.database.interactions import current_interaction
from core.database.jobs import Jobs
from core.database.members import Members, Toggled
from core.database.moderation_queue import ModerationQueue
from core.database.pending_responses import PendingResponses
from core.job import NewJob
from core.recipe import Recipe

RECIPE = Recipe.make("a red circle", width=64, height=64, steps=9)


async def insert_pending_response(database: Database, interaction_id: int) -> PendingResponses:
    rows = PendingResponses(database)
    await rows.insert(
        interaction_id, member_id=4, payload="{}", updates_message=False, token="token", locale="de"
    )
    return rows


async def insert_job(database: Database, interaction_id: int) -> int:
    job = await Jobs(database).insert(
        NewJob(
            recipe=RECIPE,
            guild_id=1,
            channel_id=2,
            message_id=3,
            member_id=4,
            member_name="Ada",
            interaction_id=interaction_id,
        )
    )
    return job.id


async def test_a_pending_response_and_its_job_outlive_their_process(path: Path) -> None:
    async with Database.open(path) as database:
        rows = await insert_pending_response(database, 2**60)
        (row,) = await rows.all()
        assert (row.interaction_id, row.payload, row.token) == (2**60, "{}", "token")
        assert (row.locale, row.job_id) == ("de", None)
        job_id = await insert_job(database, 2**60)
    async with Database.open(path) as database:
        rows = PendingResponses(database)
        assert [row.job_id for row in await rows.all()] == [job_id]
        await rows.delete(2**60)
        assert not await rows.all()
        assert await Jobs(database).get(job_id)


async def test_an_outcome_that_the_response_may_have_overwritten_is_posted_again(
    database: Database,
) -> None:
    rows = await insert_pending_response(database, 7)
    job_id, other = await insert_job(database, 7), await insert_job(database, 8)
    for each in (job_id, other):
        await Jobs(database).cancel(each)
        await Jobs(database).mark_posted(each)
    await rows.delete(7)
    assert [(job.id, job.redraws) for job in await Jobs(database).unposted()] == [(job_id, 1)]


async def test_a_resumed_interaction_does_not_toggle_a_favourite_back(database: Database) -> None:
    await insert_pending_response(database, 7)
    job_id = await insert_job(database, 7)
    members = Members(database)
    toggled = []
    for interaction in (7, 7, 8, 9):
        current_interaction.set(interaction)
        toggled.append(await members.toggle_favourite(4, job_id, limit=1))
    assert toggled == [Toggled.ADDED, Toggled.ADDED, Toggled.REMOVED, Toggled.ADDED]


async def test_an_interaction_is_marked_as_done_together_with_its_changes(
    database: Database,
) -> None:
    rows = await insert_pending_response(database, 7)
    current_interaction.set(7)
    queue = ModerationQueue(database)
    assert not await queue.resume(1, 9)  # there is nothing to resume
    assert [row.done for row in await rows.all()] == [False]
    await queue.pause(1, 9, None)
    assert [row.done for row in await rows.all()] == [True]


async def test_a_refusal_is_recorded_once_per_interaction(database: Database) -> None:
    await insert_pending_response(database, 7)
    current_interaction.set(7)
    for _ in range(2):
        await AuditLog(database).record_refusal(1, 4, "too many")
    current_interaction.set(8)
    await AuditLog(database).record_refusal(1, 4, "too many")
    count, _ = await AuditLog(database).page(1)
    assert count == 2


async def test_what_a_member_typed_is_deleted_with_everything_about_them(
    database: Database,
) -> None:
    rows = await insert_pending_response(database, 7)
    await rows.insert(
        8, member_id=5, payload="{}", updates_message=False, token="token", locale="de"
    )
    await Deletions(database).delete_member(4)
    assert [(row.interaction_id, row.payload) for row in await rows.all()] == [(7, None), (8, "{}")]
