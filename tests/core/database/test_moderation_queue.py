"""Moderators pause, cancel and move jobs of their own server only, and it lasts."""

import asyncio
import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import given
from hypothesis import settings as run
from hypothesis import strategies as st

from core.database.audit_log import AuditLog
from core.database.claims import Claims
from core.database.connection import Database
from core.database.guild_rules import GuildRules
from core.database.guild_settings import GuildSettings
from core.database.jobs import Jobs
from core.database.moderation_queue import ModerationQueue
from core.database.queue import JobQueue
from core.job import Reason, State
from core.moderation import AuditAction
from tests.core.database.moderated import (
    ELSEWHERE,
    HERE,
    LEASE,
    MODERATOR,
    ask,
    claimed,
    clear,
)
from tests.databases import new_database
from tests.sql_trace import query_plan, traced


async def test_a_pause_takes_back_what_runs_and_holds_what_waits(database: Database) -> None:
    first, second = await ask(database), await ask(database)
    other = await ask(database, member=2, guild=ELSEWHERE)
    assert (await Claims(database).claim("engine", LEASE)) is not None
    await ModerationQueue(database).pause(HERE, MODERATOR, "a film evening")
    assert await Claims(database).held("engine") == {}
    assert [await JobQueue(database).position(job.id) for job in (first, second, other)] == [
        1,
        3,
        1,
    ]
    assert await claimed(database) == [other.id]
    assert await Claims(database).finish(other.id, "engine", State.DONE)
    assert await JobQueue(database).wait_seconds(second.id) is None
    pause = (await GuildSettings(database).get(HERE)).pause
    assert pause
    assert (pause.by, pause.reason) == (MODERATOR, "a film evening")
    assert await ModerationQueue(database).resume(HERE, MODERATOR)
    assert not await ModerationQueue(database).resume(HERE, MODERATOR)
    assert await JobQueue(database).wait_seconds(second.id) is not None
    assert await claimed(database) == [first.id, second.id]
    again = await Jobs(database).get(first.id)
    assert again
    assert again.attempts == 1  # being paused is no failed attempt


async def test_what_is_cancelled_is_chosen_and_never_another_servers(database: Database) -> None:
    mine, running = await ask(database, member=2), await ask(database, member=1)
    there = await ask(database, member=1, channel_id=21)
    other = await ask(database, member=1, guild=ELSEWHERE)
    await Claims(database).claim("engine", LEASE)
    queue, by = ModerationQueue(database), {"actor_id": MODERATOR, "why": None}
    assert await queue.cancel(HERE, other.id, reason=Reason(text="no"), **by) is None
    assert await queue.remove(HERE, mine.id, reason=Reason(text="no"), **by) is None  # it runs
    assert await clear(database, channel_id=21) == [there.id]
    assert await clear(database, member_id=3) == []
    assert sorted(await clear(database)) == [mine.id, running.id]
    assert await Claims(database).held("engine") == {}
    assert {job.id for job in await Jobs(database).unposted()} == {mine.id, running.id, there.id}
    assert [job.id for job in await JobQueue(database).waiting()] == [other.id]
    assert (await AuditLog(database).page(HERE))[0] == 3


async def test_moving_up_goes_past_the_own_server_only(database: Database) -> None:
    far = [await ask(database, member=5, guild=ELSEWHERE) for _ in range(3)]
    near = [await ask(database, member=1) for _ in range(4)]
    assert await ModerationQueue(database).move_up(ELSEWHERE, near[3].id, MODERATOR) is None
    assert await ModerationQueue(database).move_up(HERE, near[3].id, MODERATOR)
    order = [job.id for job in await JobQueue(database).waiting()]
    here = [near[3].id, near[0].id, near[1].id, near[2].id]
    assert [job_id for job_id in order if job_id in here] == here
    assert [job_id for job_id in order if job_id not in here] == [job.id for job in far]
    assert await ModerationQueue(database).move_up(HERE, near[3].id, MODERATOR)  # it is already
    assert [job.id for job in await JobQueue(database).waiting()] == order


Event = tuple[str, int, int]


@run(max_examples=40)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["ask", "ask", "claim", "finish", "pause", "resume"]),
            st.integers(1, 3),
            st.sampled_from([HERE, ELSEWHERE]),
        ),
        max_size=30,
    )
)
def test_no_more_is_rendered_than_was_agreed_and_nothing_in_a_pause(events: list[Event]) -> None:
    """Member n may have n painted at a time in each server; in the end all is painted."""
    asyncio.run(_live_through(events))


async def _live_through(events: list[Event]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with new_database(Path(folder) / "imagine.db") as database:
            paused, asked = set[int](), 0
            for kind, member, guild in events:
                match kind:
                    case "ask":
                        await ask(database, member, guild, most_running=member)
                        asked += 1
                    case "claim":
                        await Claims(database).claim("engine", LEASE)
                    case "finish" if running := await JobQueue(database).running():
                        await Claims(database).finish(running[0].id, "engine", State.DONE)
                    case "pause":
                        await ModerationQueue(database).pause(guild, MODERATOR, None)
                        paused.add(guild)
                    case "resume":
                        await ModerationQueue(database).resume(guild, MODERATOR)
                        paused.discard(guild)
                running = await JobQueue(database).running()
                assert not {job.guild_id for job in running} & paused
                counts = Counter((job.member_id, job.guild_id) for job in running)
                assert all(count <= member for (member, _), count in counts.items())
            for guild in paused:
                await ModerationQueue(database).resume(guild, MODERATOR)
            while await claimed(database) or await JobQueue(database).running():
                for job in await JobQueue(database).running():
                    await Claims(database).finish(job.id, "engine", State.DONE)
            assert len(await Jobs(database).unposted(limit=100)) == asked


async def test_nothing_goes_through_the_whole_history(database: Database) -> None:
    job = await ask(database)
    async with traced(database) as statements:
        await GuildRules(database).usage(HERE, 1)
        await ModerationQueue(database).page(HERE, member_id=1)
        await ModerationQueue(database).pause(HERE, MODERATOR, None)
        await ModerationQueue(database).move_up(HERE, job.id, MODERATOR)
        await clear(database)
    plans = {
        sql: await query_plan(database, sql)
        for sql in statements
        if sql.startswith(("SELECT", "UPDATE", "WITH"))
    }
    assert len(plans) > 5
    for sql, plan in plans.items():
        assert "SCAN jobs" not in plan.split("; "), sql


async def test_acts_survive_a_restart(path: Path, database: Database) -> None:
    await ModerationQueue(database).pause(HERE, MODERATOR, "tonight")
    await GuildSettings(database).set_moderator_role(HERE, 5, MODERATOR)
    async with Database.open(path) as another:
        assert await GuildSettings(another).get(HERE) == await GuildSettings(database).get(HERE)
        assert await GuildSettings(another).moderator_roles() == {HERE: 5}
        assert [entry.action for entry in (await AuditLog(another).page(HERE))[1]] == [
            AuditAction.SET_SETTING,
            AuditAction.PAUSE,
        ]
