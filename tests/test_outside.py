"""Property tests of untrusted input; `python -m tests.fuzz` runs them for longer."""

import pytest
from hypothesis import HealthCheck, given, settings

from tests.outside import FUZZ_TARGETS


@pytest.mark.parametrize("part", FUZZ_TARGETS)
def test_untrusted_input_is_handled_safely(part: str) -> None:
    target = FUZZ_TARGETS[part]
    run = given(target.examples)(target.check)
    settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))(run)()
