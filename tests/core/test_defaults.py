"""Merging several layers of defaults."""

from dataclasses import asdict

from hypothesis import given
from hypothesis import strategies as st

from core.defaults import Defaults, merged

DEFAULTS = st.from_type(Defaults)


@given(st.lists(DEFAULTS, max_size=4))
def test_merging_takes_the_first_value_that_is_set(layers: list[Defaults]) -> None:
    for name, value in asdict(merged(layers)).items():
        values = [v for each in layers if (v := getattr(each, name)) is not None]
        assert value == (values[0] if values else None)
