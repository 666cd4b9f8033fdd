"""Themes on offer, and the one that wins."""

import pytest

from bot.themes import MAX_THEME_LENGTH, THEMES, THEMES_PER_VOTE, draw_themes, themes, winners
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
        assert max(len(theme) for model in THEMES for theme in themes(model)) <= MAX_THEME_LENGTH


def test_a_servers_own_themes_come_first_and_the_last_winner_is_left_out() -> None:
    offer = draw_themes(OWN, [*OWN, *"abcdef"], "a mole", "seed")
    assert offer[0] == "a beaver"
    assert len({*offer}) == THEMES_PER_VOTE
    assert "a mole" not in offer
    assert offer == draw_themes(OWN, [*OWN, *"abcdef"], "a mole", "seed")
    assert {*draw_themes("abcdefgh", OWN, None, "seed")} < {*"abcdefgh"}
    weeks = [tuple(draw_themes((), "abcdefgh", None, str(week))) for week in range(9)]
    assert len({*weeks}) > 1


def test_the_themes_with_the_most_votes_win() -> None:
    assert winners({"a": 1, "b": 3, "c": 3}) == ["b", "c"]
    assert winners({"a": 0, "b": 0}) == []
    assert winners({}) == []
