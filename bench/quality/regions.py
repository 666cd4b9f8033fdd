"""`python -m bench.quality.regions`: whether regions help to show two and three things.

The same things are requested in one sentence, as separate prompts, and with a region each. CLIP
judges: a thing is found if the part of the image where it was requested (for a sentence and
separate prompts, any of these parts) is more similar to its name than to those of the other
practice things. Rendering optimises for the same CLIP, so all rates are too high; only their
differences count.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import torch
from PIL import Image
from torch.nn import functional as F

from bench.markdown import table
from core.recipe import Recipe
from core.regions import REGIONS, Region
from core.settings import load_settings
from engine.device import choose_device
from engine.models.model import Model, load_model
from engine.synthesis.latents import to_tensor
from engine.synthesis.renderer import Renderer
from engine.synthesis.request import RenderRequest

THINGS = ("cat", "dog", "house", "tree", "car", "fish", "apple", "star", "boat", "flower")
"""Practice things, which the embedded models know."""
PLACES = {
    2: ("left", "right"),
    3: ("0 0 50 50", "50 0 100 50", "25 50 75 100"),
}
WAYS = ("sentence", "prompts", "regions")


@dataclass(frozen=True, slots=True)
class Rate:
    """How many things were found, `of` how many."""

    way: str
    count: int
    found: int
    of: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="picturebook")
    parser.add_argument(
        "--images", type=int, default=6, help="images for each way and number of things"
    )
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--out", type=Path, help="folder for the images")
    parsed = parser.parse_args()
    settings = load_settings()
    device = choose_device(settings.device)
    model = load_model(parsed.model, settings.data_dir, device)
    rates = measure(model, device, parsed.images, parsed.steps, parsed.out)
    print(table(("things", "way", "found"), map(row, rates), text_columns=2))


def row(rate: Rate) -> tuple[object, ...]:
    share = 100 * rate.found / rate.of
    return (rate.count, rate.way, f"{rate.found} of {rate.of} ({share:.0f} %)")


def measure(
    model: Model, device: torch.device, images: int, steps: int, out: Path | None = None
) -> Iterator[Rate]:
    """The rate of each way, with the same things and seeds."""
    names = model.perceptor.embed_texts([f"a {thing}" for thing in THINGS])
    renderer = Renderer(model, device)
    for count, place_names in PLACES.items():
        random = Random(count)
        requests = [random.sample(THINGS, count) for _ in range(images)]
        places = [_region(name) for name in place_names]
        for way in WAYS:
            found = 0
            for seed, things in enumerate(requests):
                recipe = Recipe.make(
                    prompt(way, things, place_names),
                    width=model.side,
                    height=model.side,
                    steps=steps,
                    seed=seed,
                )
                image = _render(renderer, recipe)
                if out:
                    out.mkdir(parents=True, exist_ok=True)
                    image.save(out / f"{count}-{way}-{seed}.png")
                found += _count_found(
                    model, image, things, places, names, anywhere=way != "regions"
                )
            yield Rate(way, count, found, count * images)


def prompt(way: str, things: Sequence[str], places: Sequence[str]) -> str:
    """The prompts for these things in these places."""
    named = [f"a {thing}" for thing in things]
    if way == "regions":
        named = [f"{place}: {name}" for name, place in zip(named, places, strict=True)]
    return (" and " if way == "sentence" else " | ").join(named)


def _count_found(
    model: Model,
    image: Image.Image,
    things: Sequence[str],
    places: Sequence[Region],
    names: torch.Tensor,
    *,
    anywhere: bool,
) -> int:
    """How many things CLIP finds in their places, or `anywhere`."""
    side = model.perceptor.resolution
    pixels = to_tensor(image).to(names.device)
    crops = []
    for region in places:
        left, top, right, bottom = region.pixels(image.width, image.height)
        crop = pixels[:, :, top:bottom, left:right]
        crops.append(F.interpolate(crop, (side, side), mode="bilinear", align_corners=False))
    with torch.no_grad():
        features = model.perceptor.embed_images(torch.cat(crops)).float()
    nearest = [THINGS[index] for index in (features @ names.t()).argmax(1).tolist()]
    if anywhere:
        return len(set(things) & set(nearest))
    return sum(thing == seen for thing, seen in zip(things, nearest, strict=True))


def _render(renderer: Renderer, recipe: Recipe) -> Image.Image:
    renderer.add(RenderRequest(1, recipe))
    while True:
        (output,) = renderer.step()
        if output.ended:
            return output.images()[0]


def _region(name: str) -> Region:
    return REGIONS[name] if name in REGIONS else Region(*map(int, name.split()))


if __name__ == "__main__":
    main()
