"""`python -m bench.quality.things`: how well a model renders things that are requested by name.

Two judges look at the images, both trained on image sets that no shipped network was trained on:
the nearest prototype and a classifier, in the features of an ImageNet network that the model does
not contain. Rates are shown with their ceilings: the judge's rates for real images of the same, of
sets that it was not trained on, and for these after the VQGAN has encoded and decoded them.

It needs the image sets: `python -m training data`. A run that was stopped continues with the
images in `--out`; delete them after changing the code.
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
from bench.quality.benchmark import contact_sheet, evenly, parse_value, render
from bench.quality.thing_ceilings import ceilings, real_images, reconstructed
from bench.quality.thing_requests import SHARES, Request, make_requests
from bench.quality.thing_scores import (
    TOP,
    Judge,
    nearness,
    ranks,
    score_images,
    show_one_thing,
    spread,
    spread_of_makers,
)
from core.understanding.vocabulary import vocabulary_of
from engine.device import DeviceError, choose_device, describe_machine
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
"""Real images, from the judges' sets, with which the model's CLIP is measured."""
KINDS = {kind: kind for kind in SHARES} | dict.fromkeys(("de", "es", "fr", "ja"), "foreign")
"""The kind in `SHARES` of each kind of request; requests by name have their language as kind."""
EXTREMES = 40
"""The number of best and of worst images on their contact sheet."""


@torch.no_grad()
def named_by_clip(model: Model, names: Sequence[str], images: Tensor, wanted: Tensor) -> str:
    """How often the model's own CLIP ranks the right name of an image in the TOP."""
    small = F.interpolate(images, (model.perceptor.resolution,) * 2, mode="area")
    embedded_images = torch.cat([model.perceptor.embed_images(batch) for batch in small.split(64)])
    batches = [names[i : i + 256] for i in range(0, len(names), 256)]
    embedded_names = torch.cat([model.perceptor.embed_texts(batch) for batch in batches])
    rates = (
        hits(embedded_images @ embedded_names.t(), wanted, k).float().mean().item() for k in TOP
    )
    return ", ".join(f"{100 * rate:.0f} %" for rate in rates)


@torch.no_grad()
def similarity_to_captions(model: Model, captions: Sequence[str], images: Tensor) -> Tensor:
    """The mean cosine of cutouts of each image (n, 3, SIDE, SIDE) to its caption: (n,)."""
    config, side = CONFIGS[model.name].cutouts, model.perceptor.resolution
    generator = Generator().manual_seed(0)
    found = []
    for image, caption in zip(images, captions, strict=True):
        augmentations = [
            sample_augmentation(config, SIDE, SIDE, side, generator) for _ in range(config.count)
        ]
        repeated = image[None].expand(config.count, -1, -1, -1)
        embedded = model.perceptor.embed_images(make_cutouts(repeated, augmentations, side))
        found.append((embedded @ model.perceptor.embed_texts([caption])[0]).mean())
    return torch.stack(found)


# -- the report ------------------------------------------------------------------------------


def to_tensor(images: Sequence[Image.Image]) -> Tensor:
    """(n, 3, SIDE, SIDE) from 0 to 1."""
    arrays = [np.asarray(image.convert("RGB").resize((SIDE, SIDE))) for image in images]
    return torch.from_numpy(np.stack(arrays)).movedim(-1, 1).float() / 255


Columns = tuple[dict[str, list[bool]], dict[str, float], dict[str, float]]
"""A judge's hits for rendered images, and its rates for real and for reconstructed ones."""


def report_of(by_judge: dict[str, Columns]) -> str:
    """A Markdown table of all rates. "40 % of 52/45": rendered, of real / reconstructed images."""
    rows = []
    (first, _, _), *_ = by_judge.values()
    for measure, scored in first.items():
        cells = [
            _cell(measure, hits_of[measure], real, decoded)
            for hits_of, real, decoded in by_judge.values()
        ]
        rows.append((measure, len(scored), *cells))
    return table(("", "n", *by_judge), rows)


def _cell(
    measure: str, scored: list[bool], real: dict[str, float], decoded: dict[str, float]
) -> str:
    rate = f"{100 * sum(scored) / len(scored):.0f} %"
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
    all_requests = make_requests(images.concepts, shown, options.prompts, options.practice)
    requests = [
        request for request in all_requests if KINDS[request.kind] in ("en", *options.kinds)
    ]
    renderer = Renderer(model, device, config)
    known = [r for r in requests if not vocabulary or not vocabulary.understand(r.include).empty]
    finished = options.out / "finished"
    rendered_images = iter(
        render(renderer, [r.prompt for r in known], options.seeds, options.steps, finished)
    )
    white = Image.new("RGB", (SIDE, SIDE), "white")  # for refused requests, which count as misses
    rendered = [next(rendered_images) if r in known else white for r in requests * options.seeds]
    varied = [r for r in requests if r.kind == "en"][: options.varied]
    variations = render(renderer, [r.prompt for r in varied], 4, options.steps, finished)
    report = "\n\n".join(
        [
            *_report(options.cache, images, prototypes, model, requests * options.seeds, rendered),
            *_variety(prototypes, images, varied, variations),
            f"{len(rendered)} images of {len(requests)} prompts by the model {model.name}, of "
            f"which {len(requests) - len(known)} were refused, {options.steps} steps "
            f"({describe_machine()}).",
        ]
    )
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "things.md").write_text(report + "\n")
    _save_images(options.out, images, requests, rendered[: len(requests)], options.shown)
    _save_best_and_worst(options.out, options.cache, images, requests * options.seeds, rendered)
    print(report)


def _report(
    cache: Path,
    images: Images,
    prototypes: PrototypeJudge,
    model: Model,
    requests: Sequence[Request],
    rendered: Sequence[Image.Image],
) -> list[str]:
    """The paragraphs of the report, without variety."""
    shown, real = real_images(images, requests)
    decoded = reconstructed(model.vqgan, real, model.side)
    pixels = to_tensor(rendered)
    judges: dict[str, Judge] = {"prototypes": prototypes, "classifier": load_classifier(cache)}
    columns = {
        name: (
            score_images(judge, requests, pixels),
            ceilings(judge, shown, real),
            ceilings(judge, shown, decoded),
        )
        for name, judge in judges.items()
    }
    alone = show_one_thing(requests, pixels)
    real_alone = show_one_thing(shown, real)
    styled = [(r.style, image) for r, image in zip(requests, pixels, strict=True) if r.style]
    near, between, copies = nearness(prototypes, images, requests, pixels)
    names = [concept.name for concept in images.concepts]
    unseen = Random("unseen").sample(judge_images(images), REAL)
    by_others = on_white(images, unseen), torch.from_numpy(images.concept[unseen])
    named = named_by_clip(model, names, *by_others)
    captions = [with_article(names[concept]) for concept in by_others[1]]
    similar = similarity_to_captions(model, captions, by_others[0])
    return [
        report_of(columns),
        f"Exactly one thing where one is asked for: {_percent(alone)} of {len(alone)}; of real "
        f"images, {_percent(real_alone)}.",
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


def _percent(scored: Sequence[bool]) -> str:
    return f"{100 * sum(scored) / max(1, len(scored)):.0f} %"


def _styles(
    judge: PrototypeJudge,
    images: Images,
    model: Model,
    rendered: Sequence[tuple[str, Tensor]],
) -> Iterator[str]:
    """The paragraph about requested styles, if there are any."""
    if not rendered:
        return
    style_judge = load_style_judge(images, judge.network, sorted({style for style, _ in rendered}))
    answers = style_judge.predict(torch.stack([image for _, image in rendered]))
    real = style_judge.ceiling(style_judge.held_out)
    decoded = style_judge.ceiling(reconstructed(model.vqgan, style_judge.held_out, model.side))
    right = [answer == style for answer, (style, _) in zip(answers, rendered, strict=True)]
    yield (
        f"Style as asked for: {_percent(right)} of {len(right)}; of real images, "
        f"{100 * real:.0f} %, and of these after decoding {100 * decoded:.0f} %."
    )


def _variety(
    judge: PrototypeJudge,
    images: Images,
    requests: Sequence[Request],
    rendered: Sequence[Image.Image],
) -> Iterator[str]:
    """The paragraph about four images of each request, if there are any requests."""
    if not requests:
        return
    pixels = to_tensor(rendered)
    by_prompt = [pixels[i :: len(requests)] for i in range(len(requests))]
    makers = spread_of_makers(judge, images, [request.things[0] for request in requests])
    yield (
        f"Mean distance between four images of one request, of that between makers: "
        f"{spread(judge, by_prompt) / makers:.2f}."
    )


def _save_images(
    out: Path,
    images: Images,
    requests: Sequence[Request],
    rendered: Sequence[Image.Image],
    shown: int,
) -> None:
    """Saves every image, the requests, and a contact sheet of some."""
    (out / "images").mkdir(exist_ok=True)
    for number, image in enumerate(rendered):
        image.save(out / "images" / f"{number:03}.png")
    prompts = [asdict(request) for request in requests]
    (out / "things.json").write_text(json.dumps(prompts, indent=1, ensure_ascii=False))
    indices = evenly(len(requests), shown)
    shown_as = [requests[i].caption(images.concepts) for i in indices]
    sheet = contact_sheet(shown_as, [rendered[i] for i in indices], columns=12)
    sheet.save(out / "things.png")


def _save_best_and_worst(
    out: Path,
    cache: Path,
    images: Images,
    requests: Sequence[Request],
    rendered: Sequence[Image.Image],
) -> None:
    """Saves a contact sheet: the images in which the classifier ranks the requested thing highest,
    then those in which it ranks it lowest.
    """
    found = ranks(load_classifier(cache), requests, to_tensor(rendered))
    order = sorted(range(len(requests)), key=found.__getitem__)
    chosen = order[:EXTREMES] + order[-EXTREMES:]
    captions = [requests[i].caption(images.concepts) for i in chosen]
    sheet = contact_sheet(captions, [rendered[i] for i in chosen], columns=10)
    sheet.save(out / "best-and-worst.png")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.quality.things", description=__doc__)
    parser.add_argument("--model", default="picturebook")
    parser.add_argument("--weights", type=Path, help="use the model's files in this folder")
    parser.add_argument("--data-dir", type=Path, default=Path("data"))
    parser.add_argument(
        "--cache", type=Path, default=Path("runs/data"), help="folder of the image sets"
    )
    parser.add_argument("--prompts", type=int, help="about how many prompts, evenly from each kind")
    parser.add_argument(
        "--kinds", nargs="+", choices=SHARES, default=list(SHARES), help="besides English names"
    )
    parser.add_argument("--practice", action="store_true", help="practice prompts, for tuning")
    parser.add_argument("--seeds", type=int, default=2, help="images per prompt")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--side", type=int, help="of the images, in pixels (default: the model's)")
    parser.add_argument(
        "--varied",
        type=int,
        choices=range(SHARES["en"] + 1),
        default=8,
        metavar="N",
        help="number of prompts rendered four times, for their variety; 0 leaves it out",
    )
    parser.add_argument(
        "--shown", type=int, default=96, help="number of prompts on the contact sheet"
    )
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, default=Path("out/quality"))
    parser.add_argument(
        "--config", nargs="+", default=[], metavar="KEY=VALUE",
        help="override a value, such as cutouts.count=16",
    )  # fmt: skip
    return parser


if __name__ == "__main__":
    main()
