"""The word of moderators in the database: it counts at once, in their server alone, and is kept."""

import asyncio
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as run
from hypothesis import strategies as st

from core.database import audit_log
from core.database.audit_log import AuditLog
from core.database.blocks import Blocks
from core.database.claims import Claims
from core.database.connection import Database
from core.database.guild_rules import GuildRules
from core.database.guild_settings import GuildSettings
from core.database.jobs import Jobs
from core.database.moderation_queue import ModerationQueue
from core.database.queue import JobQueue
from core.database.reports import Reports
from core.job import Job, NewJob, Reason, ReasonCode, State
from core.moderation import AuditAction, Limits, Usage, Verdict, WordRule
from core.recipe import Recipe
from tests.databases import new_database
from tests.sql_trace import query_plan, traced

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


# -- the queue -----------------------------------------------------------------------------------


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
def test_no_more_is_painted_than_was_agreed_and_nothing_in_a_pause(events: list[Event]) -> None:
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


# -- members -------------------------------------------------------------------------------------


async def test_usage_leaves_out_what_failed_what_is_old_and_what_is_elsewhere(
    database: Database, clock: Any
) -> None:
    await ask(database)
    clock.now += 3601
    failed, _ = await ask(database), await ask(database)
    await ask(database, guild=ELSEWHERE)
    await ask(database, member=2)
    never_begun = await ask(database)
    await Jobs(database).cancel(never_begun.id)
    assert await GuildRules(database).usage(HERE, 1) == Usage(waiting=3, last_hour=2)
    await claimed(database)
    await Claims(database).finish(failed.id, "engine", State.FAILED, Reason(text="no memory"))
    assert await GuildRules(database).usage(HERE, 1) == Usage(waiting=0, last_hour=1)


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


async def test_limits_and_words_are_kept_by_server(database: Database) -> None:
    limits = Limits(running=2, size="64x96")
    await GuildRules(database).set_limits(HERE, 5, limits, MODERATOR)
    await GuildRules(database).add_word(HERE, WordRule("bad"), MODERATOR)
    await GuildRules(database).add_word(HERE, WordRule("bad", age_restricted=True), MODERATOR)
    rules = await GuildRules(database).for_member(HERE, 1)
    assert rules.limits == {5: limits}
    assert rules.words == (WordRule("bad", age_restricted=True),)
    assert not (await GuildRules(database).for_member(ELSEWHERE, 1)).words
    assert not (await GuildRules(database).for_member(None, 1)).words
    await GuildRules(database).set_limits(HERE, 5, Limits(), MODERATOR)
    assert await GuildRules(database).limits(HERE) == {}


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


# -- the log and reports -------------------------------------------------------------------------


async def test_only_what_comes_after_the_log_channel_is_mirrored_and_once(
    database: Database, clock: Any
) -> None:
    await AuditLog(database).record_refusal(HERE, 1, "before")
    await GuildSettings(database).set_log_channel(HERE, 77, MODERATOR)
    await AuditLog(database).record_refusal(HERE, 1, "after")
    waiting = await AuditLog(database).unmirrored()
    assert [(channel, entry.reason) for channel, entry in waiting] == [(77, None), (77, "after")]
    assert waiting[1][1].created_at == clock.now
    await AuditLog(database).mark_mirrored(entry for _, entry in waiting[:1])
    assert [entry.reason for _, entry in await AuditLog(database).unmirrored()] == ["after"]
    await GuildSettings(database).set_log_channel(HERE, None, MODERATOR)
    await GuildSettings(database).set_log_channel(HERE, 78, MODERATOR)
    assert [entry.action for _, entry in await AuditLog(database).unmirrored()] == [
        AuditAction.SET_SETTING
    ]
    assert [entry.reason for entry in (await AuditLog(database).page(HERE, member_id=1))[1]] == [
        "after",
        "before",
    ]


async def test_ones_own_acts_are_nobodys_moderation(database: Database) -> None:
    own, job = await ask(database), await ask(database)
    assert await Jobs(database).cancel(own.id, actor_id=own.member_id)
    assert await AuditLog(database).page(HERE) == (0, [])
    assert await Jobs(database).cancel(job.id, actor_id=MODERATOR)
    _, (entry,) = await AuditLog(database).page(HERE)
    assert (entry.job_id, entry.actor_id, entry.target_id) == (job.id, MODERATOR, job.member_id)


async def test_a_job_is_not_cancelled_or_stopped_without_its_entry(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is killed in between leaves both or neither."""
    job, repository = await ask(database), Jobs(database)
    await Claims(database).claim("engine", 20)

    async def killed(*arguments: Any, **options: Any) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(audit_log, "record", killed)
        for action in (
            repository.cancel(job.id, actor_id=MODERATOR),
            repository.request_stop(job.id, actor_id=MODERATOR),
        ):
            with pytest.raises(RuntimeError):
                await action
    now = await repository.get(job.id)
    assert now
    assert (now.state, now.stopping) == (State.RUNNING, False)
    assert await repository.request_stop(job.id, actor_id=MODERATOR)
    assert await repository.cancel(job.id, actor_id=MODERATOR)
    assert await repository.cancel(job.id, actor_id=MODERATOR) is None
    _, entries = await AuditLog(database).page(HERE)
    assert [entry.action for entry in entries] == [AuditAction.CANCEL, AuditAction.STOP]


async def test_reports_of_one_picture_are_closed_together_and_once(database: Database) -> None:
    job, other = await ask(database), await ask(database)
    report = await Reports(database).insert(job, 2, "rude")
    assert report
    assert await Reports(database).insert(job, 2, "again") is None
    assert await Reports(database).insert(job, 3, None)
    kept = await Reports(database).insert(other, 3, None)
    assert await Reports(database).close(ELSEWHERE, report.id, Verdict.DELETE, MODERATOR) is None
    assert await Reports(database).unannounced() == []  # no channel for them yet
    await GuildSettings(database).set_log_channel(HERE, 77, MODERATOR)
    assert len(await Reports(database).unannounced()) == 3
    await Reports(database).mark_announced(report.id)
    assert len(await Reports(database).unannounced()) == 2
    closed = await Reports(database).close(HERE, report.id, Verdict.DISMISS, MODERATOR)
    assert closed
    assert (closed.verdict, closed.closed_by) == (Verdict.DISMISS, MODERATOR)
    assert await Reports(database).close(HERE, report.id, Verdict.BLOCK, MODERATOR) is None
    assert await Reports(database).open(HERE) == (1, [kept])


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
