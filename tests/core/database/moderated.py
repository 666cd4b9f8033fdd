"""What the tests of moderation share: two servers, a moderator, and jobs."""

from typing import Any

from core.database.claims import Claims
from core.database.connection import Database
from core.database.jobs import Jobs
from core.database.moderation_queue import ModerationQueue
from core.job import Job, NewJob
from core.recipe import Recipe

HERE, ELSEWHERE, CHANNEL, MODERATOR = 10, 11, 20, 99

LEASE = 30.0


async def ask(database: Database, member: int = 1, guild: int = HERE, **changes: Any) -> Job:
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


async def claimed(database: Database) -> list[int]:
    """All that may be claimed now, in its order."""
    taken = []
    while job := await Claims(database).claim("engine", LEASE):
        taken.append(job.id)
    return taken


async def clear(database: Database, **chosen: Any) -> list[int]:
    jobs = await ModerationQueue(database).clear(HERE, actor_id=MODERATOR, **chosen)
    return [job.id for job in jobs]
