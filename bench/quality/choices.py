"""`python -m bench.quality.choices`: every choice of the method beside its alternatives.

One line for each, painted with the same prompts and seeds. Hit rates are those of `bench.quality`;
the time is processor time for a picture, as a multiple of the method's own in the same run.
"""

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch

from bench.quality.benchmark import PAINTED, Rate, judged, paint
from bench.quality.prompts import Asked, held_out
from bench.quality.scores import CNN, OVERLAP
from engine.device import description
from engine.models.pair import Pair, load_pair
from engine.synthesis import renderer
from engine.synthesis.method import METHODS, Method
from engine.synthesis.objective import Target
from engine.synthesis.renderer import Renderer
from engine.synthesis.rows import Rows

PAIR = "sketch"
STEPS = 100

MEASURES = {
    "one shape: shape and colour both": "one shape",
    "two shapes: both, with their colours": "two shapes",
    "landscapes: each named element": "landscape elements",
    "watermark there, excluded": "watermark, excluded",
    "its shape and colour, excluded": "its shape",
    "colour to exclude there, excluded": "colour, excluded",
    "the other shape and its colour, excluded": "the other shape",
}
"""What is shown of `bench.quality.scores`, and its heading."""


@dataclass(frozen=True, slots=True)
class Choice:
    """`changes` are fields of the method; without `prior` it is as with pairs that have none.

    What is no number of the method is replaced within `otherwise`.
    """

    name: str
    changes: dict[str, Any] = field(default_factory=dict)
    prior: bool = True
    otherwise: Callable[[Pair], AbstractContextManager[object]] = nullcontext


# -- what is no number of the method ---------------------------------------------------------


@contextmanager
def angles(_: Pair) -> Iterator[None]:
    """The loss of the usual programs: half the squared angle, which near 0 is 1 less the cosine."""

    def similarities(embedded: torch.Tensor, targets: Sequence[Target]) -> list[torch.Tensor]:
        by_row = embedded.view(len(targets), -1, embedded.shape[-1])
        cosines = [
            cutouts @ target.embeddings.t() for cutouts, target in zip(by_row, targets, strict=True)
        ]
        # Not quite to 1, where the angle has no gradient.
        angles = [cosine.clamp(-0.9999, 0.9999).arccos() for cosine in cosines]
        return [(1 - angle.square() / 2).mean(0) for angle in angles]

    with patch("engine.synthesis.objective.similarities", similarities):
        yield


def steady(_: Pair) -> AbstractContextManager[object]:
    """The learning rate stays what it is until the end."""
    return patch("engine.synthesis.rows.falling", lambda share: 1.0)


@contextmanager
def tied(pair: Pair) -> Iterator[None]:
    """Latents are drawn to the codes next to them, by the mean of the squared distance."""
    held = renderer._hold

    def hold(job: Rows) -> torch.Tensor | float:
        nearest = pair.vqgan.look_up(pair.vqgan.nearest_codes(job.latents.detach()))
        return held(job) + (job.latents - nearest).square().mean((1, 2, 3)).sum()

    with patch("engine.synthesis.renderer._hold", hold):
        yield


CHOICES = (
    Choice("as it is"),
    Choice("without the prior", prior=False),
    Choice("begun by the prior, not guided", {"guided": 0.0}),
    Choice("one beginning, not ranked", {"imagined": 1}),
    Choice("the nearest of 8", {"imagined": 8}),
    Choice("the nearest of 32", {"imagined": 32}),
    Choice("half the steps at half the size", {"coarsest": 32}),
    Choice("continuous latents", {"quantised": False}),
    Choice("spherical distance", otherwise=angles),
    Choice("learning rate 0.05", {"learning_rate": 0.05}),
    Choice("learning rate 0.2", {"learning_rate": 0.2}),
    Choice("a learning rate that never falls", otherwise=steady),
    Choice("4 cutouts", {"cutouts": 4}),
    Choice("16 cutouts", {"cutouts": 16}),
    Choice("cutouts from 0.8 of the side", {"smallest": 0.8, "largest": 1.1}),
    Choice("no noise, no colour", {"noise": 0.0, "colour": 0.0}),
    Choice("no total variation", {"smoothness": 0.0}),
    Choice("latents drawn to the codebook", otherwise=tied),
    Choice("excludes push without end", {"indifferent": -1.0}),
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.quality.choices", description=__doc__)
    parser.add_argument("--prompts", type=int, default=60, help="about so many, of every kind")
    parser.add_argument("--seeds", type=int, default=1, help="pictures of each prompt")
    parser.add_argument("--out", type=Path, default=Path("out/choices.md"))
    options = parser.parse_args()
    pair = load_pair(PAIR, Path("data"), torch.device("cpu"))
    asked = held_out(options.prompts)
    lines: list[str] = []
    own = 0.0
    for choice in CHOICES:
        rates, seconds = tried(choice, pair, METHODS[PAIR], asked, options.seeds)
        own = own or seconds
        more = [] if lines else heading(rates)
        more.append(line(choice.name, rates, seconds / own))
        print("\n".join(more), flush=True)
        lines += more
    pictures = len(asked) * options.seeds
    about = f"{pictures} pictures for each line, {STEPS} steps, {own:.1f} processor seconds each"
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text("\n".join([*lines, "", f"{about} as it is ({description()}).", ""]))


def tried(
    choice: Choice, pair: Pair, method: Method, asked: Sequence[Asked], seeds: int
) -> tuple[list[Rate], float]:
    """What the judges say of the pictures, and processor seconds for each of them."""
    pair = pair if choice.prior else replace(pair, prior=None)
    painting = Renderer(pair, torch.device("cpu"), replace(method, **choice.changes))
    began = time.process_time()
    with choice.otherwise(pair):
        painted = paint(painting, asked, seeds, STEPS)
    seconds = (time.process_time() - began) / len(painted)
    rates = judged(pair, [*asked] * seeds, painted)
    return [rate for rate in rates if rate.stage == PAINTED], seconds


def heading(rates: Sequence[Rate]) -> list[str]:
    """Beside each measure the number of what was judged."""
    counts = {rate.measure: rate.pictures for rate in rates}
    names = [f"{name} (n {counts[measure]})" for measure, name in MEASURES.items()]
    return [f"| | {' | '.join(names)} | time |", "| --- |" + " ---: |" * (len(names) + 1)]


def line(name: str, rates: Sequence[Rate], time_: float) -> str:
    """Per cent by the overlap judge / by the CNN, or by the CNN alone."""
    said = {(rate.measure, rate.judge): f"{rate.percent:.0f}" for rate in rates}
    cells = []
    for measure in MEASURES:
        cells.append(" / ".join(said[key] for j in (OVERLAP, CNN) if (key := (measure, j)) in said))
    return f"| {name} | {' | '.join(cells)} | {time_:.2f} |"


if __name__ == "__main__":
    main()
