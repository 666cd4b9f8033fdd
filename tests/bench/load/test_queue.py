"""The verdict names every slow query."""

from bench.load.queue import FAST_QUERIES, LIMIT, verdict
from bench.load.statistics import Times


def test_a_slow_query_is_named() -> None:
    quick, slow = Times([LIMIT / 2]), Times([LIMIT, 2 * LIMIT])
    assert "are below 50 ms" in verdict(dict.fromkeys(FAST_QUERIES, quick), 1000)
    sentence = verdict(dict.fromkeys(FAST_QUERIES, quick) | {"claim": slow}, 1000)
    assert sentence.endswith("are NOT below 50 ms: claim.")
