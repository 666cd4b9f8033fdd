"""A block cancels the member's jobs and expires."""

from typing import Any

from core.database.blocks import Blocks
from core.database.claims import Claims
from core.database.connection import Database
from core.database.guild_rules import GuildRules
from core.database.queue import JobQueue
from core.job import Reason, ReasonCode, State
from tests.core.database.moderated import GUILD, LEASE, MODERATOR, OTHER_GUILD, insert_job


async def test_a_block_cancels_the_members_jobs_and_expires(database: Database, clock: Any) -> None:
    job, other = await insert_job(database), await insert_job(database, guild=OTHER_GUILD)
    await Claims(database).claim("engine", LEASE)
    cancelled = await Blocks(database).block(
        GUILD, 1, actor_id=MODERATOR, reason="spam", until=clock.now + 60
    )
    assert [(each.id, each.state, each.reason) for each in cancelled] == [
        (job.id, State.CANCELLED, Reason(ReasonCode.MEMBER_BLOCKED))
    ]
    assert [each.id for each in await JobQueue(database).waiting()] == [other.id]
    block = (await GuildRules(database).for_member(GUILD, 1)).block
    assert block
    assert (block.reason, block.by) == ("spam", MODERATOR)
    assert (await GuildRules(database).for_member(OTHER_GUILD, 1)).block is None
    clock.now += 60
    assert (await GuildRules(database).for_member(GUILD, 1)).block is None
    assert await Blocks(database).active(GUILD) == []
    assert not await Blocks(database).unblock(GUILD, 1, MODERATOR)
