"""Percentiles, and whether a measure grows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.load.statistics import percentile, trend

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
    result = trend(moments, leak)
    assert (result.first, result.last) == pytest.approx((100, 105.9))
    assert result.per_hour == pytest.approx(36)
    assert result.grows(5)
    assert not result.grows(6)
    warm_up = [float(number) for number in range(30)] + [29.0] * 60
    assert not trend(moments, warm_up).grows(0.01)


def test_a_measure_that_only_fluctuates_does_not_grow() -> None:
    moments = [float(number) for number in range(60)]
    sawtooth = [4.0 * (number % 10) for number in range(60)]
    assert not trend(moments, sawtooth).grows(0)


def test_a_trend_of_too_few_values_is_refused() -> None:
    with pytest.raises(ValueError, match="six"):
        trend([1.0, 2.0], [1.0, 2.0])
