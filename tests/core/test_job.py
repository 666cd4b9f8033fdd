"""States of a job."""

from core.job import State


def test_done_failed_and_cancelled_jobs_have_ended() -> None:
    assert [state for state in State if state.ended] == ["done", "failed", "cancelled"]
