"""States of a job."""

from core.job import State


def test_which_states_are_final() -> None:
    assert [state for state in State if state.ended] == ["done", "failed", "cancelled"]
