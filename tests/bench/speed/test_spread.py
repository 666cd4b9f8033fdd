"""Medians, quartiles and ratios."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.speed.spread import Spread, ratio

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
def test_swapping_the_sides_of_a_ratio_inverts_it(pairs: list[tuple[float, float]]) -> None:
    one, other = zip(*pairs, strict=True)
    forward, swapped = ratio(one, other), ratio(other, one)
    assert forward.low <= forward.median <= forward.high
    if len(pairs) % 2:  # of an even number, the median is a mean, for which this does not hold
        assert forward.median == pytest.approx(1 / swapped.median)


@given(st.lists(seconds, min_size=1), st.floats(0.1, 10))
def test_a_constant_ratio_has_no_spread(values: list[float], factor: float) -> None:
    found = ratio([factor * value for value in values], values)
    assert (found.low, found.median, found.high) == pytest.approx((factor, factor, factor))
