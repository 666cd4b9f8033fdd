"""`python -m bench.quality.things`: how well a model renders things that it is asked for by name.

Two judges look at the images, both trained on image sets that no shipped network was trained on:
the nearest prototype and a classifier, in the features of an ImageNet network that the model does
not contain. Rates stand beside their ceilings: what the judge says of real images of the same, by
makers whom it does not know, and of those after the VQGAN has encoded and decoded them.

It needs the image sets: `python -m training data`. A run that was stopped goes on from the images
in `--out`. Delete them after a change of the code.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from random import Random

import numpy as np
import torch
from PIL import Image
from torch import Generator, Tensor
from torch.nn import functional as F

from bench.markdown import table
from bench.quality.benchmark import contact_sheet, evenly, paint, parse_value
from bench.quality.thing_ceilings import ceilings, real_images, reconstructed
from bench.quality.thing_requests import SHARES, Request, requests
from bench.quality.thing_scores import (
    TOP,
    Judge,
    judged,
    nearness,
    ranks,
    single,
    spread,
    spread_of_makers,
)
from core.understanding.vocabulary import vocabulary_of
from engine.device import DeviceError, choose_device, description
from engine.models import catalogue
from engine.models.catalogue import WeightsError
from engine.models.model import Model, load_model, read_model
from engine.synthesis.config import CONFIGS, override
from engine.synthesis.cutouts import make_cutouts, sample_augmentation
from engine.synthesis.renderer import Renderer
from training.data.drawn_captions import with_article
from training.data.images import SIDE, Images, load_images
from training.judges.classifier import load_classifier
from training.judges.prototypes import (
    PrototypeJudge,
    hits,
    judge_images,
    load_judge,
    on_white,
)
from training.judges.styles import load_style_judge

REAL = 400
"""Real images by the judges' makers that the model's CLIP looks at."""
KINDS = {kind: kind for kind in SHARES} | dict.fromkeys(("de", "es", "fr", "ja"), "foreign")
"""The kind in `SHARES` of each request's own kind, which is the language for names."""
EXTREMES = 40
"""Images that are shown as the best, and as the worst."""


@torch.no_grad()
def named_by_clip(model: Model, names: Sequence[str], pictures: Tensor, wanted: Tensor) -> str:
    """How often the model's own CLIP finds the names of images."""
    small = F.interpolate(pictures, (model.perceptor.resolution,) * 2, mode="area")
    seen = torch.cat([model.perceptor.embed_images(batch) for batch in small.split(64)])
    batches = [names[i : i + 256] for i in range(0, len(names), 256)]
    read = torch.cat([model.perceptor.embed_texts(batch) for batch in batches])
    rates = (hits(seen @ read.t(), wanted, k).float().mean().item() for k in TOP)
    return ", ".join(f"{100 * rate:.0f} %" for rate in rates)


@torch.no_grad()
def similarity_to_captions(model: Model, captions: Sequence[str], pictures: Tensor) -> Tensor:
    """The mean cosine of cutouts of each image (n, 3, SIDE, SIDE) to its caption: (n,)."""
    config, side = CONFIGS[model.name].cutouts, model.perceptor.resolution
    generator = Generator().manual_seed(0)
    found = []
    for picture, caption in zip(pictures, captions, strict=True):
        augmentations = [
            sample_augmentation(config, SIDE, SIDE, side, generator) for _ in range(config.count)
        ]
        shown = picture[None].expand(config.count, -1, -1, -1)
        seen = model.perceptor.embed_images(make_cutouts(shown, augmentations, side))
        found.append((seen @ model.perceptor.embed_texts([caption])[0]).mean())
    return torch.stack(found)


# -- the report ------------------------------------------------------------------------------


def to_tensor(pictures: Sequence[Image.Image]) -> Tensor:
    """(n, 3, SIDE, SIDE) from 0 to 1."""
    arrays = [np.asarray(picture.convert("RGB").resize((SIDE, SIDE))) for picture in pictures]
    return torch.from_numpy(np.stack(arrays)).movedim(-1, 1).float() / 255


Columns = tuple[dict[str, list[bool]], dict[str, float], dict[str, float]]
"""A judge's hits on what was rendered, and its rates of real and of reconstructed images."""


def report_of(by_judge: dict[str, Columns]) -> str:
    """One Markdown table of all rates; "40 of 52/45" is 40 % where real images reach 52 and 45."""
    rows = []
    (first, _, _), *_ = by_judge.values()
    for measure, said in first.items():
        cells = [
            _cell(measure, hits_of[measure], real, decoded)
            for hits_of, real, decoded in by_judge.values()
        ]
        rows.append((measure, len(said), *cells))
    return table(("", "n", *by_judge), rows)


def _cell(measure: str, said: list[bool], real: dict[str, float], decoded: dict[str, float]) -> str:
    rate = f"{100 * sum(said) / len(said):.0f} %"
    if measure not in real:
        return rate
    return f"{rate} of {100 * real[measure]:.0f}/{100 * decoded[measure]:.0f}"


def main() -> None:
    options = _parser().parse_args()
    try:
        device = choose_device(options.device)
        entry = catalogue.find(options.model)
        model = (
            read_model(entry, options.weights, device)
            if options.weights
            else load_model(options.model, options.data_dir, device)
        )
        model = replace(model, side=options.side or model.side)
        config = override(CONFIGS[options.model], dict(map(parse_value, options.config)))
    except (DeviceError, WeightsError, ValueError) as error:
        sys.exit(str(error))
    images, prototypes = load_images(options.cache), load_judge(options.cache)
    vocabulary = vocabulary_of(options.model)
    names = set(vocabulary.labels["en"]) if vocabulary else set()
    shown = [i for i, c in enumerate(images.concepts) if c.name in names and prototypes.known[i]]
    every = requests(images.concepts, shown, options.prompts, options.practice)
    asked = [request for request in every if KINDS[request.kind] in ("en", *options.kinds)]
    renderer = Renderer(model, device, config)
    known = [r for r in asked if not vocabulary or not vocabulary.understand(r.include).empty]
    finished = options.out / "finished"
    images_of = iter(
        paint(renderer, [r.asked for r in known], options.seeds, options.steps, finished)
    )
    white = Image.new("RGB", (SIDE, SIDE), "white")  # for what is refused: a miss
    painted = [next(images_of) if r in known else white for r in asked * options.seeds]
    four = [r for r in asked if r.kind == "en"][: options.varied]
    fours = to_tensor(paint(renderer, [r.asked for r in four], 4, options.steps, finished))
    report = "\n\n".join(
        [
            *_report(options.cache, images, prototypes, model, asked * options.seeds, painted),
            _variety(prototypes, images, four, fours),
            f"{len(painted)} images of {len(asked)} prompts by the model {model.name}, of which "
            f"{len(asked) - len(known)} were refused, {options.steps} steps ({description()}).",
        ]
    )
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "things.md").write_text(report + "\n")
    _save_images(options.out, images, asked, painted[: len(asked)], options.shown)
    _save_best_and_worst(options.out, options.cache, images, asked * options.seeds, painted)
    print(report)


def _report(
    cache: Path,
    images: Images,
    prototypes: PrototypeJudge,
    model: Model,
    asked: Sequence[Request],
    painted: Sequence[Image.Image],
) -> list[str]:
    """The paragraphs about what was found."""
    shown, pictures = real_images(images, asked)
    decoded = reconstructed(model.vqgan, pictures, model.side)
    seen = to_tensor(painted)
    judges: dict[str, Judge] = {"prototypes": prototypes, "classifier": load_classifier(cache)}
    columns = {
        name: (
            judged(judge, asked, seen),
            ceilings(judge, shown, pictures),
            ceilings(judge, shown, decoded),
        )
        for name, judge in judges.items()
    }
    ones = single(asked, seen)
    real_ones = single(shown, pictures)
    styled = [(r.style, image) for r, image in zip(asked, seen, strict=True) if r.style]
    near, between, copies = nearness(prototypes, images, asked, seen)
    names = [concept.name for concept in images.concepts]
    unseen = Random("unseen").sample(judge_images(images), REAL)
    by_others = on_white(images, unseen), torch.from_numpy(images.concept[unseen])
    named = named_by_clip(model, names, *by_others)
    captions = [with_article(names[concept]) for concept in by_others[1]]
    similar = similarity_to_captions(model, captions, by_others[0])
    return [
        report_of(columns),
        f"Exactly one thing where one is asked for: {_percent(ones)} of {len(ones)}; of real "
        f"images, {_percent(real_ones)}.",
        *_styles(prototypes, images, model, styled),
        f"The right name among the {', '.join(map(str, TOP))} that the model's CLIP finds nearest, "
        f"of real images by makers it was not trained on: {named}.",
        f"The mean cosine of cutouts of these images to their captions: {_quantiles(similar)}.",
        f"Mean distance of an image to the nearest training image of the same thing: {near:.2f}; "
        f"of a training image to the nearest one by another maker: {between:.2f}. Nearer than any "
        f"two makers are: {100 * copies:.0f} %.",
    ]


def _quantiles(values: Tensor) -> str:
    shares = (0.5, 0.75, 0.9, 0.95)
    return ", ".join(f"{values.quantile(q):.2f} or less for {100 * q:.0f} %" for q in shares)


def _percent(said: Sequence[bool]) -> str:
    return f"{100 * sum(said) / max(1, len(said)):.0f} %"


def _styles(
    judge: PrototypeJudge,
    images: Images,
    model: Model,
    painted: Sequence[tuple[str, Tensor]],
) -> Iterator[str]:
    """Of styles that were asked for and their images, if there are any."""
    if not painted:
        return
    style_judge = load_style_judge(images, judge.network, sorted({style for style, _ in painted}))
    answers = style_judge.answers(torch.stack([image for _, image in painted]))
    real = style_judge.ceiling(style_judge.unseen)
    decoded = style_judge.ceiling(reconstructed(model.vqgan, style_judge.unseen, model.side))
    right = [answer == style for answer, (style, _) in zip(answers, painted, strict=True)]
    yield (
        f"Style as asked for: {_percent(right)} of {len(right)}; of real images, "
        f"{100 * real:.0f} %, and of these after decoding {100 * decoded:.0f} %."
    )


def _variety(
    judge: PrototypeJudge,
    images: Images,
    asked: Sequence[Request],
    painted: Tensor,
) -> str:
    by_prompt = [painted[i :: len(asked)] for i in range(len(asked))]
    makers = spread_of_makers(judge, images, [request.things[0] for request in asked])
    return (
        f"Mean distance between four images of one request, of that between makers: "
        f"{spread(judge, by_prompt) / makers:.2f}."
    )


def _save_images(
    out: Path, images: Images, asked: Sequence[Request], painted: Sequence[Image.Image], shown: int
) -> None:
    """Every image, the prompts, and a contact sheet of some."""
    (out / "images").mkdir(exist_ok=True)
    for number, picture in enumerate(painted):
        picture.save(out / "images" / f"{number:03}.png")
    prompts = [asdict(request) for request in asked]
    (out / "things.json").write_text(json.dumps(prompts, indent=1, ensure_ascii=False))
    some = evenly(len(asked), shown)
    shown_as = [asked[i].caption(images.concepts) for i in some]
    sheet = contact_sheet(shown_as, [painted[i] for i in some], columns=12)
    sheet.save(out / "things.png")


def _save_best_and_worst(
    out: Path,
    cache: Path,
    images: Images,
    asked: Sequence[Request],
    painted: Sequence[Image.Image],
) -> None:
    """A contact sheet of the best and the worst images.

    The classifier ranks the requested thing highest in the upper ones, and lowest in the lower
    ones.
    """
    found = ranks(load_classifier(cache), asked, to_tensor(painted))
    order = sorted(range(len(asked)), key=found.__getitem__)
    chosen = order[:EXTREMES] + order[-EXTREMES:]
    captions = [asked[i].caption(images.concepts) for i in chosen]
    sheet = contact_sheet(captions, [painted[i] for i in chosen], columns=10)
    sheet.save(out / "best-and-worst.png")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.quality.things", description=__doc__)
    parser.add_argument("--model", default="picturebook")
    parser.add_argument("--weights", type=Path, help="a folder with the model's files, to try it")
    parser.add_argument("--data-dir", type=Path, default=Path("data"))
    parser.add_argument("--cache", type=Path, default=Path("runs/data"), help="the image sets")
    parser.add_argument("--prompts", type=int, help="about how many prompts, evenly from each kind")
    parser.add_argument(
        "--kinds", nargs="+", choices=SHARES, default=list(SHARES), help="beside English names"
    )
    parser.add_argument("--practice", action="store_true", help="practice prompts, for tuning")
    parser.add_argument("--seeds", type=int, default=2, help="images of each prompt")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--side", type=int, help="of the images, in pixels (default: the model's)")
    parser.add_argument("--varied", type=int, default=8, help="prompts rendered four times")
    parser.add_argument("--shown", type=int, default=96, help="prompts on the contact sheet")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, default=Path("out/quality"))
    parser.add_argument(
        "--config", nargs="+", default=[], metavar="KEY=VALUE",
        help="override a value, such as cutouts.count=16",
    )  # fmt: skip
    return parser


if __name__ == "__main__":
    main()
