"""Scores an image by what the judges find in it, compared with what was asked for."""

from collections.abc import Iterator
from dataclasses import dataclass

from bench.quality.prompts import Asked
from training.data.drawn_scenes import SKIES, THINGS, TIMES
from training.judges.overlap import Seen

OVERLAP, CNN = "overlap", "CNN"
Names = frozenset[str]


@dataclass(frozen=True, slots=True)
class Score:
    """One judge's yes or no for one measure."""

    measure: str
    judge: str
    hit: bool


def scores(asked: Asked, seen: Seen, names: Names) -> Iterator[Score]:
    """Both judges' scores of one image: `seen` is from the overlap judge, `names` from the CNN."""
    match asked.kind:
        case "single":
            yield from _single(asked, seen, names)
        case "two":
            measure = "two shapes: both, with their colours"
            yield Score(measure, OVERLAP, _kinds(asked) <= _kinds_of(seen))
            yield Score(measure, CNN, _words(asked) <= names)
        case "landscape":
            yield from _landscape(asked, names)
        case "watermark":
            how = _how(asked)
            yield Score(f"watermark present, {how}", CNN, "watermark" in names)
            # A watermark cuts a figure into pieces, which only the CNN can handle.
            yield Score(f"its shape and colour, {how}", CNN, _words(asked) <= names)
        case "colour":
            yield from _coloured(asked, seen, names)


def _single(asked: Asked, seen: Seen, names: Names) -> Iterator[Score]:
    (figure,) = asked.scene.figures
    first = seen.figures[0] if seen.figures else None
    colour, shape = first and first.colour == figure.colour, first and first.shape == figure.shape
    yield Score("one shape: colour", OVERLAP, bool(colour))
    yield Score("one shape: colour", CNN, figure.colour in names)
    yield Score("one shape: shape", OVERLAP, bool(shape))
    yield Score("one shape: shape", CNN, figure.shape in names)
    yield from _first_figure(asked, seen, names, "one shape: shape and colour both")
    ground = asked.scene.ground
    yield Score("one shape: background’s colour", OVERLAP, seen.ground == ground)
    yield Score("one shape: background’s colour", CNN, f"{ground} ground" in names)


def _first_figure(asked: Asked, seen: Seen, names: Names, measure: str) -> Iterator[Score]:
    """Whether the largest figure is the requested one."""
    figure = asked.scene.figures[0]
    kinds = [(f.colour, f.shape) for f in seen.figures[:1]]
    yield Score(measure, OVERLAP, kinds == [(figure.colour, figure.shape)])
    yield Score(measure, CNN, {figure.colour, figure.shape} <= names)


def _landscape(asked: Asked, names: Names) -> Iterator[Score]:
    for fact in sorted(asked.named):
        if fact in (*SKIES, *THINGS):
            yield Score("landscapes: each named element", CNN, fact in names)
        elif fact in TIMES:
            yield Score("landscapes: time of day", CNN, fact in names)
        else:
            yield Score("landscapes: hills, sea or snow", CNN, fact in names)


def _coloured(asked: Asked, seen: Seen, names: Names) -> Iterator[Score]:
    colour = asked.exclude or asked.scene.figures[0].colour
    measure = f"colour to exclude present, {_how(asked)}"
    shown = {seen.ground, *(figure.colour for figure in seen.figures)}
    yield Score(measure, OVERLAP, colour in shown)
    yield Score(measure, CNN, colour in names)
    other = asked.scene.figures[-1]
    measure = f"the other shape and its colour, {_how(asked)}"
    yield Score(measure, OVERLAP, (other.colour, other.shape) in _kinds_of(seen))
    yield Score(measure, CNN, {other.colour, other.shape} <= names)


def _how(asked: Asked) -> str:
    return "excluded" if asked.exclude else "not excluded"


def _kinds(asked: Asked) -> set[tuple[str, str]]:
    return {(figure.colour, figure.shape) for figure in asked.scene.figures}


def _kinds_of(seen: Seen) -> set[tuple[str, str]]:
    return {(figure.colour, figure.shape) for figure in seen.figures}


def _words(asked: Asked) -> set[str]:
    return {word for kind in _kinds(asked) for word in kind}
