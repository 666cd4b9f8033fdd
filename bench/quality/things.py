"""`python -m bench.quality.things`: how well a model paints things that it is asked for by name.

The judge is the nearest prototype in the features of an ImageNet network, from picture sets that no
shipped network was trained on. Every rate stands beside its ceiling: what the same judge says of
real pictures by a maker whom its prototypes do not know.

It needs the picture sets: `python -m training data`.
"""

import argparse
import json
import sys
import time
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from random import Random

import numpy as np
import torch
from PIL import Image
from scipy import ndimage
from torch import Tensor
from torch.nn import functional as F

from bench.quality.benchmark import contact_sheet, evenly, paint, parse_value
from bench.quality.prompts import Asked
from core.vocabulary import vocabulary_of
from engine.device import DeviceError, choose_device, description
from engine.models import catalogue
from engine.models.catalogue import WeightsError
from engine.models.model import Model, load_model, read_model
from engine.synthesis.config import CONFIGS, override
from engine.synthesis.renderer import Renderer
from training.data.concepts import Concept
from training.data.drawn_scenes import COLOURS, Scene
from training.data.images import SIDE, Images, load_images
from training.data.sources import sources
from training.judges.prototypes import PrototypeJudge, features_of, hits, load_judge, on_white

HELD_OUT = Path(__file__).with_name("held_out.toml")
SHARES = {"en": 80, "foreign": 120, "description": 56, "ground": 48, "two": 48, "exclude": 24,
          "style": 48}  # fmt: skip
"""Prompts of each kind, if there is no limit."""
TOP = (1, 5, 20)
"""How near a thing must be among all, to count."""
UNSEEN = "emojione"
"""The maker whose pictures measure the ceiling; prototypes are then made without it."""
STYLES = {"3d": ("{t} in 3d", "a 3d rendering of {t}"), "outline": ("{t}, outline drawing",),
          "flat": ("{t} in a flat style",)}  # fmt: skip
GROUNDS = ("{t} before a plain {c} backdrop", "{c} background, {t} in the middle")
TWOS = ("{a} together with {b}", "{a} and also {b}", "{a} beside {b}", "{a} and {b}")
COLOURED = [colour for colour in COLOURS if colour not in ("white", "gray", "black", "brown")]


@dataclass(frozen=True, slots=True)
class Request:
    """A prompt, and what must be found in its image."""

    kind: str
    include: str
    things: tuple[int, ...]
    ground: str = ""
    style: str = ""
    exclude: str = ""
    excluded: int = -1

    @property
    def asked(self) -> Asked:
        return Asked(self.kind, self.include, Scene(), frozenset(), self.exclude)

    def caption(self, every: Sequence[Concept]) -> Asked:
        """As it is shown on a contact sheet, whose font has no Japanese."""
        if self.kind != "ja":
            return self.asked
        return replace(self.asked, include=f"in Japanese: {every[self.things[0]].name}")


def requests(
    judge: PrototypeJudge, shown: Sequence[int], limit: int | None, phrasings: str
) -> list[Request]:
    """The prompts, kind by kind; with a limit, as many of each as keep the proportions.

    `phrasings` are "phrasings", which are held out, or "practice". So are the things: those of
    practice are others.
    """
    share = 1.0 if limit is None else limit / sum(SHARES.values())
    return [
        request
        for kind, count in SHARES.items()
        for request in _of_kind(kind, max(2, round(count * share)), judge, shown, phrasings)
    ]


def _of_kind(
    kind: str, count: int, judge: PrototypeJudge, shown: Sequence[int], phrasings: str
) -> Iterator[Request]:
    table = tomllib.loads(HELD_OUT.read_text())
    random, every = Random(f"{phrasings} {kind}"), judge.concepts
    things = random.sample(list(shown), k=2 * count)
    by_name = {concept.name: i for i, concept in enumerate(every)}
    if kind == "description":
        pairs = [(p, by_name[d["thing"]]) for d in table["descriptions"] for p in d["prompts"]]
        yield from (Request(kind, text, (thing,)) for text, thing in pairs[:count])
    elif kind == "exclude":
        for have, without in table["excludes"]["pairs"][: max(1, count // 2)]:
            one, other = by_name[have], by_name[without]
            text = f"{_a(every[one])} and {_a(every[other])}"
            yield Request(kind, text, (one,), excluded=other)
            yield Request(kind, text, (one,), exclude=without, excluded=other)
    else:
        for place in range(count):
            yield _named(kind, place, things, every, table[phrasings], random)


def _named(
    kind: str,
    place: int,
    things: list[int],
    every: list[Concept],
    phrasings: dict[str, list[str]],
    random: Random,
) -> Request:
    thing, other = things[place], things[-1 - place]
    if kind == "ground":
        colour = COLOURED[place % len(COLOURED)]
        text = GROUNDS[place % len(GROUNDS)].format(t=_a(every[thing]), c=colour)
        return Request(kind, text, (thing,), ground=colour)
    if kind == "two":
        text = TWOS[place % len(TWOS)].format(a=_a(every[thing]), b=_a(every[other]))
        return Request(kind, text, (thing, other))
    if kind == "style":
        style = tuple(STYLES)[place % len(STYLES)]
        text = random.choice(STYLES[style]).format(t=_a(every[thing]))
        return Request(kind, text, (thing,), style=style)
    language = "en" if kind == "en" else ("de", "es", "fr", "ja")[place % 4]
    name = _a(every[thing]) if language == "en" else every[thing].names[language]
    return Request(language, random.choice(phrasings[language]).format(t=name), (thing,))


def _a(concept: Concept) -> str:
    return f"{'an' if concept.name[0] in 'aeiou' else 'a'} {concept.name}"


# -- measures --------------------------------------------------------------------------------


def judged(
    judge: PrototypeJudge, asked: Sequence[Request], painted: Tensor
) -> dict[str, list[bool]]:
    """Hits by measure; `painted` (n, 3, SIDE, SIDE) from 0 to 1."""
    found: dict[str, list[bool]] = defaultdict(list)
    similarity = judge.similarity(painted)
    wanted = torch.tensor([request.things[0] for request in asked])
    top = {k: hits(similarity, wanted, k).tolist() for k in TOP}
    for index, (request, image) in enumerate(zip(asked, painted, strict=True)):
        kind, thing = request.kind, top[5][index]
        if kind == "ground":
            right = nearest_colour(border(image)) == request.ground
            found["on a ground: thing (top 5)"].append(thing)
            found["on a ground: ground"].append(right)
            found["on a ground: both"].append(thing and right)
        elif kind == "two":
            found["two things: both (top 10 of halves)"].append(both(judge, request, image))
        elif kind == "exclude":
            there = bool(hits(similarity[index : index + 1], torch.tensor([request.excluded]), 20))
            there = there or _in_a_half(judge, request.excluded, image, 10)
            name = "excluded" if request.exclude else "not excluded"
            found[f"the other thing is there, {name}"].append(there)
        elif kind == "style":
            found["style: thing (top 5)"].append(thing)
        else:
            for k, said in top.items():
                found[f"{kind}: thing (top {k})"].append(said[index])
            found["one thing where one is asked for"].append(parts(image) == 1)
    return found


def both(judge: PrototypeJudge, request: Request, image: Tensor) -> bool:
    """Whether each thing is among the ten nearest of a half of its own."""
    one, other = request.things
    for first, second in (halves(image), halves(image)[::-1]):
        if _among(judge, one, first, 10) and _among(judge, other, second, 10):
            return True
    return False


def _in_a_half(judge: PrototypeJudge, thing: int, image: Tensor, among: int) -> bool:
    return any(_among(judge, thing, half, among) for half in halves(image))


def _among(judge: PrototypeJudge, thing: int, image: Tensor, among: int) -> bool:
    return bool(hits(judge.similarity(image[None]), torch.tensor([thing]), among))


def halves(image: Tensor) -> list[Tensor]:
    """The left and the right half, each made a square with its ground and full size."""
    quarter = SIDE // 4
    cut = [image[:, quarter:-quarter, : SIDE // 2], image[:, quarter:-quarter, SIDE // 2 :]]
    return [F.interpolate(h[None], (SIDE, SIDE), mode="bilinear")[0].clamp(0, 1) for h in cut]


def border(image: Tensor) -> Tensor:
    """The median colour (3,) of the two outermost rows and columns."""
    strips = (image[:, :2], image[:, -2:], image[:, :, :2], image[:, :, -2:])
    return torch.cat([strip.flatten(1) for strip in strips], 1).median(1).values


def nearest_colour(colour: Tensor) -> str:
    """The name of the nearest of the grounds' colours in RGB."""
    shades = {name: torch.tensor(shade) / 255 for name, shade in COLOURS.items()}
    return min(shades, key=lambda name: float((shades[name] - colour).square().sum()))


def parts(image: Tensor) -> int:
    """How many separate patches of a twentieth of the image or more differ from the ground."""
    different = (image - border(image)[:, None, None]).abs().amax(0) > 0.12
    mask = F.max_pool2d(different.float()[None, None], 7, 1, 3)[0, 0] > 0
    labels, _ = ndimage.label(mask.numpy())
    return int((np.bincount(labels.flat)[1:] > SIDE**2 / 20).sum())


# -- the report ------------------------------------------------------------------------------


def ceiling(cache: Path, images: Images) -> dict[str, float]:
    """What the judge says of real pictures by a maker that its prototypes do not know."""
    judge = load_judge(cache, leave_out=UNSEEN)
    rows = [int(i) for i in images.of(UNSEEN) if images.concept[i] >= 0]
    rows = [i for i in rows if judge.known[images.concept[i]]]
    pictures = on_white(images, rows)
    wanted = torch.from_numpy(images.concept[rows])
    similarity = judge.similarity(pictures)
    rates = {f"thing (top {k})": hits(similarity, wanted, k).float().mean().item() for k in TOP}
    some = range(0, len(rows), 10)
    rates["one thing where one is asked for"] = sum(parts(pictures[i]) == 1 for i in some) / len(
        some
    )
    return rates


@torch.no_grad()
def named_by_clip(model: Model, images: Images) -> str:
    """How often the model's own CLIP finds the name of a real picture that it has not seen."""
    rows = [int(i) for i in images.of(UNSEEN) if images.concept[i] >= 0]
    pictures = F.interpolate(on_white(images, rows), model.perceptor.resolution, mode="area")
    seen = torch.cat([model.perceptor.embed_images(batch) for batch in pictures.split(64)])
    names = [concept.name for concept in images.concepts]
    read = torch.cat(
        [model.perceptor.embed_texts(names[i : i + 256]) for i in range(0, len(names), 256)]
    )
    wanted = torch.from_numpy(images.concept[rows])
    rates = (hits(seen @ read.t(), wanted, k).float().mean().item() for k in TOP)
    return ", ".join(f"{100 * rate:.0f} %" for rate in rates)


def spread(judge: PrototypeJudge, painted: Sequence[Tensor]) -> float:
    """The mean distance in the judge's features between the images of a prompt."""
    return sum(_mean_distance(judge, images) for images in painted) / len(painted)


def spread_of_makers(judge: PrototypeJudge, images: Images, things: Sequence[int]) -> float:
    """The same between the training sets' pictures of each thing."""
    makers = [s.name for s in sources().images if s.use == "train"]
    every = images.of(*makers)
    distances = []
    for thing in things:
        rows = [int(i) for i in every if images.concept[i] == thing]
        if len(rows) > 1:
            distances.append(_mean_distance(judge, on_white(images, rows)))
    return sum(distances) / len(distances)


def _mean_distance(judge: PrototypeJudge, pictures: Tensor) -> float:
    features = F.normalize(features_of(judge.network, pictures) - judge.mean, dim=1)
    return float(F.pdist(features).mean())


def to_tensor(pictures: Sequence[Image.Image]) -> Tensor:
    """(n, 3, SIDE, SIDE) from 0 to 1."""
    arrays = [np.asarray(picture.convert("RGB").resize((SIDE, SIDE))) for picture in pictures]
    return torch.from_numpy(np.stack(arrays)).movedim(-1, 1).float() / 255


def table(rates: dict[str, list[bool]], ceilings: dict[str, float]) -> str:
    """One Markdown table of all rates, with the ceilings where there are any."""
    lines = ["| | n | painted | real pictures |", "| --- | ---: | ---: | ---: |"]
    for measure, said in rates.items():
        known = next((rate for name, rate in ceilings.items() if measure.endswith(name)), None)
        ceiling = "" if known is None else f"{100 * known:.0f} %"
        lines.append(
            f"| {measure} | {len(said)} | {100 * sum(said) / len(said):.0f} % | {ceiling} |"
        )
    return "\n".join(lines)


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
        config = override(CONFIGS[options.model], dict(map(parse_value, options.config)))
    except (DeviceError, WeightsError, ValueError) as error:
        sys.exit(str(error))
    images, judge = load_images(options.cache), load_judge(options.cache)
    vocabulary = vocabulary_of(options.model)
    names = set(vocabulary.labels["en"]) if vocabulary else set()
    shown = [i for i, c in enumerate(images.concepts) if c.name in names and judge.known[i]]
    phrasings = "practice" if options.practice else "phrasings"
    asked = requests(judge, shown, options.prompts, phrasings)
    renderer = Renderer(model, device, config)
    began = time.monotonic()
    known = [r for r in asked if not vocabulary or not vocabulary.understand(r.include).empty]
    images_of = iter(paint(renderer, [r.asked for r in known], options.seeds, options.steps))
    white = Image.new("RGB", (SIDE, SIDE), "white")  # for what is refused: a miss
    painted = [next(images_of) if r in known else white for r in asked * options.seeds]
    seconds = (time.monotonic() - began) / len(painted)
    rates = judged(judge, asked * options.seeds, to_tensor(painted))
    four = [r for r in asked if r.kind == "en"][: options.varied]
    fours = to_tensor(paint(renderer, [r.asked for r in four], 4, options.steps))
    by_prompt = [fours[i :: len(four)] for i in range(len(four))]
    makers = spread_of_makers(judge, images, [r.things[0] for r in four])
    variety = spread(judge, by_prompt) / makers
    report = (
        f"{table(rates, ceiling(options.cache, images))}\n\n"
        f"Real pictures that CLIP has not seen and names right, among the nearest "
        f"{', '.join(map(str, TOP))}: {named_by_clip(model, images)}.\n\n"
        f"Mean distance between four images of one request, of that between makers: "
        f"{variety:.2f}.\n\n{len(painted)} images by the model {model.name}, {options.steps} "
        f"steps: {seconds:.1f} s an image ({description()}).\n"
    )
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "things.md").write_text(report)
    numbers = {"rates": rates, "variety": variety, "seconds": seconds,
               "prompts": [asdict(request) for request in asked]}  # fmt: skip
    (options.out / "things.json").write_text(json.dumps(numbers, indent=1, ensure_ascii=False))
    some = evenly(len(asked), options.shown)
    shown_as = [asked[i].caption(images.concepts) for i in some]
    sheet = contact_sheet(shown_as, [painted[i] for i in some], columns=12)
    sheet.save(options.out / "things.png")
    print(report)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.quality.things", description=__doc__)
    parser.add_argument("--model", default="picturebook")
    parser.add_argument("--weights", type=Path, help="a folder with the model's files, to try it")
    parser.add_argument("--data-dir", type=Path, default=Path("data"))
    parser.add_argument("--cache", type=Path, default=Path("runs/data"), help="the picture sets")
    parser.add_argument("--prompts", type=int, help="about so many, evenly from each kind")
    parser.add_argument("--practice", action="store_true", help="others, to choose numbers by")
    parser.add_argument("--seeds", type=int, default=2, help="images of each prompt")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--varied", type=int, default=8, help="prompts painted four times")
    parser.add_argument("--shown", type=int, default=96, help="prompts on the contact sheet")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, default=Path("out/quality"))
    parser.add_argument(
        "--config", nargs="+", default=[], metavar="KEY=VALUE",
        help="try other numbers, such as cutouts.count=16",
    )  # fmt: skip
    return parser


if __name__ == "__main__":
    main()
