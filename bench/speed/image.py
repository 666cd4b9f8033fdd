"""A whole image: how long each loop takes to match the text as well as the other."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from bench.markdown import table
from bench.speed.baseline import PlainLoop, nearness
from bench.speed.loops import CPU, OURS, PLAIN, load, prompts, recipe_of, stepper
from bench.speed.spread import ratio
from bench.speed.timing import show_progress
from engine.synthesis.config import CONFIGS
from engine.synthesis.renderer import Renderer
from engine.synthesis.request import RenderRequest

CHECK = 10
"""Steps between two measurements of an image's score."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """The score of an unfinished image after some seconds and steps."""

    seconds: float
    steps: int
    score: float


def measure(quick: bool) -> tuple[str, Any]:
    """How long each loop takes to reach the same score.

    The score is the best that both reach.
    """
    texts = prompts(2 if quick else 16)
    longest = 100 if quick else 1000
    for side in (PLAIN, OURS):
        warm = stepper(side, "sketch", 64, 8)
        warm(), warm()
    rows: list[Sequence[object]] = [
        ("", "ours: best", "plain: best", "ours, s", "plain, s", "plain / ours", "ours to end, s")
    ]
    numbers: list[dict[str, Any]] = []
    for seed, text in enumerate(texts):
        ours = list(_measure_ours(text, seed))
        plain = list(_measure_plain(text, seed, best(ours).score, longest))
        score = min(best(ours).score, best(plain).score)
        reached = {OURS: first(ours, score), PLAIN: first(plain, score)}
        seconds = {side: each.seconds for side, each in reached.items()}
        whole = ours[-1].seconds
        numbers.append({"text": text, "score": score, **seconds, "whole": whole})
        bests = (f"{best(measurements).score:.3f}" for measurements in (ours, plain))
        times = (f"{seconds[side]:.1f}" for side in (OURS, PLAIN))
        times_as_fast = f"{seconds[PLAIN] / seconds[OURS]:.1f}"
        rows.append((text, *bests, *times, times_as_fast, f"{whole:.1f}"))
        show_progress(rows[-1])
    plain_s, ours_s, whole_s = ([one[key] for one in numbers] for key in (PLAIN, OURS, "whole"))
    text = (
        f"To the same score, plain / ours: {ratio(plain_s, ours_s)}. Until ours ends, once nothing "
        f"improves: {ratio(plain_s, whole_s)}. The score is the similarity of the whole image to "
        "the text by the model's own CLIP, which both optimise. It is measured every "
        f"{CHECK} steps, which the times do not include. The score to reach is the best that both "
        f"reach, the plain loop within {longest} steps. What the image shows is judged by "
        "`bench.quality` alone."
    )
    return f"{table(rows[0], rows[1:])}\n\n{text}", numbers


def best(measurements: Sequence[Measurement]) -> Measurement:
    return max(measurements, key=lambda each: each.score)


def first(measurements: Sequence[Measurement], score: float) -> Measurement:
    """The first that reaches the score; there must be one."""
    return next(each for each in measurements if each.score >= score)


def _measure_ours(text: str, seed: int) -> Iterator[Measurement]:
    """Measures our loop until the image is done."""
    model = load(OURS, "sketch")
    began = time.perf_counter()
    renderer = Renderer(model, CPU)
    renderer.add(RenderRequest(0, recipe_of("sketch", text, seed)))
    seconds = time.perf_counter() - began
    while renderer.job_ids:
        began = time.perf_counter()
        (output,) = renderer.step()
        shown = output.images() if output.step % CHECK == 0 or output.done else []
        seconds += time.perf_counter() - began
        for image in shown:
            yield Measurement(seconds, output.step, nearness(model.perceptor, image, text))


def _measure_plain(text: str, seed: int, enough: float, longest: int) -> Iterator[Measurement]:
    """Measures the plain loop until its score is high enough, or for this many steps."""
    model = load(PLAIN, "sketch")
    began = time.perf_counter()
    loop = PlainLoop(model, text, 64, 64, CONFIGS["sketch"].cutouts.count, seed)
    seconds, score = time.perf_counter() - began, -1.0
    for taken in range(CHECK, longest + 1, CHECK):
        began = time.perf_counter()
        for _ in range(CHECK):
            loop.step()
        image = loop.image()
        seconds += time.perf_counter() - began
        score = nearness(model.perceptor, image, text)
        yield Measurement(seconds, taken, score)
        if score >= enough:
            return
