"""`python -m bench.quality.colours`: do things get the colours that prompts name and exclude?

Each thing is requested by its name alone, in a colour, and without its own colour. The judge names
the most frequent colour of what is not background, in Oklab. It needs the image sets:
`python -m training data`.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from random import Random

import numpy as np
import torch
from PIL import Image

from bench.markdown import table
from bench.quality.benchmark import render
from bench.quality.prompts import BenchmarkPrompt
from bench.quality.thing_scores import foreground
from bench.quality.things import to_tensor
from core.understanding.vocabulary import Vocabulary, vocabulary_of
from engine.models.model import load_model
from engine.synthesis.config import CONFIGS
from engine.synthesis.renderer import Renderer
from training.data.drawn_captions import with_article
from training.data.drawn_scenes import COLOURS, Scene
from training.data.images import load_images
from training.judges.overlap import nearest_colours, oklab
from training.judges.prototypes import PrototypeJudge, hits, load_judge

MODEL = "picturebook"
VIVID = ("red", "orange", "yellow", "green", "blue", "purple", "pink")
"""The colours that are named and excluded."""
TOP = 5


def main() -> None:
    options = _parser().parse_args()
    images, judge = load_images(options.cache), load_judge(options.cache)
    vocabulary = vocabulary_of(MODEL)
    assert vocabulary
    names = [concept.name for concept in images.concepts]
    things = choose(names, judge, vocabulary, options.things)
    device = torch.device("cpu")
    model = load_model(MODEL, Path("data"), device)
    renderer = Renderer(model, device, CONFIGS[MODEL])

    def rendered(includes: Sequence[str], excludes: Sequence[str]) -> list[Image.Image]:
        prompts = [
            BenchmarkPrompt("colour", include, Scene(), frozenset(), exclude)
            for include, exclude in zip(includes, excludes, strict=True)
        ]
        return render(renderer, prompts, 1, options.steps, options.out / "finished")

    wanted = [VIVID[index % len(VIVID)] for index in range(len(things))]
    plain = [with_article(names[thing]) for thing in things]
    coloured = [
        with_article(f"{c} {names[thing]}") for c, thing in zip(wanted, things, strict=True)
    ]
    nothing = [""] * len(things)
    alone = rendered(plain, nothing)
    in_colour = rendered(coloured, nothing)
    own = [main_colour(image) for image in alone]
    vivid = [index for index, colour in enumerate(own) if colour in VIVID]
    without = rendered([plain[i] for i in vivid], [own[i] for i in vivid])
    rows = [
        (
            "the name alone: the colour of the next row, by chance",
            *_rates(judge, things, alone, wanted),
        ),
        ("in a colour", *_rates(judge, things, in_colour, wanted)),
        (
            "without its own colour: still in it",
            *_rates(judge, [things[i] for i in vivid], without, [own[i] for i in vivid]),
        ),
    ]
    print(table(("", "n", "colour", f"thing among {TOP}"), rows))


def choose(
    names: Sequence[str], judge: PrototypeJudge, vocabulary: Vocabulary, count: int
) -> list[int]:
    """A sample of the things that the judge and the model know, and whose names have no colour."""
    labels = set(vocabulary.labels["en"])
    known = [
        index
        for index, name in enumerate(names)
        if judge.known[index] and name in labels and COLOURS.keys().isdisjoint(name.split())
    ]
    return Random("colours").sample(known, count)


def main_colour(image: Image.Image) -> str:
    """The name of the most frequent colour of what differs from an image's background."""
    pixels = to_tensor([image])[0]
    shown = pixels.movedim(0, -1)[foreground(pixels)].numpy()
    if not len(shown):
        return ""
    return list(COLOURS)[int(np.bincount(nearest_colours(oklab(shown))).argmax())]


def _rates(
    judge: PrototypeJudge,
    things: Sequence[int],
    images: Sequence[Image.Image],
    colours: Sequence[str],
) -> tuple[int, str, str]:
    """How many images there are, and the shares with their colour and with their thing."""
    right = [main_colour(image) == colour for image, colour in zip(images, colours, strict=True)]
    found = hits(judge.similarity(to_tensor(images)), torch.tensor(things), TOP)
    return len(images), f"{100 * np.mean(right):.0f} %", f"{100 * found.float().mean():.0f} %"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.quality.colours", description=__doc__)
    parser.add_argument("--cache", type=Path, default=Path("runs/data"), help="the image sets")
    parser.add_argument("--things", type=int, default=42, help="number of things")
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--out", type=Path, default=Path("out/colours"))
    return parser


if __name__ == "__main__":
    main()
