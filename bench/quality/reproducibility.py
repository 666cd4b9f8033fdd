"""`python -m bench.quality.reproducibility`: whether the same recipe and seed give the same image.

Rendered alone, twice, the bytes must be equal. In a batch an image draws the same random numbers,
but sums may be computed in another order; the resulting difference is measured at some steps.
"""

import argparse
from pathlib import Path
from typing import Any

from bench.markdown import table
from core.recipe import Recipe
from engine.device import choose_device, description, use_cores
from engine.models.model import Model, load_model
from engine.synthesis.renderer import Renderer
from engine.synthesis.request import RenderRequest

TEXTS = ("a red circle on a white background", "the sea at sunset", "a blue star and a green ring")
COMPANY = 3
"""Other jobs in the batch: two from the start, one that joins at step 5."""

MINE = 1


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
    watched = sorted({step for step in (1, 10, 100, options.steps) if step <= options.steps})

    def steps_of(recipe: Recipe, company: int) -> list[Any]:
        return _painted(Renderer(model, device), recipe, company)

    rows = []
    for text in TEXTS:
        recipe = _recipe(model, text, options.steps, seed=7)
        alone, again = steps_of(recipe, 0), steps_of(recipe, 0)
        company = steps_of(recipe, COMPANY)
        same = all(bool((one == other).all()) for one, other in zip(alone, again, strict=True))
        cells = [_difference(alone[step - 1], company[step - 1]) for step in watched]
        rows.append((text, "the same" if same else "NOT the same", *cells))
    head = ("prompt", "alone, twice", *(f"step {step}" for step in watched))
    print(table(head, rows, text_columns=2))
    print(
        f"\nIn a batch: mean (largest) difference of a pixel from rendering alone, out of 255. "
        f"Model {model.name} on {device} ({description()})."
    )


def _painted(renderer: Renderer, recipe: Recipe, company: int) -> list[Any]:
    """The first job's image at every step: (1, 3, height, width) from 0 to 1."""
    renderer.add(RenderRequest(MINE, recipe))
    for other in range(company - 1):
        renderer.add(
            RenderRequest(10 + other, _recipe(renderer.model, TEXTS[other], 40, seed=other))
        )
    painted: list[Any] = []
    while MINE in renderer.job_ids:
        painted += [one.pixels for one in renderer.step() if one.job_id == MINE]
        if company and len(painted) == 5:
            renderer.add(RenderRequest(20, _recipe(renderer.model, TEXTS[-1], 40, seed=99)))
    return painted + [painted[-1]] * (recipe.steps - len(painted))


def _recipe(model: Model, text: str, steps: int, seed: int) -> Recipe:
    return Recipe.make(text, width=model.side, height=model.side, steps=steps, seed=seed)


def _difference(one: Any, other: Any) -> str:
    apart = 255 * (one - other).abs()
    return f"{apart.mean().item():.2f} ({apart.max().item():.0f})"


if __name__ == "__main__":
    main()
