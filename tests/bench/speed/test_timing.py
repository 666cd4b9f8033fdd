"""The stopwatch finds every stage of a step."""

from collections.abc import Callable

import pytest

from bench.speed.loops import OURS, PLAIN, stepper
from bench.speed.timing import STAGES, alternate, meter_step, time_step


def test_sides_take_turns_after_one_warm_up_step() -> None:
    steps = []

    def side(name: str) -> Callable[[], dict[str, float]]:
        def step() -> dict[str, float]:
            steps.append(name)
            return {"whole": float(len(steps))}

        return step

    measured = alternate({"a": side("a"), "b": side("b")}, 2)
    assert "".join(steps) == "ababab"
    assert [timing["whole"] for timing in measured["a"]] == [3, 5]


@pytest.mark.parametrize("side", [PLAIN, OURS])
def test_the_stopwatch_sees_every_stage_of_a_step(side: str) -> None:
    timing = time_step(stepper(side, "sketch", 32 if side == OURS else 64, cutouts=2))
    assert set(timing) == {*STAGES, "rest", "whole"}
    assert all(timing[stage] > 0 for stage in STAGES)
    assert timing["rest"] >= 0
    assert timing["whole"] == pytest.approx(sum(timing[part] for part in (*STAGES, "rest")))


def test_any_meter_is_read_in_every_stage() -> None:
    ticks = iter(range(1000))
    spent = meter_step(stepper(OURS, "sketch", 32, cutouts=2), lambda: next(ticks))
    assert spent["whole"] == sum(spent[part] for part in (*STAGES, "rest"))
    assert all(spent[stage] >= 1 for stage in STAGES)
