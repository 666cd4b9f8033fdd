"""The score to which both loops are timed."""

from hypothesis import given
from hypothesis import strategies as st

from bench.speed.image import Look, best, first


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
