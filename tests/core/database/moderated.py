"""Shared by the tests of moderation: two servers, a moderator, and helpers for jobs."""

from typing import Any

from core.database.claims import Claims
from core.database.connection import Database
from core.database.jobs import Jobs
from core.database.moderation_queue import ModerationQueue
from core.job import Job, NewJob
from core.recipe import Recipe

GUILD, OTHER_GUILD, CHANNEL, MODERATOR = 10, 11, 20, 99

LEASE = 30.0


async def insert_job(
    database: Database, member: int = 1, guild: int = GUILD, **changes: Any
) -> Job:
    return await Jobs(database).insert(
        NewJob(
            recipe=Recipe.make("a red circle", width=64, height=64, steps=100, seed=7),
            guild_id=guild,
            message_id=None,
            member_id=member,
            member_name=f"member {member}",
            **{"channel_id": CHANNEL} | changes,
        )
    )


async def claim_all(database: Database) -> list[int]:
    """Claims every job that may run now; returns their ids in order."""
    taken = []
    while job := await Claims(database).claim("engine", LEASE):
        taken.append(job.id)
    return taken


async def clear_queue(database: Database, **filters: Any) -> list[int]:
    jobs = await ModerationQueue(database).clear(GUILD, actor_id=MODERATOR, **filters)
    return [job.id for job in jobs]
