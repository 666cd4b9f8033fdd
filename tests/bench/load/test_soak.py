"""The report of a soak test says what grows."""

from collections import Counter
from dataclasses import replace

from bench.load.soak import MEASURES, Soak
from bench.load.soak import report as soak_report


def test_the_report_says_what_grows() -> None:
    moments = [10.0 * number for number in range(60)]
    flat = [[50.0] * len(MEASURES) for _ in moments]
    soak = Soak(10, moments, flat, Counter(requests=5), Counter(done=5))
    assert "YES" not in soak_report(soak)
    for line, sample in enumerate(flat):
        sample[-1] += line
    lines = soak_report(soak).splitlines()
    assert [line for line in lines if "YES" in line] == [
        line for line in lines if line.startswith(f"| {MEASURES[-1].name}")
    ]
    assert "all were shown" in lines[-1]
    assert "NOT shown were 2" in soak_report(replace(soak, not_shown=2))
