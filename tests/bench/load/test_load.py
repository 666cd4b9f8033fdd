"""The arithmetic and the judgement of the load bench, and that its parts see what is wrong."""

import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.load.burst import WITHIN, Burst, report, unfairly_claimed
from bench.load.crowd import PAUSED, WAITING_EACH, fill
from bench.load.queue import BOUND, LIMIT, Queue, verdict
from bench.load.soak import MEASURES, Soak
from bench.load.soak import report as soak_report
from bench.load.statistics import Times, percentile, trend
from core.database.connection import Database
from core.database.guild_settings import GuildSettings
from core.database.queue import JobQueue
from core.job import Job
from tests.queued_job import queued_job

NUMBERS = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50)


@given(NUMBERS, st.floats(0, 1))
def test_a_percentile_is_one_of_the_values_and_no_fewer_lie_below(
    values: list[float], share: float
) -> None:
    found = percentile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values)
    assert sum(value < found for value in values) <= share * len(values)


def test_a_trend_is_that_of_the_last_two_thirds() -> None:
    moments = [10.0 * number for number in range(90)]
    leak = [100.0] * 30 + [100 + 0.1 * number for number in range(60)]
    went = trend(moments, leak)
    assert (went.first, went.last) == pytest.approx((100, 105.9))
    assert went.per_hour == pytest.approx(36)
    assert went.grows(5)
    assert not went.grows(6)
    warm = [float(number) for number in range(30)] + [29.0] * 60
    assert not trend(moments, warm).grows(0.01)


def test_what_only_wobbles_does_not_grow() -> None:
    moments = [float(number) for number in range(60)]
    saw = [4.0 * (number % 10) for number in range(60)]
    assert not trend(moments, saw).grows(0)


def test_a_trend_of_next_to_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="six"):
        trend([1.0, 2.0], [1.0, 2.0])


async def test_a_crowd_leaves_a_queue_as_the_product_would(tmp_path: Path) -> None:
    path = tmp_path / "imagine.db"
    await fill(path, 300, now=time.time())
    async with Database.open(path) as database:
        queue = await JobQueue(database).waiting(1000)
        assert len(queue) == await JobQueue(database).waiting_count() == 300
        assert max(Counter(job.member_id for job in queue).values()) <= WAITING_EACH
        assert (await GuildSettings(database).get(PAUSED)).pause
        assert any(job.guild_id == PAUSED for job in queue)
        async with database.snapshot() as db:
            painted = await db.execute_fetchall("SELECT * FROM jobs WHERE state = 'done'")
        assert len(list(painted)) > 50
        found = await Queue(database).measure()
        assert set(BOUND) < set(found)
        assert await JobQueue(database).running() == []


def test_a_slow_question_is_named() -> None:
    quick, slow = Times([LIMIT / 2]), Times([LIMIT, 2 * LIMIT])
    assert verdict(dict.fromkeys(BOUND, quick), 1000).startswith("All of these")
    told = verdict(dict.fromkeys(BOUND, quick) | {"claim": slow}, 1000)
    assert told.startswith("NOT below 50 ms")
    assert told.endswith(": claim.")


def _jobs() -> list[Job]:
    """Member 1 asks twice, member 2 once; claimed in the order of the law."""
    asked = [(1, 0, 11.0), (1, 1, 13.0), (2, 0, 12.0)]
    return [
        replace(
            queued_job(member_id=member, turn=turn),
            id=number,
            created_at=float(number),
            started_at=started,
        )
        for number, (member, turn, started) in enumerate(asked, start=1)
    ]


def test_a_job_that_was_claimed_before_its_time_is_found() -> None:
    first, second, other = _jobs()
    assert unfairly_claimed([first, second, other]) == []
    assert unfairly_claimed([first, replace(second, started_at=11.5), other]) == [second.id]
    assert second.id in unfairly_claimed([first, replace(second, turn=0), other])


def test_a_burst_is_judged() -> None:
    good = Burst("", [0.1] * 100, requests=Counter(a=200), memory=[1], before=1, after=1)
    assert good.judge() == []
    assert "NOT" not in report([good])
    for bad in (
        replace(good, unanswered=1),
        replace(good, latencies=[0.1, WITHIN + 0.1]),
        replace(good, refused=["You already have 5 wishes waiting."]),
        replace(good, limited=Counter(a=3)),
        replace(good, faults=["2 jobs are in the queue instead of 1"]),
    ):
        assert len(bad.judge()) == 1
        assert "NOT as it should be" in report([bad])


def test_a_soak_says_what_grows() -> None:
    moments = [10.0 * number for number in range(60)]
    flat = [[50.0] * len(MEASURES) for _ in moments]
    soak = Soak(10, moments, flat, Counter(wishes=5), Counter(done=5))
    assert "YES" not in soak_report(soak)
    for line, sample in enumerate(flat):
        sample[-1] += line
    told = soak_report(soak).splitlines()
    assert [line for line in told if "YES" in line] == [
        line for line in told if line.startswith(f"| {MEASURES[-1].name}")
    ]
    assert "all were shown" in told[-1]
    assert "NOT shown were 2" in soak_report(replace(soak, left=2))
