"""How much a renderer is given to do at a time."""

import pytest

from engine.models import catalogue
from engine.painter import rows_at_a_time


@pytest.mark.parametrize(
    ("device", "pair", "rows"),
    [
        ("cpu", "sketch", 4),
        ("cpu", "imagenet", 1),
        ("cuda", "sketch", 16),
        ("cuda", "imagenet", 16),
    ],
)
def test_a_processor_paints_full_size_pictures_one_after_the_other(
    device: str, pair: str, rows: int
) -> None:
    assert rows_at_a_time(device, catalogue.find(pair).side) == rows
