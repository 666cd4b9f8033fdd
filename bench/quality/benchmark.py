"""`python -m bench.quality`: how well a model renders prompts, according to two judges.

Every hit rate is shown with its ceilings: the same judge's rates for drawings of the same scenes,
and for these drawings after the model's VQGAN has encoded and decoded them.
"""

import argparse
import hashlib
import json
import sys
import textwrap
import time
import zlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import matplotlib
from PIL import Image, ImageDraw, ImageFont
from tqdm import tqdm

from bench.markdown import table
from bench.quality.prompts import KINDS, BenchmarkPrompt, held_out, practice
from bench.quality.scores import CNN, OVERLAP, scores
from core.prompts import Prompt
from core.recipe import Recipe
from engine.device import DeviceError, choose_device, describe_machine
from engine.models import catalogue
from engine.models.catalogue import WeightsError
from engine.models.model import Model, load_model, read_model
from engine.synthesis.config import CONFIGS, SynthesisConfig, flat, override
from engine.synthesis.renderer import Renderer
from engine.synthesis.request import RenderRequest
from training.data.drawing import draw
from training.judges.cnn import Judge
from training.judges.overlap import analyse
from training.sketch.report import reconstructed

ROWS = 16
"""Images in a batch."""

FONT = Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")
"""A font with accents, but without Japanese."""

SHOWN = 48
"""Prompts on the contact sheet, each with its first seed."""

RENDERED, REAL, DECODED = "painted", "real", "decoded"


@dataclass(frozen=True, slots=True)
class Rate:
    """How often one judge says yes to one measure; `stage` is painted, real or decoded."""

    measure: str
    judge: str
    stage: str
    hits: int
    images: int

    @property
    def percent(self) -> float:
        return 100 * self.hits / self.images


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.quality", description=__doc__)
    parser.add_argument("--model", default="sketch")
    parser.add_argument("--weights", type=Path, help="use the model's files in this folder")
    parser.add_argument("--data-dir", type=Path, default=Path("data"))
    parser.add_argument("--prompts", type=int, help="about how many prompts, evenly from each kind")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS, help="kinds of prompts")
    parser.add_argument(
        "--practice",
        action="store_true",
        help="practice prompts, for tuning: with and without a colour excluded",
    )
    parser.add_argument("--seeds", type=int, default=1, help="images per prompt")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, default=Path("out/quality"))
    parser.add_argument(
        "--config",
        nargs="+",
        default=[],
        metavar="KEY=VALUE",
        help="override a value, such as cutouts.count=16",
    )
    options = parser.parse_args()
    try:
        device = choose_device(options.device)
        model = (
            read_model(catalogue.find(options.model), options.weights, device)
            if options.weights
            else load_model(options.model, options.data_dir, device)
        )
        config = override(CONFIGS[options.model], dict(map(parse_value, options.config)))
    except (DeviceError, WeightsError, ValueError) as error:
        sys.exit(str(error))
    prompts = practice() if options.practice else held_out(options.prompts)
    prompts = [prompt for prompt in prompts if prompt.kind in options.kinds]
    if not prompts:
        parser.error("there are no prompts of these kinds")
    start = time.monotonic()
    rendered = render(Renderer(model, device, config), prompts, options.seeds, options.steps)
    seconds = (time.monotonic() - start) / len(rendered)
    rates = rate_images(model, prompts * options.seeds, rendered)
    text = f"{report(rates)}\n\n{about(model, config, options.steps, len(rendered), seconds)}\n"
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "quality.md").write_text(text)
    numbers = {
        "rates": [asdict(rate) for rate in rates],
        "config": flat(config),
        "steps": options.steps,
        "seeds": options.seeds,
        "seconds_per_picture": seconds,
        "checksums": model.checksums,
    }
    (options.out / "quality.json").write_text(json.dumps(numbers, indent=1))
    indices = evenly(len(prompts), SHOWN)
    sheet = contact_sheet([prompts[i] for i in indices], [rendered[i] for i in indices])
    sheet.save(options.out / "contact-sheet.png")
    print(text)


def evenly(count: int, wanted: int) -> list[int]:
    """Indices spread evenly over all kinds of prompts; at most all of them."""
    return sorted({index * count // wanted for index in range(wanted)})


def parse_value(assignment: str) -> tuple[str, Any]:
    """`KEY=VALUE`, the value as JSON. Raises ValueError."""
    key, _, value = assignment.partition("=")
    return key, json.loads(value.lower())


def render(
    renderer: Renderer,
    prompts: Sequence[BenchmarkPrompt],
    seeds: int,
    steps: int,
    finished: Path | None = None,
) -> list[Image.Image]:
    """The images of all prompts with the first seed, then with the second, and so on.

    With a folder for `finished` images, each is saved there at once, and those that an earlier run
    saved are not rendered again.
    """
    recipes = [
        Recipe(
            include=(Prompt(prompt.include),),
            exclude=(Prompt(prompt.exclude),) if prompt.exclude else (),
            width=renderer.model.side,
            height=renderer.model.side,
            steps=steps,
            # A prompt has the same seed with and without its exclude.
            seed=(zlib.crc32(prompt.include.encode()) + seed) % 2**32,
        )
        for seed in range(seeds)
        for prompt in prompts
    ]
    paths = [finished / _file_name(renderer, recipe) for recipe in recipes] if finished else []
    images = {i: _read(path) for i, path in enumerate(paths) if path.exists()}
    waiting = [(i, recipe) for i, recipe in enumerate(recipes) if i not in images][::-1]
    with tqdm(total=len(recipes), initial=len(images), unit="image", mininterval=5) as progress:
        while waiting or renderer.job_ids:
            while waiting and len(renderer.job_ids) < ROWS:
                renderer.add(RenderRequest(*waiting.pop()))
            for output in renderer.step():
                if output.fault:
                    raise RuntimeError(f"{recipes[output.job_id].include}: {output.fault}")
                if output.done:
                    (image,) = output.images()
                    images[output.job_id] = image
                    if paths:
                        _save(image, paths[output.job_id])
                    progress.update()
    return [images[index] for index in range(len(recipes))]


def _file_name(renderer: Renderer, recipe: Recipe) -> str:
    """The name for a recipe's image; weights and config change it, too."""
    settings = recipe.model_dump_json(), renderer.model.checksums, flat(renderer.config)
    return hashlib.sha256(repr(settings).encode()).hexdigest()[:16] + ".png"


def _read(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return image.convert("RGB")


def _save(image: Image.Image, path: Path) -> None:
    """Saves the image atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    image.save(partial, "PNG")
    partial.replace(path)


def rate_images(
    model: Model, prompts: Sequence[BenchmarkPrompt], rendered: Sequence[Image.Image]
) -> list[Rate]:
    """Rates by measure, judge and stage. Drawings of the same scenes give the ceilings."""
    cnn = Judge.load()
    scenes = [replace(prompt.scene, jitter=index) for index, prompt in enumerate(prompts)]
    real = [draw(scene) for scene in scenes]
    stages = {RENDERED: rendered, REAL: real, DECODED: reconstructed(model.vqgan, real)}
    hits: dict[tuple[str, str, str], list[bool]] = defaultdict(list)
    for stage, images in stages.items():
        for prompt, image, facts in zip(prompts, images, cnn.find_facts(images), strict=True):
            for score in scores(prompt, analyse(image), facts):
                hits[score.measure, score.judge, stage].append(score.hit)
    return [Rate(*key, hits=sum(found), images=len(found)) for key, found in hits.items()]


def report(rates: Sequence[Rate]) -> str:
    """A Markdown table of both judges' rates for the rendered images, with the ceilings."""
    by_key = {(rate.measure, rate.judge, rate.stage): rate for rate in rates}
    head = ("", "n", "overlap judge", "its ceilings: real, decoded", "CNN judge", "its ceilings")
    rows = []
    for measure in dict.fromkeys(rate.measure for rate in rates):
        cells = []
        for judge in (OVERLAP, CNN):
            found = [by_key.get((measure, judge, stage)) for stage in (RENDERED, REAL, DECODED)]
            percents = [f"{rate.percent:.0f} %" for rate in found if rate]
            cells += [percents[0], ", ".join(percents[1:])] if percents else ["", ""]
        count = next(r.images for r in rates if r.measure == measure and r.stage == RENDERED)
        rows.append((measure, count, *cells))
    return table(head, rows)


def about(model: Model, config: SynthesisConfig, steps: int, images: int, seconds: float) -> str:
    """Under which conditions the images were rendered."""
    numbers = ", ".join(f"{key} {value}" for key, value in flat(config).items())
    return (
        f"{images} images of {model.side} × {model.side} by the model {model.name}, "
        f"{steps} steps, {ROWS} at a time: {seconds:.1f} s an image "
        f"({describe_machine()}).\n\nConfig: {numbers}."
    )


def contact_sheet(
    prompts: Sequence[BenchmarkPrompt],
    images: Sequence[Image.Image],
    columns: int = 8,
    side: int = 128,
) -> Image.Image:
    """Images with their prompts beneath them, in order."""
    height, gap = side + 44, 6
    rows = -(-len(images) // columns)
    size = (columns * (side + gap) + gap, rows * (height + gap) + gap)
    sheet = Image.new("RGB", size, "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.truetype(FONT, 10)
    for index, (prompt, image) in enumerate(zip(prompts, images, strict=True)):
        row, column = divmod(index, columns)
        x, y = gap + column * (side + gap), gap + row * (height + gap)
        # A small image keeps its pixels; a large one keeps its outlines.
        kind = Image.Resampling.LANCZOS if image.width > side else Image.Resampling.NEAREST
        sheet.paste(image.resize((side, side), kind), (x, y))
        text = prompt.include + (f" (not: {prompt.exclude})" if prompt.exclude else "")
        pen.multiline_text((x, y + side + 2), textwrap.fill(text, 22), "black", font, spacing=2)
    return sheet
