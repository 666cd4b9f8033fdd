"""`python -m bench.quality.reproducibility`: whether the same recipe and seed give the same image.

Rendered twice alone, an image must be the same bit for bit. In a batch it gets the same random
numbers, but sums may be computed in another order. The resulting difference is measured at some
steps.
"""

import argparse
from pathlib import Path
from typing import Any

from bench.markdown import table
from core.recipe import Recipe
from engine.device import choose_device, describe_machine, use_cores
from engine.models.model import Model, load_model
from engine.synthesis.renderer import Renderer
from engine.synthesis.request import RenderRequest

TEXTS = ("a red circle on a white background", "the sea at sunset", "a blue star and a green ring")
OTHER_JOBS = 3
"""Other jobs in the batch: two from the start, and one from step 5."""

JOB_ID = 1


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.quality.reproducibility", description=__doc__
    )
    parser.add_argument("--model", default="sketch")
    parser.add_argument("--data-dir", type=Path, default=Path("data"))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--steps", type=int, default=100)
    options = parser.parse_args()
    use_cores()
    device = choose_device(options.device)
    model = load_model(options.model, options.data_dir, device)
    compared_steps = sorted({step for step in (1, 10, 100, options.steps) if step <= options.steps})

    def steps_of(recipe: Recipe, others: int) -> list[Any]:
        return _render(Renderer(model, device), recipe, others)

    rows = []
    for text in TEXTS:
        recipe = _recipe(model, text, options.steps, seed=7)
        alone, again = steps_of(recipe, 0), steps_of(recipe, 0)
        others = steps_of(recipe, OTHER_JOBS)
        equal = all(bool((one == other).all()) for one, other in zip(alone, again, strict=True))
        cells = [_difference(alone[step - 1], others[step - 1]) for step in compared_steps]
        rows.append((text, "the same" if equal else "NOT the same", *cells))
    head = ("prompt", "alone, twice", *(f"step {step}" for step in compared_steps))
    print(table(head, rows, text_columns=2))
    print(
        f"\nIn a batch: mean (largest) difference of a pixel from rendering alone, out of 255. "
        f"Model {model.name} on {device} ({describe_machine()})."
    )


def _render(renderer: Renderer, recipe: Recipe, others: int) -> list[Any]:
    """The first job's image at every step: (1, 3, height, width) from 0 to 1."""
    renderer.add(RenderRequest(JOB_ID, recipe))
    for other in range(others - 1):
        renderer.add(
            RenderRequest(10 + other, _recipe(renderer.model, TEXTS[other], 40, seed=other))
        )
    frames: list[Any] = []
    while JOB_ID in renderer.job_ids:
        frames += [output.pixels for output in renderer.step() if output.job_id == JOB_ID]
        if others and len(frames) == 5:
            renderer.add(RenderRequest(20, _recipe(renderer.model, TEXTS[-1], 40, seed=99)))
    return frames + [frames[-1]] * (recipe.steps - len(frames))


def _recipe(model: Model, text: str, steps: int, seed: int) -> Recipe:
    return Recipe.make(text, width=model.side, height=model.side, steps=steps, seed=seed)


def _difference(one: Any, other: Any) -> str:
    apart = 255 * (one - other).abs()
    return f"{apart.mean().item():.2f} ({apart.max().item():.0f})"


if __name__ == "__main__":
    main()
