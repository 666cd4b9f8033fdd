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
from engine.models import catalogue
from engine.renderer_handle import images_at_a_time
from engine.synthesis.config import CONFIGS
from engine.synthesis.output import StepOutput
from engine.synthesis.renderer import Renderer
from engine.synthesis.request import RenderRequest

MODELS = ("picturebook", "sketch")
"""The embedded models."""


def measure(quick: bool) -> tuple[str, Any]:
    """Measures images per hour while jobs wait: ours in batches, plain one by one."""
    tables, numbers = zip(*(_with_model(name, quick) for name in MODELS), strict=True)
    text = (
        "The plain loop renders one image after the other, and takes all steps; two are measured "
        "each time. Ours stops early. With 1 job waiting, four are rendered one after the other; "
        "with 64, the first 16 to finish are counted."
    )
    return "\n\n".join([text, *tables]), dict(zip(MODELS, numbers, strict=True))


def _with_model(name: str, quick: bool) -> tuple[str, Any]:
    steps, side = STEPS[name], catalogue.find(name).side
    texts, batch = prompts(64, name), images_at_a_time("cpu", side)
    rows: list[Sequence[object]] = [("jobs waiting", "plain", "ours", "ours / plain")]
    numbers = {}
    for waiting in (1, 4) if quick else (1, 4, 16, 64):
        wanted = min(16, max(4, waiting))
        start = time.perf_counter()
        _render_plain(name, texts[:2], steps)
        plain = 3600 * 2 / (time.perf_counter() - start)
        recipes = [
            recipe_of(name, text, seed, steps=steps)
            for seed, text in enumerate(texts[: max(4, waiting)])
        ]
        start = time.perf_counter()
        renderer = Renderer(load(OURS, name), CPU)
        _render(renderer, recipes[::-1], wanted, min(waiting, batch))
        ours = 3600 * wanted / (time.perf_counter() - start)
        numbers[waiting] = {PLAIN: plain, OURS: ours}
        rows.append((waiting, f"{plain:.0f}", f"{ours:.0f}", f"{ours / plain:.2f}"))
        show_progress(rows[-1])
    text = (
        f"Images of {side} × {side} by {name} per hour, {steps} steps with "
        f"{CONFIGS[name].cutouts.count} cutouts, various prompts; ours renders {batch} at a time:"
    )
    return f"{text}\n\n{table(rows[0], rows[1:])}", numbers


def _render_plain(name: str, texts: Sequence[str], steps: int) -> None:
    model, cutouts = load(PLAIN, name), CONFIGS[name].cutouts.count
    side = catalogue.find(name).side
    for seed, text in enumerate(texts):
        loop = PlainLoop(model, text, side, side, cutouts, seed)
        for _ in range(steps):
            loop.step()


def _render(renderer: Renderer, waiting: list[Recipe], wanted: int, rows: int) -> list[StepOutput]:
    """Keeps `rows` images in the batch; returns the first `wanted` outputs that are done."""
    done: list[StepOutput] = []
    ids = itertools.count(1)
    while len(done) < wanted:
        while waiting and len(renderer.job_ids) < rows:
            renderer.add(RenderRequest(next(ids), waiting.pop()))
        for output in renderer.step():
            if output.fault:
                raise RuntimeError(output.fault)
            if output.done:
                done.append(output)
    return done
