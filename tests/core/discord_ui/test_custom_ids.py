"""Custom ids: what is encoded can be parsed, and nothing else can."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.discord_ui.custom_ids import ID, PAGE, TEXT, encode, template

LIST = template("page", list="history", page=PAGE, filter=TEXT)
JOB = template("vary", job_id=ID, row="[0-3]", optional={"row"})


@given(st.integers(0, 999_999), st.from_regex(rf"\A{TEXT}\Z"))
def test_a_custom_id_round_trips(page: int, text: str) -> None:
    match = LIST.fullmatch(encode("page", "history", page, text))
    assert match
    assert match.groupdict() == {"list": "history", "page": str(page), "filter": text}


def test_an_optional_part_may_be_missing() -> None:
    one, several = JOB.fullmatch("imagine:vary:12"), JOB.fullmatch("imagine:vary:12:3")
    assert one
    assert one.groupdict() == {"job_id": "12", "row": None}
    assert several
    assert several["row"] == "3"


@given(st.integers(min_value=0))
def test_an_accepted_number_fits_the_database(number: int) -> None:
    """SQLite holds integers below 2**63; Discord's own have up to 19 digits."""
    assert bool(JOB.fullmatch(encode("vary", number)[:100])) <= (number < 2**63)


@pytest.mark.parametrize("number", [2**63, 10**19, 10**20 - 1, 9 * 10**18])
def test_numbers_too_large_for_the_database_do_not_match(number: int) -> None:
    assert not JOB.fullmatch(f"imagine:vary:{number}")


def test_discord_ids_are_accepted() -> None:
    assert JOB.fullmatch(f"imagine:vary:{1_444_000_000_000_000_000}")


def test_a_custom_id_that_discord_would_refuse_is_an_error() -> None:
    with pytest.raises(ValueError, match="100"):
        encode("page", "x" * 100)
