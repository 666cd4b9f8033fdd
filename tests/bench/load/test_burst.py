"""The verdict on a burst names every fault, and finds jobs that were claimed unfairly."""

from collections import Counter
from dataclasses import replace

from bench.load.burst import MAX_LATENCY, Burst, report, unfairly_claimed
from core.job import Job
from tests.queued_job import queued_job


def _jobs() -> list[Job]:
    """Member 1 makes two requests and member 2 one; they are claimed in the fair order."""
    requests = [(1, 0, 11.0), (1, 1, 13.0), (2, 0, 12.0)]
    return [
        replace(
            queued_job(member_id=member, turn=turn),
            id=number,
            created_at=float(number),
            started_at=started,
        )
        for number, (member, turn, started) in enumerate(requests, start=1)
    ]


def test_a_job_that_was_claimed_before_its_turn_is_found() -> None:
    first, second, other = _jobs()
    assert unfairly_claimed([first, second, other]) == []
    assert unfairly_claimed([first, replace(second, started_at=11.5), other]) == [second.id]
    assert second.id in unfairly_claimed([first, replace(second, turn=0), other])


def test_a_burst_is_judged() -> None:
    good = Burst("", [0.1] * 100, requests=Counter(a=200), memory=[1], before=1, after=1)
    assert good.failed_checks() == []
    assert "NOT" not in report([good])
    for bad in (
        replace(good, unanswered=1),
        replace(good, latencies=[0.1, MAX_LATENCY + 0.1]),
        replace(good, refused=["You already have 5 requests in the queue."]),
        replace(good, rate_limited=Counter(a=3)),
        replace(good, faults=["2 jobs are in the queue instead of 1"]),
    ):
        assert len(bad.failed_checks()) == 1
        assert "NOT as it should be" in report([bad])
