"""Anything from outside keeps its law; `python -m tests.fuzz` tries for as long as wanted."""

import pytest
from hypothesis import HealthCheck, given, settings

from tests.outside import ATTACKS


@pytest.mark.parametrize("part", ATTACKS)
def test_whatever_comes_keeps_its_law(part: str) -> None:
    attack = ATTACKS[part]
    run = given(attack.examples)(attack.law)
    settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))(run)()
