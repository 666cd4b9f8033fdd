"""A whole image: how long each loop takes to reach the same score."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from bench.markdown import table
from bench.speed.baseline import PlainLoop, text_similarity
from bench.speed.loops import CPU, OURS, PLAIN, load, prompts, recipe_of, stepper
from bench.speed.spread import ratio
from bench.speed.timing import show_progress
from engine.synthesis.config import CONFIGS
from engine.synthesis.renderer import Renderer
from engine.synthesis.request import RenderRequest

CHECK_STEPS = 10
"""Steps between two measurements of an image's score."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """The score of an unfinished image after some seconds and steps."""

    seconds: float
    steps: int
    score: float


def measure(quick: bool) -> tuple[str, Any]:
    """Measures how long each loop takes to reach the best score that both reach."""
    texts = prompts(2 if quick else 16)
    limit = 100 if quick else 1000
    for side in (PLAIN, OURS):
        warm_up = stepper(side, "sketch", 64, 8)
        warm_up(), warm_up()
    rows: list[Sequence[object]] = [
        ("", "ours: best", "plain: best", "ours, s", "plain, s", "plain / ours", "ours to end, s")
    ]
    numbers: list[dict[str, Any]] = []
    for seed, text in enumerate(texts):
        ours = list(_measure_ours(text, seed))
        plain = list(_measure_plain(text, seed, best(ours).score, limit))
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
    plain_s, ours_s, whole_s = ([row[key] for row in numbers] for key in (PLAIN, OURS, "whole"))
    text = (
        f"To the same score, plain / ours: {ratio(plain_s, ours_s)}. Until ours ends, once nothing "
        f"improves: {ratio(plain_s, whole_s)}. The score is the similarity of the whole image to "
        "the text by the model's own CLIP, which both optimise. It is measured every "
        f"{CHECK_STEPS} steps, which the times do not include. The score to reach is the best that "
        f"both reach, the plain loop within {limit} steps. What the image shows is judged by "
        "`bench.quality` alone."
    )
    return f"{table(rows[0], rows[1:])}\n\n{text}", numbers


def best(measurements: Sequence[Measurement]) -> Measurement:
    return max(measurements, key=lambda each: each.score)


def first(measurements: Sequence[Measurement], score: float) -> Measurement:
    """The first measurement with at least this score; there must be one."""
    return next(each for each in measurements if each.score >= score)


def _measure_ours(text: str, seed: int) -> Iterator[Measurement]:
    """Measures our loop until the image is done."""
    model = load(OURS, "sketch")
    start = time.perf_counter()
    renderer = Renderer(model, CPU)
    renderer.add(RenderRequest(0, recipe_of("sketch", text, seed)))
    seconds = time.perf_counter() - start
    while renderer.job_ids:
        start = time.perf_counter()
        (output,) = renderer.step()
        shown = output.images() if output.step % CHECK_STEPS == 0 or output.done else []
        seconds += time.perf_counter() - start
        for image in shown:
            yield Measurement(seconds, output.step, text_similarity(model.perceptor, image, text))


def _measure_plain(text: str, seed: int, target: float, limit: int) -> Iterator[Measurement]:
    """Measures the plain loop until its score is high enough, or for this many steps."""
    model = load(PLAIN, "sketch")
    start = time.perf_counter()
    loop = PlainLoop(model, text, 64, 64, CONFIGS["sketch"].cutouts.count, seed)
    seconds, score = time.perf_counter() - start, -1.0
    for steps in range(CHECK_STEPS, limit + 1, CHECK_STEPS):
        start = time.perf_counter()
        for _ in range(CHECK_STEPS):
            loop.step()
        image = loop.image()
        seconds += time.perf_counter() - start
        score = text_similarity(model.perceptor, image, text)
        yield Measurement(seconds, steps, score)
        if score >= target:
            return
