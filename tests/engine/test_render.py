"""The progress line that `render` shows on a terminal."""

import re

from hypothesis import given
from hypothesis import strategies as st

from core.job import Progress
from engine.render import progress_line


@given(
    st.integers(1, 2000),
    st.floats(0, 1),
    st.floats(-1, 1),
    st.none() | st.floats(-1, 1),
    st.none() | st.floats(0, 1e5),
)
def test_a_program_can_parse_the_progress_line(
    steps: int, share: float, include: float, exclude: float | None, left: float | None
) -> None:
    step = round(share * steps)
    line = progress_line(Progress(step, steps, include, exclude, left))
    match = re.fullmatch(
        r"(█*)(░*) step (\d+)/(\d+) · include (-?\d\.\d{3})"
        r"(?: · exclude (-?\d\.\d{3}))?(?: · left (\d+):([0-5]\d))?",
        line,
    )
    assert match
    assert len(match[1] + match[2]) == 10
    assert (int(match[3]), int(match[4])) == (step, steps)
    assert abs(float(match[5]) - include) <= 0.0005001
    assert (match[6] is None) == (exclude is None)
    assert (match[7] is None) == (left is None)
    if left is not None:
        assert abs(int(match[7]) * 60 + int(match[8]) - left) <= 0.5
