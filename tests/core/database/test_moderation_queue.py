"""Moderators can only pause, cancel and move jobs of their own server; a restart undoes nothing."""

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
    GUILD,
    LEASE,
    MODERATOR,
    OTHER_GUILD,
    claim_all,
    clear_queue,
    insert_job,
)
from tests.databases import new_database
from tests.sql_trace import query_plan, traced


async def test_a_pause_requeues_running_jobs_and_holds_waiting_ones(database: Database) -> None:
    first, second = await insert_job(database), await insert_job(database)
    other = await insert_job(database, member=2, guild=OTHER_GUILD)
    assert (await Claims(database).claim("engine", LEASE)) is not None
    await ModerationQueue(database).pause(GUILD, MODERATOR, "a film evening")
    assert await Claims(database).held("engine") == {}
    assert [await JobQueue(database).position(job.id) for job in (first, second, other)] == [
        1,
        3,
        1,
    ]
    assert await claim_all(database) == [other.id]
    assert await Claims(database).finish(other.id, "engine", State.DONE)
    assert await JobQueue(database).wait_seconds(second.id) is None
    pause = (await GuildSettings(database).get(GUILD)).pause
    assert pause
    assert (pause.by, pause.reason) == (MODERATOR, "a film evening")
    assert await ModerationQueue(database).resume(GUILD, MODERATOR)
    assert not await ModerationQueue(database).resume(GUILD, MODERATOR)
    assert await JobQueue(database).wait_seconds(second.id) is not None
    assert await claim_all(database) == [first.id, second.id]
    again = await Jobs(database).get(first.id)
    assert again
    assert again.attempts == 1  # a pause does not count as a failed attempt


async def test_only_matching_jobs_of_the_moderators_server_are_cancelled(
    database: Database,
) -> None:
    mine, running = await insert_job(database, member=2), await insert_job(database, member=1)
    other_channel = await insert_job(database, member=1, channel_id=21)
    other = await insert_job(database, member=1, guild=OTHER_GUILD)
    await Claims(database).claim("engine", LEASE)
    queue, by = ModerationQueue(database), {"actor_id": MODERATOR, "why": None}
    assert await queue.cancel(GUILD, other.id, reason=Reason(text="no"), **by) is None
    # It is running, so it can't be removed from the queue.
    assert await queue.remove(GUILD, mine.id, reason=Reason(text="no"), **by) is None
    assert await clear_queue(database, channel_id=21) == [other_channel.id]
    assert await clear_queue(database, member_id=3) == []
    assert sorted(await clear_queue(database)) == [mine.id, running.id]
    assert await Claims(database).held("engine") == {}
    assert {job.id for job in await Jobs(database).unposted()} == {
        mine.id,
        running.id,
        other_channel.id,
    }
    assert [job.id for job in await JobQueue(database).waiting()] == [other.id]
    assert (await AuditLog(database).page(GUILD))[0] == 3


async def test_moving_up_passes_only_jobs_of_the_same_server(database: Database) -> None:
    others = [await insert_job(database, member=5, guild=OTHER_GUILD) for _ in range(3)]
    ours = [await insert_job(database, member=1) for _ in range(4)]
    assert await ModerationQueue(database).move_up(OTHER_GUILD, ours[3].id, MODERATOR) is None
    assert await ModerationQueue(database).move_up(GUILD, ours[3].id, MODERATOR)
    order = [job.id for job in await JobQueue(database).waiting()]
    our_order = [ours[3].id, ours[0].id, ours[1].id, ours[2].id]
    assert [job_id for job_id in order if job_id in our_order] == our_order
    assert [job_id for job_id in order if job_id not in our_order] == [job.id for job in others]
    # It is first already.
    assert await ModerationQueue(database).move_up(GUILD, ours[3].id, MODERATOR)
    assert [job.id for job in await JobQueue(database).waiting()] == order


Event = tuple[str, int, int]


@run(max_examples=40)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["insert", "insert", "claim", "finish", "pause", "resume"]),
            st.integers(1, 3),
            st.sampled_from([GUILD, OTHER_GUILD]),
        ),
        max_size=30,
    )
)
def test_running_jobs_respect_limits_and_pauses(events: list[Event]) -> None:
    """Member n may have n running jobs in each server; in the end all jobs are done."""
    asyncio.run(_replay(events))


async def _replay(events: list[Event]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with new_database(Path(folder) / "imagine.db") as database:
            paused, inserted = set[int](), 0
            for kind, member, guild in events:
                match kind:
                    case "insert":
                        await insert_job(database, member, guild, most_running=member)
                        inserted += 1
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
            while await claim_all(database) or await JobQueue(database).running():
                for job in await JobQueue(database).running():
                    await Claims(database).finish(job.id, "engine", State.DONE)
            assert len(await Jobs(database).unposted(limit=100)) == inserted


async def test_no_statement_scans_the_whole_table_of_jobs(database: Database) -> None:
    job = await insert_job(database)
    async with traced(database) as statements:
        await GuildRules(database).usage(GUILD, 1)
        await ModerationQueue(database).page(GUILD, member_id=1)
        await ModerationQueue(database).pause(GUILD, MODERATOR, None)
        await ModerationQueue(database).move_up(GUILD, job.id, MODERATOR)
        await clear_queue(database)
    plans = {
        sql: await query_plan(database, sql)
        for sql in statements
        if sql.startswith(("SELECT", "UPDATE", "WITH"))
    }
    assert len(plans) > 5
    for sql, plan in plans.items():
        assert "SCAN jobs" not in plan.split("; "), sql


async def test_moderation_survives_a_restart(path: Path, database: Database) -> None:
    await ModerationQueue(database).pause(GUILD, MODERATOR, "tonight")
    await GuildSettings(database).set_moderator_role(GUILD, 5, MODERATOR)
    async with Database.open(path) as another:
        assert await GuildSettings(another).get(GUILD) == await GuildSettings(database).get(GUILD)
        assert await GuildSettings(another).moderator_roles() == {GUILD: 5}
        assert [entry.action for entry in (await AuditLog(another).page(GUILD))[1]] == [
            AuditAction.SET_SETTING,
            AuditAction.PAUSE,
        ]
