"""Scores the images of `bench.quality.things`."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor
from torch.nn import functional as F

from bench.quality.thing_requests import Request
from training.data.drawn_scenes import COLOURS
from training.data.images import SIDE, Images
from training.data.sources import sources
from training.judges.prototypes import PrototypeJudge, features_of, hits, on_white

TOP = (1, 5, 20)
"""The ranks within which a thing counts as found."""


class Judge(Protocol):
    """A judge of which things an image shows."""

    def similarity(self, images: Tensor) -> Tensor:
        """(n, 3, SIDE, SIDE) from 0 to 1 → (n, concepts): higher is more certain."""


def judged(judge: Judge, asked: Sequence[Request], painted: Tensor) -> dict[str, list[bool]]:
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
        elif kind == "landscape":
            found["in a landscape: thing (top 5)"].append(thing)
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
    return found


def ranks(judge: Judge, asked: Sequence[Request], painted: Tensor) -> list[int]:
    """For each image, how many things the judge ranks above the right one."""
    similarity = judge.similarity(painted)
    right = similarity.gather(1, torch.tensor([[request.things[0]] for request in asked]))
    return (similarity > right).sum(1).tolist()


def single(asked: Sequence[Request], painted: Tensor) -> list[bool]:
    """For each image of one thing by its name alone: whether it shows exactly one patch."""
    kinds = ("en", "de", "es", "fr", "ja", "description")
    pairs = zip(asked, painted, strict=True)
    return [patches(image) == 1 for request, image in pairs if request.kind in kinds]


def both(judge: Judge, request: Request, image: Tensor) -> bool:
    """Whether each thing is among the ten nearest to a different half."""
    one, other = request.things
    for first, second in (halves(image), halves(image)[::-1]):
        if _among(judge, one, first, 10) and _among(judge, other, second, 10):
            return True
    return False


def _in_a_half(judge: Judge, thing: int, image: Tensor, among: int) -> bool:
    return any(_among(judge, thing, half, among) for half in halves(image))


def _among(judge: Judge, thing: int, image: Tensor, among: int) -> bool:
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


def patches(image: Tensor) -> int:
    """How many separate patches of a twentieth of the image or more differ from the ground."""
    different = (image - border(image)[:, None, None]).abs().amax(0) > 0.12
    mask = F.max_pool2d(different.float()[None, None], 7, 1, 3)[0, 0] > 0
    labels, _ = ndimage.label(mask.numpy())
    return int((np.bincount(labels.flat)[1:] > SIDE**2 / 20).sum())


def spread(judge: PrototypeJudge, painted: Sequence[Tensor]) -> float:
    """The mean distance in the judge's features between the images of a prompt."""
    return sum(float(_distances(judge, images).mean()) for images in painted) / len(painted)


def spread_of_makers(judge: PrototypeJudge, images: Images, things: Sequence[int]) -> float:
    """The same between the images of each thing in the training sets."""
    found = [
        _distances(judge, views) for thing in things if len(views := _views(images, thing)) > 1
    ]
    return sum(float(distances.mean()) for distances in found) / len(found)


def nearness(
    judge: PrototypeJudge, images: Images, asked: Sequence[Request], painted: Tensor
) -> tuple[float, float, float]:
    """How near images are to training images of the same thing, in the judge's features.

    The mean distance to the nearest one, the mean distance of training images to their nearest one
    by another maker, and the share of rendered images that are nearer than those of any two makers.
    """
    nearest, between, copies = [], [], []
    for request, image in zip(asked, painted, strict=True):
        views = _views(images, request.things[0])
        if request.kind != "en" or len(views) < 2:
            continue
        known, seen = _features(judge, views), _features(judge, image[None])
        apart = torch.cdist(known, known).fill_diagonal_(torch.inf).amin(1)
        own = float(torch.cdist(seen, known).min())
        nearest.append(own)
        between.append(float(apart.mean()))
        copies.append(own < float(apart.min()))
    count = max(1, len(nearest))
    return sum(nearest) / count, sum(between) / count, sum(copies) / count


def _views(images: Images, thing: int) -> Tensor:
    """The training sets' images of a thing, on white."""
    makers = [s.name for s in sources().images if s.use == "train"]
    return on_white(images, [int(i) for i in images.of(*makers) if images.concept[i] == thing])


def _features(judge: PrototypeJudge, pictures: Tensor) -> Tensor:
    return F.normalize(features_of(judge.network, pictures) - judge.mean, dim=1)


def _distances(judge: PrototypeJudge, pictures: Tensor) -> Tensor:
    return F.pdist(_features(judge, pictures))
