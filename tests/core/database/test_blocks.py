"""A block cancels the member's jobs and expires."""

from typing import Any

from core.database.blocks import Blocks
from core.database.claims import Claims
from core.database.connection import Database
from core.database.guild_rules import GuildRules
from core.database.queue import JobQueue
from core.job import Reason, ReasonCode, State
from tests.core.database.moderated import ELSEWHERE, HERE, LEASE, MODERATOR, ask


async def test_a_block_cancels_and_ends_in_its_time(database: Database, clock: Any) -> None:
    job, other = await ask(database), await ask(database, guild=ELSEWHERE)
    await Claims(database).claim("engine", LEASE)
    gone = await Blocks(database).block(
        HERE, 1, actor_id=MODERATOR, reason="spam", until=clock.now + 60
    )
    assert [(each.id, each.state, each.reason) for each in gone] == [
        (job.id, State.CANCELLED, Reason(ReasonCode.MEMBER_BLOCKED))
    ]
    assert [each.id for each in await JobQueue(database).waiting()] == [other.id]
    block = (await GuildRules(database).for_member(HERE, 1)).block
    assert block
    assert (block.reason, block.by) == ("spam", MODERATOR)
    assert (await GuildRules(database).for_member(ELSEWHERE, 1)).block is None
    clock.now += 60
    assert (await GuildRules(database).for_member(HERE, 1)).block is None
    assert await Blocks(database).active(HERE) == []
    assert not await Blocks(database).unblock(HERE, 1, MODERATOR)
