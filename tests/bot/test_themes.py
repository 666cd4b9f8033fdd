"""Themes on offer, and the one that wins."""

import pytest

from bot.themes import LONGEST, OFFERED, THEMES, offered, themes, winners
from core.i18n import languages, use_locale
from core.understanding.vocabulary import vocabulary_of

OWN = ["a mole", "a beaver"]


@pytest.mark.parametrize("language", ["en", *languages()])
def test_every_theme_is_understood_completely_and_fits_on_its_button(language: str) -> None:
    vocabulary = vocabulary_of("picturebook")
    assert vocabulary
    with use_locale(language):
        for theme in themes("picturebook"):
            understood = vocabulary.understand(theme)
            assert understood.things, theme
            assert not understood.unknown, theme
        assert max(len(theme) for model in THEMES for theme in themes(model)) <= LONGEST


def test_a_servers_own_themes_come_first_and_the_last_winner_is_left_out() -> None:
    offer = offered(OWN, [*OWN, *"abcdef"], "a mole", "seed")
    assert offer[0] == "a beaver"
    assert len({*offer}) == OFFERED
    assert "a mole" not in offer
    assert offer == offered(OWN, [*OWN, *"abcdef"], "a mole", "seed")
    assert {*offered("abcdefgh", OWN, None, "seed")} < {*"abcdefgh"}
    weeks = [tuple(offered((), "abcdefgh", None, str(week))) for week in range(9)]
    assert len({*weeks}) > 1


def test_the_themes_with_the_most_votes_win() -> None:
    assert winners({"a": 1, "b": 3, "c": 3}) == ["b", "c"]
    assert winners({"a": 0, "b": 0}) == []
    assert winners({}) == []
