"""The image check's benchmark: the rates of both errors, and which threshold is chosen."""

from hypothesis import given
from hypothesis import strategies as st

from bench.quality.image_check import MAX_MISSED, THINGS, THRESHOLDS, choose, images, rates_at

scores = st.lists(st.floats(-1, 1), min_size=1)


@given(scores, scores)
def test_a_higher_threshold_misses_more_and_has_fewer_false_alarms(
    positives: list[float], negatives: list[float]
) -> None:
    rates = [rates_at(threshold, positives, negatives) for threshold in THRESHOLDS]
    assert [each.missed for each in rates] == sorted(each.missed for each in rates)
    alarms = [each.false_alarms for each in rates]
    assert alarms == sorted(alarms, reverse=True)
    best = choose(rates)
    assert best.missed <= MAX_MISSED or best is rates[0]
    assert all(each.missed > MAX_MISSED for each in rates if each.threshold > best.threshold)


def test_the_sheet_has_an_image_for_each_name() -> None:
    assert [image.size for image in images()] == [(128, 128)] * len(THINGS)
