"""A member's favourites and preferences."""

import asyncio

from core.database.connection import Database
from core.database.members import Members, Notify, Preferences, Toggled
from tests.core.database.test_dead_letters import finish, insert_job

ADA, BOB = 1, 2
MAX_FAVOURITES = 3


async def test_a_member_has_a_bounded_number_of_favourites(database: Database) -> None:
    """Otherwise one member could keep every folder on the disk."""
    members = Members(database)
    jobs = []
    for _ in range(MAX_FAVOURITES + 1):
        jobs.append(await insert_job(database))
        await finish(database, jobs[-1])
    *first, last = (job.id for job in jobs)
    for job_id in first:
        assert await members.toggle_favourite(ADA, job_id, limit=MAX_FAVOURITES) is Toggled.ADDED
    assert await members.toggle_favourite(ADA, last, limit=MAX_FAVOURITES) is Toggled.FULL
    assert await members.toggle_favourite(BOB, last, limit=MAX_FAVOURITES) is Toggled.ADDED
    kept = [job.id for job in (await members.history(ADA, 10, favourites=True))[1]]
    assert kept == first[::-1]
    assert await members.toggle_favourite(ADA, first[0], limit=MAX_FAVOURITES) is Toggled.REMOVED
    assert await members.toggle_favourite(ADA, last, limit=MAX_FAVOURITES) is Toggled.ADDED


async def test_preferences_changed_at_the_same_time_are_all_kept(database: Database) -> None:
    members = Members(database)
    await members.change_preferences(ADA, size="64x64", steps=40)
    await asyncio.gather(
        members.change_preferences(ADA, count=2),
        members.change_preferences(ADA, notify=Notify.NEVER),
        members.change_preferences(ADA, steps=None),
        members.change_preferences(BOB, count=3),
    )
    expected = Preferences(size="64x64", count=2, notify=Notify.NEVER)
    assert await members.preferences(ADA) == expected
    assert await members.preferences(BOB) == Preferences(count=3)
