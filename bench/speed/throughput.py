"""Many waiting jobs: images per hour of each loop."""

import itertools
import time
from collections.abc import Sequence
from typing import Any

from bench.markdown import table
from bench.speed.baseline import PlainLoop
from bench.speed.loops import CPU, OURS, PLAIN, STEPS, load, prompts, recipe_of
from bench.speed.timing import show_progress
from core.recipe import Recipe
from engine.renderer_handle import images_at_a_time
from engine.synthesis.config import CONFIGS
from engine.synthesis.output import StepOutput
from engine.synthesis.renderer import Renderer
from engine.synthesis.request import RenderRequest

ROWS = images_at_a_time("cpu", side=64)
"""Images that the engine renders at a time on a CPU."""


def measure(quick: bool) -> tuple[str, Any]:
    """Images per hour while jobs wait: ours in batches, the usual loop's one by one."""
    steps, texts = STEPS["sketch"], prompts(64)
    rows: list[Sequence[object]] = [("jobs waiting", "plain", "ours", "ours / plain")]
    numbers = {}
    for waiting in (1, 4) if quick else (1, 4, 16, 64):
        enough = min(16, max(4, waiting))
        began = time.perf_counter()
        _plain_images(texts[:2], steps)
        plain = 3600 * 2 / (time.perf_counter() - began)
        recipes = [
            recipe_of("sketch", text, seed, steps=steps)
            for seed, text in enumerate(texts[: max(4, waiting)])
        ]
        began = time.perf_counter()
        renderer = Renderer(load(OURS, "sketch"), CPU)
        _painted(renderer, recipes[::-1], enough, rows=min(waiting, ROWS))
        ours = 3600 * enough / (time.perf_counter() - began)
        numbers[waiting] = {PLAIN: plain, OURS: ours}
        rows.append((waiting, f"{plain:.0f}", f"{ours:.0f}", f"{ours / plain:.2f}"))
        show_progress(rows[-1])
    text = (
        f"Images of 64 × 64 per hour, {steps} steps with {CONFIGS['sketch'].cutouts.count} "
        f"cutouts, for various prompts. Ours renders {ROWS} at a time, and stops early. With 1 job "
        "waiting, four are rendered one after the other; with 64, the first 16 to finish are "
        "counted. The plain loop renders one after the other in any case; two are measured each "
        "time."
    )
    return f"{text}\n\n{table(rows[0], rows[1:])}", numbers


def _plain_images(texts: Sequence[str], steps: int) -> None:
    model, cutouts = load(PLAIN, "sketch"), CONFIGS["sketch"].cutouts.count
    for seed, text in enumerate(texts):
        loop = PlainLoop(model, text, 64, 64, cutouts, seed)
        for _ in range(steps):
            loop.step()


def _painted(
    renderer: Renderer, waiting: list[Recipe], enough: int, rows: int = ROWS
) -> list[StepOutput]:
    """Keeps `rows` images in the batch; returns the first `enough` final outputs."""
    done: list[StepOutput] = []
    ids = itertools.count(1)
    while len(done) < enough:
        while waiting and len(renderer.job_ids) < rows:
            renderer.add(RenderRequest(next(ids), waiting.pop()))
        for output in renderer.step():
            if output.fault:
                raise RuntimeError(output.fault)
            if output.done:
                done.append(output)
    return done
