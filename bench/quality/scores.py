"""Scores an image: compares what the judges find in it with what the prompt requests."""

from collections.abc import Iterator
from dataclasses import dataclass

from bench.quality.prompts import BenchmarkPrompt
from training.data.drawn_scenes import SKIES, THINGS, TIMES
from training.judges.overlap import Analysis

OVERLAP, CNN = "overlap", "CNN"
Facts = frozenset[str]


@dataclass(frozen=True, slots=True)
class Score:
    """One judge's yes or no for one measure."""

    measure: str
    judge: str
    hit: bool


def scores(prompt: BenchmarkPrompt, analysis: Analysis, facts: Facts) -> Iterator[Score]:
    """Both judges' scores of one image: `analysis` is by the overlap judge, `facts` by the CNN."""
    match prompt.kind:
        case "single":
            yield from _single(prompt, analysis, facts)
        case "two":
            measure = "two shapes: both, with their colours"
            yield Score(measure, OVERLAP, _requested_kinds(prompt) <= _found_kinds(analysis))
            yield Score(measure, CNN, _requested_words(prompt) <= facts)
        case "landscape":
            yield from _landscape(prompt, facts)
        case "watermark":
            exclusion = _exclusion(prompt)
            yield Score(f"watermark present, {exclusion}", CNN, "watermark" in facts)
            # A watermark cuts a figure into pieces, which only the CNN can handle.
            yield Score(
                f"its shape and colour, {exclusion}", CNN, _requested_words(prompt) <= facts
            )
        case "colour":
            yield from _coloured(prompt, analysis, facts)


def _single(prompt: BenchmarkPrompt, analysis: Analysis, facts: Facts) -> Iterator[Score]:
    (figure,) = prompt.scene.figures
    first = analysis.figures[0] if analysis.figures else None
    colour, shape = first and first.colour == figure.colour, first and first.shape == figure.shape
    yield Score("one shape: colour", OVERLAP, bool(colour))
    yield Score("one shape: colour", CNN, figure.colour in facts)
    yield Score("one shape: shape", OVERLAP, bool(shape))
    yield Score("one shape: shape", CNN, figure.shape in facts)
    yield from _first_figure(prompt, analysis, facts, "one shape: shape and colour both")
    ground = prompt.scene.ground
    yield Score("one shape: background’s colour", OVERLAP, analysis.ground == ground)
    yield Score("one shape: background’s colour", CNN, f"{ground} ground" in facts)


def _first_figure(
    prompt: BenchmarkPrompt, analysis: Analysis, facts: Facts, measure: str
) -> Iterator[Score]:
    """Whether the largest figure is the requested one."""
    figure = prompt.scene.figures[0]
    kinds = [(f.colour, f.shape) for f in analysis.figures[:1]]
    yield Score(measure, OVERLAP, kinds == [(figure.colour, figure.shape)])
    yield Score(measure, CNN, {figure.colour, figure.shape} <= facts)


def _landscape(prompt: BenchmarkPrompt, facts: Facts) -> Iterator[Score]:
    for fact in sorted(prompt.named):
        if fact in (*SKIES, *THINGS):
            yield Score("landscapes: each named element", CNN, fact in facts)
        elif fact in TIMES:
            yield Score("landscapes: time of day", CNN, fact in facts)
        else:
            yield Score("landscapes: hills, sea or snow", CNN, fact in facts)


def _coloured(prompt: BenchmarkPrompt, analysis: Analysis, facts: Facts) -> Iterator[Score]:
    colour = prompt.exclude or prompt.scene.figures[0].colour
    measure = f"colour to exclude present, {_exclusion(prompt)}"
    shown = {analysis.ground, *(figure.colour for figure in analysis.figures)}
    yield Score(measure, OVERLAP, colour in shown)
    yield Score(measure, CNN, colour in facts)
    other = prompt.scene.figures[-1]
    measure = f"the other shape and its colour, {_exclusion(prompt)}"
    yield Score(measure, OVERLAP, (other.colour, other.shape) in _found_kinds(analysis))
    yield Score(measure, CNN, {other.colour, other.shape} <= facts)


def _exclusion(prompt: BenchmarkPrompt) -> str:
    return "excluded" if prompt.exclude else "not excluded"


def _requested_kinds(prompt: BenchmarkPrompt) -> set[tuple[str, str]]:
    return {(figure.colour, figure.shape) for figure in prompt.scene.figures}


def _found_kinds(analysis: Analysis) -> set[tuple[str, str]]:
    return {(figure.colour, figure.shape) for figure in analysis.figures}


def _requested_words(prompt: BenchmarkPrompt) -> set[str]:
    return {word for kind in _requested_kinds(prompt) for word in kind}
