"""Held-out prompts: words that the sketch model knows, in phrasings that no training caption has.

Each has a scene that matches it. A drawing of that scene, scored by the same judges, is the
ceiling.
"""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from training.data.drawn_captions import with_article
from training.data.drawn_scenes import COLOURS, SHAPES, Figure, Scene

SINGLES = 77
PAIRS = 33
WATERMARKED = 18
WITHOUT_COLOUR = 44


@dataclass(frozen=True, slots=True)
class BenchmarkPrompt:
    """A prompt, and a scene that matches it.

    `kind` is one of KINDS; `named` are the facts that the text states (in the words of
    `training.data.drawn_scenes.facts`), all true of `scene`. Prompts of the kinds watermark and
    colour come in pairs, without and with an `exclude`; the second one's `scene` does not show what
    it excludes.
    """

    kind: str
    include: str
    scene: Scene
    named: frozenset[str]
    exclude: str = ""


KINDS = ("single", "two", "landscape", "watermark", "colour")


def practice() -> list[BenchmarkPrompt]:
    """Practice prompts of the kind colour, for tuning; none is held out."""
    # Shapes and colours repeat after 77 prompts, here with other wordings.
    return list(_coloured(range(SINGLES, SINGLES + PAIRS), TWO_WORDINGS[1::-1]))


def held_out(limit: int | None = None) -> list[BenchmarkPrompt]:
    """The prompts, kind by kind; with a limit, fewer of each kind in the same proportions."""
    coloured = _coloured(range(PAIRS, PAIRS + WITHOUT_COLOUR), TWO_WORDINGS[:2])
    kinds = [list(kind) for kind in (_singles(), _twos(), _landscapes(), _watermarked(), coloured)]
    if limit is None:
        return [prompt for kind in kinds for prompt in kind]
    share = limit / sum(map(len, kinds))
    # An even number of each kind, because some prompts come in pairs: without and with the exclude.
    return [prompt for kind in kinds for prompt in kind[: max(2, 2 * round(len(kind) * share / 2))]]


# One shape

SINGLE_WORDINGS = (
    "a {ground} background with {figure}",
    "the {plain} on {a_ground} background",
    "{figure} in the center, {ground} background",
    "a picture with {figure} on {a_ground} ground",
    "a {ground} ground and {figure} on it",
)


def _singles() -> Iterator[BenchmarkPrompt]:
    """Covers every colour with every shape, because 11 and 7 have no common divisor."""
    for i in range(SINGLES):
        colour, shape = _colour_and_shape(i)
        ground = _background_for(i, colour)
        text = SINGLE_WORDINGS[i % len(SINGLE_WORDINGS)].format(
            figure=with_article(f"{colour} {shape}"),
            plain=f"{colour} {shape}",
            ground=ground,
            a_ground=with_article(ground),
        )
        text = text.replace("a orange", "an orange")
        scene = Scene((Figure(shape, colour, 0.5, 0.5, 0.27, 0.1),), ground, jitter=i)
        yield BenchmarkPrompt("single", text, scene, frozenset({colour, shape, f"{ground} ground"}))


def _colour_and_shape(i: int) -> tuple[str, str]:
    return list(COLOURS)[i % len(COLOURS)], SHAPES[i % len(SHAPES)]


def _background_for(i: int, colour: str) -> str:
    """White for every other prompt, otherwise each colour in turn; never the figure's own."""
    ground = "white" if i % 2 == 0 else list(COLOURS)[(i // 2) % len(COLOURS)]
    return ground if ground != colour else "gray" if colour != "gray" else "white"


# Two shapes

TWO_WORDINGS = (
    "the {first} and the {second}",
    "a picture with a {first} and a {second}",
    "a {first}, a {second}",
    "one {first} and one {second}",
)


def _two(i: int, wording: str) -> BenchmarkPrompt:
    colour, shape = _colour_and_shape(3 * i)
    other_colour, other_shape = _colour_and_shape(3 * i + 5)
    ground = next(c for c in ("white", "gray", "black") if c not in (colour, other_colour))
    figures = (
        Figure(shape, colour, 0.27, 0.5, 0.18, 0.1),
        Figure(other_shape, other_colour, 0.73, 0.5, 0.18, -0.1),
    )
    text = wording.format(first=f"{colour} {shape}", second=f"{other_colour} {other_shape}")
    named = {colour, other_colour, shape, other_shape}
    named |= {f"{colour} {shape}", f"{other_colour} {other_shape}"}
    text = text.replace("a orange", "an orange")
    return BenchmarkPrompt("two", text, Scene(figures, ground, jitter=i), frozenset(named))


def _twos() -> Iterator[BenchmarkPrompt]:
    for i in range(PAIRS):
        yield _two(i, TWO_WORDINGS[i % len(TWO_WORDINGS)])


# Landscapes

LANDSCAPES: tuple[tuple[str, str, str, tuple[str, ...], tuple[str, ...]], ...] = (
    # text, land, time, elements, and which of land and time the text names
    ("the moon in the night sky, the sea", "sea", "night", ("moon",), ("sea", "night")),
    ("a house, trees and the sun", "hills", "day", ("house", "trees", "sun"), ()),
    ("snow, pine trees and stars by night", "snow", "night", ("trees", "stars"), ("snow", "night")),
    ("clouds in a blue sky, green hills", "hills", "day", ("clouds",), ("hills", "day")),
    ("a picture with the sun over the ocean in the evening", "sea", "sunset", ("sun",),
     ("sea", "sunset")),
    ("at sunset the hills and a house", "hills", "sunset", ("house",), ("hills", "sunset")),
    ("night, stars, the moon and snowy hills", "snow", "night", ("stars", "moon"),
     ("snow", "night")),
    ("a landscape by day with trees and clouds", "hills", "day", ("trees", "clouds"), ("day",)),
    ("in the snow, a small house during the day", "snow", "day", ("house",), ("snow", "day")),
    ("by night the ocean under many stars", "sea", "night", ("stars",), ("sea", "night")),
    ("in the evening, clouds over rolling hills", "hills", "sunset", ("clouds",),
     ("hills", "sunset")),
    ("trees by a house on snowy hills", "snow", "day", ("trees", "house"), ("snow",)),
    ("the sun, clouds, the sea", "sea", "day", ("sun", "clouds"), ("sea",)),
    ("the moon over trees at night", "hills", "night", ("moon", "trees"), ("night",)),
    ("a house under the moon", "hills", "night", ("house", "moon"), ()),
    ("snow at sunset, the sun", "snow", "sunset", ("sun",), ("snow", "sunset")),
    ("stars, hills, night", "hills", "night", ("stars",), ("hills", "night")),
    ("a picture with trees by the sea", "sea", "day", ("trees",), ("sea",)),
    ("the sun above the snow by day", "snow", "day", ("sun",), ("snow", "day")),
    ("evening, a house, the ocean", "sea", "sunset", ("house",), ("sea", "sunset")),
    ("clouds, a house, some trees", "hills", "day", ("clouds", "house", "trees"), ()),
    ("the moon, stars, many trees", "hills", "night", ("moon", "stars", "trees"), ()),
    ("the night sky with the moon over snow", "snow", "night", ("moon",), ("snow", "night")),
    ("a landscape at sunset with the sun and clouds", "hills", "sunset", ("sun", "clouds"),
     ("sunset",)),
)  # fmt: skip


def _landscapes() -> Iterator[BenchmarkPrompt]:
    for i, (text, land, time, elements, also) in enumerate(LANDSCAPES):
        scene = Scene(land=land, time=time, elements=frozenset(elements), jitter=i)
        yield BenchmarkPrompt("landscape", text, scene, frozenset((*elements, *also)))


# With and without an exclude

WATERMARK_WORDINGS = (
    "a watermark on {a}",
    "{a} and a watermark",
    "the {plain} stamped with the watermark",
    "a picture with a watermark and {a}",
)


def _watermarked() -> Iterator[BenchmarkPrompt]:
    """One shape with a watermark, and the same with the watermark excluded."""
    for i in range(WATERMARKED):
        colour, shape = _colour_and_shape(4 * i + 1)
        ground = "white" if colour != "white" else "blue"
        plain = f"{colour} {shape}"
        text = WATERMARK_WORDINGS[i % len(WATERMARK_WORDINGS)].format(
            a=with_article(plain), plain=plain
        )
        figure = Figure(shape, colour, 0.5, 0.5, 0.27, 0.1)
        scene = Scene((figure,), ground, watermark=True, jitter=i)
        with_watermark = BenchmarkPrompt(
            "watermark", text, scene, frozenset({colour, shape, "watermark"})
        )
        yield with_watermark
        yield replace(
            with_watermark,
            scene=replace(scene, watermark=False),
            named=frozenset({colour, shape}),
            exclude="watermark",
        )


def _coloured(indices: Iterable[int], wordings: Iterable[str]) -> Iterator[BenchmarkPrompt]:
    """Two shapes of two colours, and the same with the first one's colour excluded."""
    for i, wording in zip(indices, itertools.cycle(wordings), strict=False):
        both = replace(_two(i, wording), kind="colour")
        first, second = both.scene.figures
        named = {second.colour, second.shape, f"{second.colour} {second.shape}"}
        yield both
        yield replace(
            both,
            scene=replace(both.scene, figures=(second,)),
            named=frozenset(named),
            exclude=first.colour,
        )
