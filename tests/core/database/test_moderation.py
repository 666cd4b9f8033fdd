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

from core.database.jobs import Store
from core.database.moderation import Moderation
from core.job import Job, State
from core.moderation import Act, Limits, Usage, Verdict, WordRule
from core.recipe import Recipe
from tests.sql_trace import query_plan, traced

HERE, ELSEWHERE, CHANNEL, MODERATOR = 10, 11, 20, 99
LEASE = 30.0


@pytest.fixture
def moderation(store: Store) -> Moderation:
    return Moderation(store)


async def ask(store: Store, member: int = 1, guild: int = HERE, **changes: Any) -> Job:
    return await store.add(
        Recipe.make("a red circle", width=64, height=64, steps=100, seed=7),
        guild_id=guild,
        message_id=None,
        member_id=member,
        member_name=f"member {member}",
        **{"channel_id": CHANNEL} | changes,
    )


async def claimed(store: Store) -> list[int]:
    """All that may be claimed now, in its order."""
    taken = []
    while job := await store.claim("engine", LEASE):
        taken.append(job.id)
    return taken


async def cancel(moderation: Moderation, **chosen: Any) -> list[int]:
    jobs = await moderation.cancel(
        Act.CLEAR, HERE, by=MODERATOR, why=None, reason="Cleared.", **chosen
    )
    return [job.id for job in jobs]


# -- the queue -----------------------------------------------------------------------------------


async def test_a_pause_takes_back_what_runs_and_holds_what_waits(
    store: Store, moderation: Moderation
) -> None:
    first, second = await ask(store), await ask(store)
    other = await ask(store, member=2, guild=ELSEWHERE)
    assert (await store.claim("engine", LEASE)) is not None
    await moderation.pause(HERE, MODERATOR, "a film evening")
    assert await store.still_mine("engine") == {}
    assert [await store.position(job.id) for job in (first, second, other)] == [1, 3, 1]
    assert await claimed(store) == [other.id]
    assert await store.finish(other.id, "engine", State.DONE)
    assert await store.wait_seconds(second.id) is None
    pause = (await moderation.guild(HERE)).pause
    assert pause
    assert (pause.by, pause.reason) == (MODERATOR, "a film evening")
    assert await moderation.resume(HERE, MODERATOR)
    assert not await moderation.resume(HERE, MODERATOR)
    assert await store.wait_seconds(second.id) is not None
    assert await claimed(store) == [first.id, second.id]
    again = await store.job(first.id)
    assert again
    assert again.attempts == 1  # being paused is no failed attempt


async def test_what_is_cancelled_is_chosen_and_never_another_servers(
    store: Store, moderation: Moderation
) -> None:
    mine, running = await ask(store, member=2), await ask(store, member=1)
    there = await ask(store, member=1, channel_id=21)
    other = await ask(store, member=1, guild=ELSEWHERE)
    await store.claim("engine", LEASE)
    assert await cancel(moderation, job_id=other.id) == []
    assert await cancel(moderation, job_id=mine.id, only_waiting=True) == []
    assert await cancel(moderation, channel_id=21) == [there.id]
    assert sorted(await cancel(moderation)) == [mine.id, running.id]
    assert await store.still_mine("engine") == {}
    assert {job.id for job in await store.unposted()} == {mine.id, running.id, there.id}
    assert [job.id for job in await store.waiting()] == [other.id]
    assert (await moderation.log(HERE))[0] == 3


async def test_moving_up_goes_past_the_own_server_only(
    store: Store, moderation: Moderation
) -> None:
    far = [await ask(store, member=5, guild=ELSEWHERE) for _ in range(3)]
    near = [await ask(store, member=1) for _ in range(4)]
    assert await moderation.move_up(ELSEWHERE, near[3].id, MODERATOR) is None
    assert await moderation.move_up(HERE, near[3].id, MODERATOR)
    order = [job.id for job in await store.waiting()]
    here = [near[3].id, near[0].id, near[1].id, near[2].id]
    assert [job_id for job_id in order if job_id in here] == here
    assert [job_id for job_id in order if job_id not in here] == [job.id for job in far]
    assert await moderation.move_up(HERE, near[3].id, MODERATOR)  # it is already
    assert [job.id for job in await store.waiting()] == order


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
        async with Store.open(Path(folder) / "imagine.db") as store:
            moderation, paused, asked = Moderation(store), set[int](), 0
            for kind, member, guild in events:
                match kind:
                    case "ask":
                        await ask(store, member, guild, most_running=member)
                        asked += 1
                    case "claim":
                        await store.claim("engine", LEASE)
                    case "finish" if running := await store.running():
                        await store.finish(running[0].id, "engine", State.DONE)
                    case "pause":
                        await moderation.pause(guild, MODERATOR, None)
                        paused.add(guild)
                    case "resume":
                        await moderation.resume(guild, MODERATOR)
                        paused.discard(guild)
                running = await store.running()
                assert not {job.guild_id for job in running} & paused
                counts = Counter((job.member_id, job.guild_id) for job in running)
                assert all(count <= member for (member, _), count in counts.items())
            for guild in paused:
                await moderation.resume(guild, MODERATOR)
            while await claimed(store) or await store.running():
                for job in await store.running():
                    await store.finish(job.id, "engine", State.DONE)
            assert len(await store.unposted(limit=100)) == asked


# -- members -------------------------------------------------------------------------------------


async def test_usage_leaves_out_what_failed_what_is_old_and_what_is_elsewhere(
    store: Store, moderation: Moderation, clock: Any
) -> None:
    await ask(store)
    clock.now += 3601
    failed, _ = await ask(store), await ask(store)
    await ask(store, guild=ELSEWHERE)
    await ask(store, member=2)
    never_begun = await ask(store)
    await store.cancel(never_begun.id)
    assert await moderation.usage(HERE, 1) == Usage(waiting=3, last_hour=2)
    await claimed(store)
    await store.finish(failed.id, "engine", State.FAILED, "no memory")
    assert await moderation.usage(HERE, 1) == Usage(waiting=0, last_hour=1)


async def test_a_block_cancels_and_ends_in_its_time(
    store: Store, moderation: Moderation, clock: Any
) -> None:
    job, other = await ask(store), await ask(store, guild=ELSEWHERE)
    await store.claim("engine", LEASE)
    gone = await moderation.block(
        HERE, 1, by=MODERATOR, why="spam", until=clock.now + 60, reason="Blocked."
    )
    assert [(each.id, each.state, each.reason) for each in gone] == [
        (job.id, State.CANCELLED, "Blocked.")
    ]
    assert [each.id for each in await store.waiting()] == [other.id]
    block = (await moderation.rules(HERE, 1)).block
    assert block
    assert (block.reason, block.by) == ("spam", MODERATOR)
    assert (await moderation.rules(ELSEWHERE, 1)).block is None
    clock.now += 60
    assert (await moderation.rules(HERE, 1)).block is None
    assert await moderation.blocks(HERE) == []
    assert not await moderation.unblock(HERE, 1, MODERATOR)


async def test_limits_and_words_are_kept_by_server(moderation: Moderation) -> None:
    limits = Limits(running=2, size="64x96")
    await moderation.limit(HERE, 5, limits, MODERATOR, "role 5")
    await moderation.add_word(HERE, WordRule("bad"), MODERATOR)
    await moderation.add_word(HERE, WordRule("bad", age_restricted=True), MODERATOR)
    rules = await moderation.rules(HERE, 1)
    assert rules.limits == {5: limits}
    assert rules.words == (WordRule("bad", age_restricted=True),)
    assert not (await moderation.rules(ELSEWHERE, 1)).words
    assert not (await moderation.rules(None, 1)).words
    await moderation.limit(HERE, 5, Limits(), MODERATOR, "role 5")
    assert await moderation.limits(HERE) == {}


async def test_nothing_goes_through_the_whole_history(store: Store, moderation: Moderation) -> None:
    job = await ask(store)
    async with traced(store) as statements:
        await moderation.usage(HERE, 1)
        await moderation.live(HERE, member_id=1)
        await moderation.pause(HERE, MODERATOR, None)
        await moderation.move_up(HERE, job.id, MODERATOR)
        await cancel(moderation)
    plans = {
        sql: await query_plan(store, sql)
        for sql in statements
        if sql.startswith(("SELECT", "UPDATE", "WITH"))
    }
    assert len(plans) > 5
    for sql, plan in plans.items():
        assert "SCAN jobs" not in plan.split("; "), sql


# -- the log and reports -------------------------------------------------------------------------


async def test_only_what_comes_after_the_log_channel_is_mirrored_and_once(
    moderation: Moderation, clock: Any
) -> None:
    await moderation.refused(HERE, 1, "before")
    await moderation.set_log_channel(HERE, 77, MODERATOR)
    await moderation.refused(HERE, 1, "after")
    waiting = await moderation.to_mirror()
    assert [(channel, entry.why) for channel, entry in waiting] == [(77, None), (77, "after")]
    assert waiting[1][1].created_at == clock.now
    await moderation.mirrored(entry for _, entry in waiting[:1])
    assert [entry.why for _, entry in await moderation.to_mirror()] == ["after"]
    await moderation.set_log_channel(HERE, None, MODERATOR)
    await moderation.set_log_channel(HERE, 78, MODERATOR)
    assert [entry.act for _, entry in await moderation.to_mirror()] == [Act.SETTING]
    assert [entry.why for entry in (await moderation.log(HERE, member_id=1))[1]] == [
        "after",
        "before",
    ]


async def test_ones_own_acts_are_nobodys_moderation(store: Store, moderation: Moderation) -> None:
    own, job = await ask(store), await ask(store)
    assert await moderation.cancel_job(own.id, own.member_id, "mine")
    assert await moderation.log(HERE) == (0, [])
    assert await moderation.cancel_job(job.id, MODERATOR, "not nice")
    _, (entry,) = await moderation.log(HERE)
    assert (entry.job_id, entry.by_id, entry.whom_id) == (job.id, MODERATOR, job.member_id)


async def test_a_job_is_not_cancelled_or_stopped_without_its_entry(
    store: Store, moderation: Moderation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is killed in between leaves both or neither."""
    job = await ask(store)
    await store.claim("engine", 20)

    async def killed(*arguments: Any, **options: Any) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(Moderation, "_record", killed)
        for action in (
            moderation.cancel_job(job.id, MODERATOR, "not nice"),
            moderation.stop_job(job.id, MODERATOR),
        ):
            with pytest.raises(RuntimeError):
                await action
    now = await store.job(job.id)
    assert now
    assert (now.state, now.stopping) == (State.RUNNING, False)
    assert await moderation.stop_job(job.id, MODERATOR)
    assert await moderation.cancel_job(job.id, MODERATOR, "not nice")
    assert await moderation.cancel_job(job.id, MODERATOR, "not nice") is None
    assert [entry.act for entry in (await moderation.log(HERE))[1]] == [Act.CANCEL, Act.STOP]


async def test_reports_of_one_picture_are_closed_together_and_once(
    store: Store, moderation: Moderation
) -> None:
    job, other = await ask(store), await ask(store)
    report = await moderation.report(job, 2, "rude")
    assert report
    assert await moderation.report(job, 2, "again") is None
    assert await moderation.report(job, 3, None)
    kept = await moderation.report(other, 3, None)
    assert await moderation.close_report(ELSEWHERE, report.id, Verdict.DELETE, MODERATOR) is None
    assert await moderation.reports_to_show() == []  # no channel for them yet
    await moderation.set_log_channel(HERE, 77, MODERATOR)
    assert len(await moderation.reports_to_show()) == 3
    await moderation.report_shown(report.id)
    assert len(await moderation.reports_to_show()) == 2
    closed = await moderation.close_report(HERE, report.id, Verdict.DISMISS, MODERATOR)
    assert closed
    assert (closed.verdict, closed.closed_by) == (Verdict.DISMISS, MODERATOR)
    assert await moderation.close_report(HERE, report.id, Verdict.BLOCK, MODERATOR) is None
    assert await moderation.open_reports(HERE) == (1, [kept])


async def test_acts_survive_a_restart(path: Path, store: Store, moderation: Moderation) -> None:
    await moderation.pause(HERE, MODERATOR, "tonight")
    await moderation.set_moderator_role(HERE, 5, MODERATOR)
    async with Store.open(path) as another:
        later = Moderation(another)
        assert await later.guild(HERE) == await moderation.guild(HERE)
        assert await later.moderator_roles() == {HERE: 5}
        assert [entry.act for entry in (await later.log(HERE))[1]] == [Act.SETTING, Act.PAUSE]
