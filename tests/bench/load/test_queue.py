"""The verdict names every slow query."""

from bench.load.queue import BOUND, LIMIT, verdict
from bench.load.statistics import Times


def test_a_slow_question_is_named() -> None:
    quick, slow = Times([LIMIT / 2]), Times([LIMIT, 2 * LIMIT])
    assert verdict(dict.fromkeys(BOUND, quick), 1000).startswith("All of these")
    sentence = verdict(dict.fromkeys(BOUND, quick) | {"claim": slow}, 1000)
    assert sentence.startswith("NOT below 50 ms")
    assert sentence.endswith(": claim.")
