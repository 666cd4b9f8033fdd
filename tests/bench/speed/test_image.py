"""The score to which both loops are timed."""

from hypothesis import given
from hypothesis import strategies as st

from bench.speed.image import Measurement, best, first


@given(st.lists(st.floats(-1, 1), min_size=1), st.lists(st.floats(-1, 1), min_size=1))
def test_two_loops_are_timed_to_the_best_score_that_both_reach(
    ours: list[float], plain: list[float]
) -> None:
    sides = [[Measurement(n, n, score) for n, score in enumerate(side)] for side in (ours, plain)]
    score = min(best(measurements).score for measurements in sides)
    for measurements in sides:
        reached = first(measurements, score)
        assert reached.score >= score
        assert all(each.score < score for each in measurements[: reached.steps])
