"""The time that a job still takes, estimated from the costs of its steps."""

import pytest

from engine.step_timer import StepTimer


def test_an_estimate_is_right_from_the_first_step_even_if_later_steps_cost_more() -> None:
    costs = [1.0] * 10 + [4.0] * 10 + [16.0] * 20
    timer = StepTimer()
    assert timer.seconds(sum(costs)) is None
    for number, cost in enumerate(costs, start=1):
        timer.measure(0.25 * cost, cost)
        assert timer.seconds(sum(costs[number:])) == pytest.approx(0.25 * sum(costs[number:]))


def test_a_slow_first_step_is_soon_outweighed() -> None:
    timer = StepTimer()
    timer.measure(60.0, 1.0)  # kernels are compiled
    for _ in range(30):
        timer.measure(1.0, 1.0)
    assert timer.seconds(1.0) == pytest.approx(1.0, rel=0.1)


def test_steps_without_a_known_cost_are_ignored() -> None:
    timer = StepTimer()
    timer.measure(1.0, 0.0)
    assert timer.seconds(1.0) is None
