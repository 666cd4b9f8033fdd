"""Which of several defaults holds."""

from dataclasses import asdict

from hypothesis import given
from hypothesis import strategies as st

from core.defaults import Defaults, merged

ANY = st.from_type(Defaults)


@given(st.lists(ANY, max_size=4))
def test_each_value_is_the_first_that_is_set(layers: list[Defaults]) -> None:
    for name, value in asdict(merged(layers)).items():
        values = [v for each in layers if (v := getattr(each, name)) is not None]
        assert value == (values[0] if values else None)
