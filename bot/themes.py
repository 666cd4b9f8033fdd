"""Themes to vote for: what is on offer, and which one has won. Pure functions."""

from collections.abc import Iterable, Mapping, Sequence
from random import Random

from core.i18n import gettext, gettext_noop

THEMES_PER_VOTE = 5
"""How many themes a vote offers."""

MAX_THEME_LENGTH = 40
"""Characters of a theme that fit into the custom id of the button that requests it."""

THEMES = {
    "sketch": (  # which only knows English
        "a house under the sun",
        "the moon over snowy hills",
        "a yellow star and a blue heart",
        "trees and hills at night",
        "a red circle on a white background",
        "two stars over the hills",
    ),
    "": (
        gettext_noop("a lighthouse at night"),
        gettext_noop("a castle in the snow"),
        gettext_noop("a sailboat on the sea"),
        gettext_noop("a house with a garden"),
        gettext_noop("an owl and the moon"),
        gettext_noop("a dragon in the clouds"),
        gettext_noop("a cat and a dog"),
        gettext_noop("a birthday cake"),
        gettext_noop("a volcano"),
        gettext_noop("sunflowers in the sun"),
        gettext_noop("a robot"),
        gettext_noop("mushrooms in the forest"),
        gettext_noop("a palm tree on an island"),
        gettext_noop("a rocket and stars"),
        gettext_noop("a whale in the sea"),
        gettext_noop("a rainbow and the sun"),
        gettext_noop("a fox in the forest"),
        gettext_noop("a butterfly on a flower"),
        gettext_noop("a teddy bear"),
        gettext_noop("a turtle on the beach"),
        gettext_noop("a snowman in winter"),
        gettext_noop("a bird in a tree"),
    ),
}
"""Themes by model; "" is for all others."""


def themes(model: str) -> list[str]:
    """Themes that this model understands, in the current language."""
    return [gettext(theme) for theme in THEMES.get(model, THEMES[""])]


def draw_themes(
    own: Iterable[str], built_in: Iterable[str], last: str | None, seed: str
) -> list[str]:
    """Draws the themes of a vote: a server's own first, without the previous winner.

    The same seed draws the same themes.
    """
    random = Random(seed)
    drawn: list[str] = []
    for pool in (own, built_in):
        rest = [theme for theme in dict.fromkeys(pool) if theme not in (last, *drawn)]
        drawn += random.sample(rest, min(len(rest), THEMES_PER_VOTE - len(drawn)))
    return drawn


def winners(votes: Mapping[str, int]) -> Sequence[str]:
    """The themes with the most votes; none if nobody voted."""
    most = max(votes.values(), default=0)
    return [theme for theme, count in votes.items() if most and count == most]
