"""`python -m engine render`: renders one recipe, without Discord."""

import argparse
import re
import sys
from pathlib import Path
from typing import Any

from core.film import (
    DEFAULT_FRAME_STEPS,
    DEFAULT_FRAMES,
    MAX_FRAMES,
    MIN_FRAMES,
    Film,
    Motion,
)
from core.palette import palette_of, parse_palette
from core.pattern import Symmetry, Tile
from core.prompts import RecipeError, format_prompts, parse_weight
from core.recipe import MAX_COUNT, ImagePrompt, Recipe
from core.regions import REGIONS
from core.repaint import Mask, Move, Repaint, parse_regions
from core.settings import Settings
from core.sizes import Canvas, parse_size
from core.styles import PRESETS, styles_for

PANS = [move for move in Move if move is not Move.ZOOM_OUT]


def add_parser(commands: Any) -> None:
    render = commands.add_parser("render", help="render one image, without Discord")
    render.set_defaults(command=run)
    render.add_argument("include", nargs="?", help='what to paint: "a castle | fog:0.5"')
    render.add_argument("--exclude", help="what to avoid")
    for option, what in (
        ("--like", "to paint something similar to"),
        ("--unlike", "to avoid similarity to"),
    ):
        render.add_argument(
            option,
            action="append",
            metavar="FILE[=WEIGHT]",
            help=f"an image {what}; can be repeated",
        )
    render.add_argument("--preset", metavar="NAME", help=_presets())
    render.add_argument(
        "--model", help="default: the setting MODEL; `weights list` lists all models"
    )
    render.add_argument("--steps", type=int, help="default: the model's number of steps")
    render.add_argument("--seed", type=int, help="default: random; it is printed")
    render.add_argument("--size", help="such as 64x64 or 16:9 (default: the model's size)")
    render.add_argument("--count", type=int, help=f"number of images, 1 to {MAX_COUNT}")
    render.add_argument("--tile", type=Tile, choices=Tile, help="a seamless pattern")
    render.add_argument("--symmetry", type=Symmetry, choices=Symmetry, help="an exact symmetry")
    render.add_argument(
        "--palette",
        metavar="COLOURS|FILE",
        help='"navy gold #fff", a named palette, or an image to take the colours from',
    )
    render.add_argument("--init", type=Path, metavar="FILE", help="an image to start from")
    render.add_argument("--strength", type=float, help="how closely to follow that image, 0 to 1")
    render.add_argument(
        "--from",
        dest="base",
        type=Path,
        metavar="FILE",
        help="an image to repaint a part of; its prompts, size and steps are the defaults",
    )
    part = render.add_mutually_exclusive_group()
    part.add_argument("--repaint", metavar="REGIONS", help=f"{', '.join(REGIONS)}, or a box in %%")
    part.add_argument(
        "--mask", type=Path, metavar="FILE", help="an image that is white in the part to repaint"
    )
    part.add_argument(
        "--zoom-out",
        action="store_true",
        default=None,
        help="shrink the image and paint its surroundings",
    )
    part.add_argument("--pan", choices=PANS, help="move the view and paint what comes into it")
    render.add_argument(
        "--film", type=Motion, choices=Motion, help="then make a film that moves through the image"
    )
    render.add_argument(
        "--frames",
        type=int,
        help=f"frames of the film, {MIN_FRAMES} to {MAX_FRAMES} (default: {DEFAULT_FRAMES}), "
        f"{DEFAULT_FRAME_STEPS} steps each",
    )
    render.add_argument(
        "--again",
        type=Path,
        metavar="FILE.png",
        help="an image to render again; allows only --seed, --steps and --out",
    )
    render.add_argument("--out", type=Path, default=Path("out"), metavar="DIR", help="default: out")


def run(parsed: argparse.Namespace, settings: Settings) -> int:
    from engine.media import read_metadata
    from engine.render import render

    original = read_metadata(parsed.again) if parsed.again else None
    if original:
        settings = settings.model_copy(update={"model": original.model})
        recipe = _recipe_again(parsed, original.recipe.for_image(original.row), settings)
    else:
        _fill_in_from_base(parsed)
        settings = settings.model_copy(update={"model": parsed.model or settings.model})
        recipe = _recipe(parsed, settings)
    print(f"{recipe.size}, {recipe.steps} steps, seed {recipe.seed}", file=sys.stderr)
    if film := recipe.film:
        print(f"Film of {film.seconds:g} s: {film.steps} of the steps", file=sys.stderr)
    for path in render(recipe, settings, parsed.out, original):
        print(path)
    return 0


def _recipe(parsed: argparse.Namespace, settings: Settings) -> Recipe:
    """The recipe that the options describe. Its images are copied to the output folder."""
    from engine.models import catalogue

    entry = catalogue.find(settings.model)
    width = height = entry.side
    if parsed.size:
        width, height = parse_size(parsed.size, Canvas(entry.side, entry.factor))
    given = {
        name: value
        for name in ("seed", "strength", "count", "preset", "tile", "symmetry")
        if (value := getattr(parsed, name)) is not None
    }
    recipe = Recipe.make(
        parsed.include or "",
        parsed.exclude or "",
        width=width,
        height=height,
        steps=entry.steps if parsed.steps is None else parsed.steps,
        include_images=[_image_prompt(text, parsed.out) for text in parsed.like or ()],
        exclude_images=[_image_prompt(text, parsed.out) for text in parsed.unlike or ()],
        initial=_store(initial, parsed.out) if (initial := parsed.base or parsed.init) else None,
        repaint=_repaint(parsed),
        palette=_palette(parsed.palette) if parsed.palette else (),
        **given,
    )
    if not parsed.film:
        if parsed.frames is not None:
            raise RecipeError("Give --frames with --film.")
        return recipe
    frames = DEFAULT_FRAMES if parsed.frames is None else parsed.frames
    return recipe.with_film(Film.of(parsed.film, frames))


def _fill_in_from_base(parsed: argparse.Namespace) -> None:
    """Fills in missing options from the recipe of the `--from` image, if it has one.

    Raises RecipeError for options that cannot be combined.
    """
    from core.storage.uploaded_images import ImageError
    from engine.media import read_metadata

    parts = any(getattr(parsed, name) for name in ("repaint", "mask", "zoom_out", "pan"))
    if parts != bool(parsed.base) or (parsed.base and parsed.init):
        raise RecipeError("Give --from with one of --repaint, --mask, --zoom-out and --pan.")
    if not parsed.base:
        return
    try:
        base = read_metadata(parsed.base)
    except ImageError:
        return  # images without a recipe can be repainted, too
    recipe = base.recipe
    known = {"model": base.model, "size": recipe.size, "steps": recipe.steps}
    if not parsed.include:
        known |= {"include": format_prompts(recipe.include)}
        known |= {"exclude": format_prompts(recipe.exclude)}
    for name, value in known.items():
        if getattr(parsed, name) is None:
            setattr(parsed, name, value)


def _repaint(parsed: argparse.Namespace) -> Repaint | None:
    if parsed.repaint:
        return Repaint(parse_regions(parsed.repaint))
    if parsed.mask:
        return Repaint(mask=Mask(_store(parsed.mask, parsed.out)))
    move = Move.ZOOM_OUT if parsed.zoom_out else parsed.pan
    return Repaint(move=Move(move)) if move else None


def _recipe_again(parsed: argparse.Namespace, recipe: Recipe, settings: Settings) -> Recipe:
    """The recipe of the `--again` image, with another seed or number of steps if given."""
    from core.storage.uploaded_images import copy_images

    fixed = ("include", "exclude", "like", "unlike", "preset", "model", "size", "count")
    more = ("init", "strength", "tile", "symmetry", "palette")
    parts = ("base", "repaint", "mask", "zoom_out", "pan", "film", "frames")
    if any(getattr(parsed, name) is not None for name in (*fixed, *more, *parts)):
        raise RecipeError("With --again, give only --seed, --steps and --out.")
    copy_images(recipe.image_names, (parsed.again.parent, settings.data_dir), parsed.out)
    if parsed.seed is not None:
        recipe = recipe.with_seed(parsed.seed)
    return recipe if parsed.steps is None else recipe.with_steps(parsed.steps)


def _image_prompt(text: str, folder: Path) -> ImagePrompt:
    """`FILE` or `FILE=WEIGHT`; what follows the last `=` is a weight if it looks like one."""
    file, weight = text, 1.0
    if match := re.fullmatch(r"(.+)=([-+]?[0-9][0-9.,]*|[-+]?\.[0-9]+)", text):
        file, weight = match[1], parse_weight(match[2])
    return ImagePrompt(_store(Path(file), folder), weight)


def _palette(text: str) -> tuple[str, ...]:
    """The given colours, or those of an image file."""
    from core.storage.uploaded_images import decode_image

    file = Path(text)
    return palette_of(decode_image(file.read_bytes())) if file.is_file() else parse_palette(text)


def _store(file: Path, folder: Path) -> str:
    """Copies an image to the folder; returns its name in a recipe."""
    from core.storage.uploaded_images import decode_image, store_image

    return store_image(decode_image(file.read_bytes()), folder)


def _presets() -> str:
    embedded = {model: ", ".join(styles_for(model)) for model in ("picturebook", "sketch")}
    listed = "; ".join(f"with {model} {names}" for model, names in embedded.items())
    others = [name for name, preset in PRESETS.items() if not preset.models]
    return f"a style; {listed}; with models that take any words also {', '.join(others)}"
