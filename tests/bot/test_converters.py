"""Durations as moderators type them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.converters import parse_duration

UNITS = {"m": 60, "h": 3600, "d": 86400, "w": 604800}


@pytest.mark.parametrize("text", ["", "0m", "soon", "5", "h", "-1h", "1h!", "1y", "99999d", "1.5h"])
def test_an_invalid_duration_gives_none(text: str) -> None:
    assert parse_duration(text) is None


@given(
    st.lists(st.tuples(st.integers(1, 9999), st.sampled_from("mhdw")), min_size=1, max_size=4),
    st.sampled_from(["", " "]),
)
def test_parts_add_up(parts: list[tuple[int, str]], gap: str) -> None:
    typed = gap.join(f"{count}{unit}" for count, unit in parts)
    assert parse_duration(typed.upper()) == sum(count * UNITS[unit] for count, unit in parts)
