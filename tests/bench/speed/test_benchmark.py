"""The speed benchmark: its arithmetic, and that its stopwatch finds every stage."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.speed import benchmark
from bench.speed.benchmark import (
    OURS,
    PLAIN,
    STAGES,
    Look,
    Spread,
    best,
    first,
    in_turns,
    metered,
    plot_growth,
    ratio,
    stepper,
    timed,
)

seconds = st.floats(1e-3, 1e3)
turns = st.lists(st.tuples(seconds, seconds), min_size=1, max_size=9)


@given(st.lists(seconds, min_size=1), st.randoms())
def test_a_median_lies_between_its_quartiles_in_any_order(
    values: list[float], random: object
) -> None:
    spread = Spread.of(values)
    bounds = [min(values), spread.low, spread.median, spread.high, max(values)]
    assert bounds == pytest.approx(sorted(bounds), rel=1e-12)
    random.shuffle(values)  # type: ignore[attr-defined]
    assert Spread.of(values) == spread


@given(turns)
def test_a_ratio_turned_round_is_its_inverse(pairs: list[tuple[float, float]]) -> None:
    one, other = zip(*pairs, strict=True)
    there, back = ratio(one, other), ratio(other, one)
    assert there.low <= there.median <= there.high
    if len(pairs) % 2:  # the median of an even number is a mean, which has no such inverse
        assert there.median == pytest.approx(1 / back.median)


@given(st.lists(seconds, min_size=1), st.floats(0.1, 10))
def test_what_is_so_many_times_slower_in_each_turn_has_no_spread(
    values: list[float], times: float
) -> None:
    found = ratio([times * value for value in values], values)
    assert (found.low, found.median, found.high) == pytest.approx((times, times, times))


def test_sides_take_turns_after_one_step_to_warm_up() -> None:
    taken = []

    def side(name: str) -> Callable[[], dict[str, float]]:
        def step() -> dict[str, float]:
            taken.append(name)
            return {"whole": float(len(taken))}

        return step

    measured = in_turns({"a": side("a"), "b": side("b")}, 2)
    assert "".join(taken) == "ababab"
    assert [timing["whole"] for timing in measured["a"]] == [3, 5]


@pytest.mark.parametrize("side", [PLAIN, OURS])
def test_the_stopwatch_sees_every_stage_of_a_step(side: str) -> None:
    timing = timed(stepper(side, "sketch", 32 if side == OURS else 64, cutouts=2))
    assert set(timing) == {*STAGES, "rest", "whole"}
    assert all(timing[stage] > 0 for stage in STAGES)
    assert timing["rest"] >= 0
    assert timing["whole"] == pytest.approx(sum(timing[part] for part in (*STAGES, "rest")))


@given(st.lists(st.floats(-1, 1), min_size=1), st.lists(st.floats(-1, 1), min_size=1))
def test_two_loops_are_timed_to_the_best_score_that_both_come_to(
    ours: list[float], plain: list[float]
) -> None:
    sides = [[Look(n, n, score) for n, score in enumerate(side)] for side in (ours, plain)]
    score = min(best(looks).score for looks in sides)
    for looks in sides:
        reached = first(looks, score)
        assert reached.score >= score
        assert all(look.score < score for look in looks[: reached.steps])


def test_any_meter_is_read_in_every_stage() -> None:
    ticks = iter(range(1000))
    spent = metered(stepper(OURS, "sketch", 32, cutouts=2), lambda: next(ticks))
    assert spent["whole"] == sum(spent[part] for part in (*STAGES, "rest"))
    assert all(spent[stage] >= 1 for stage in STAGES)


def test_the_plain_side_has_the_decoder_as_published() -> None:
    plain, ours = (benchmark.load(side, "sketch") for side in (PLAIN, OURS))
    assert type(plain.vqgan.decoder.mid.block_1).__module__.startswith("taming.")
    assert plain.vqgan.decoder is not ours.vqgan.decoder


def test_growth_is_plotted(tmp_path: Path) -> None:
    path = tmp_path / "growth.png"
    plot_growth({"rows": {1: [2.0, 3.0]}, "cutouts": {4: [1.0]}, "pixels": {128: [1.0]}}, path)
    assert path.read_bytes().startswith(b"\x89PNG")
