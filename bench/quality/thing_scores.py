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
"""A thing counts as found if it is among this many nearest."""
CONTRAST = 0.12
"""Difference from the background, 0 to 1, of a pixel that does not belong to it."""


class Judge(Protocol):
    """A judge of which things an image shows."""

    def similarity(self, images: Tensor) -> Tensor:
        """(n, 3, SIDE, SIDE) from 0 to 1 → (n, concepts): higher is more certain."""


def score_images(
    judge: Judge, requests: Sequence[Request], rendered: Tensor
) -> dict[str, list[bool]]:
    """Hits by measure. `rendered` (n, 3, SIDE, SIDE) from 0 to 1 are the images of the requests."""
    found: dict[str, list[bool]] = defaultdict(list)
    similarity = judge.similarity(rendered)
    wanted = torch.tensor([request.things[0] for request in requests])
    top = {k: hits(similarity, wanted, k).tolist() for k in TOP}
    for index, (request, image) in enumerate(zip(requests, rendered, strict=True)):
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
            for k, top_hits in top.items():
                found[f"{kind}: thing (top {k})"].append(top_hits[index])
    return found


def ranks(judge: Judge, requests: Sequence[Request], rendered: Tensor) -> list[int]:
    """For each image, how many things the judge ranks above the right one."""
    similarity = judge.similarity(rendered)
    right = similarity.gather(1, torch.tensor([[request.things[0]] for request in requests]))
    return (similarity > right).sum(1).tolist()


def show_one_thing(requests: Sequence[Request], rendered: Tensor) -> list[bool]:
    """For each image of a thing requested alone: whether it shows exactly one patch."""
    kinds = ("en", "de", "es", "fr", "ja", "description")
    pairs = zip(requests, rendered, strict=True)
    return [patches(image) == 1 for request, image in pairs if request.kind in kinds]


def both(judge: Judge, request: Request, image: Tensor) -> bool:
    """Whether each thing is among the top 10 of a different half."""
    one, other = request.things
    for first, second in (halves(image), halves(image)[::-1]):
        if _in_top(judge, one, first, 10) and _in_top(judge, other, second, 10):
            return True
    return False


def _in_a_half(judge: Judge, thing: int, image: Tensor, k: int) -> bool:
    return any(_in_top(judge, thing, half, k) for half in halves(image))


def _in_top(judge: Judge, thing: int, image: Tensor, k: int) -> bool:
    return bool(hits(judge.similarity(image[None]), torch.tensor([thing]), k))


def halves(image: Tensor) -> list[Tensor]:
    """The left and the right half, cropped to squares and enlarged to full size."""
    quarter = SIDE // 4
    cut = [image[:, quarter:-quarter, : SIDE // 2], image[:, quarter:-quarter, SIDE // 2 :]]
    return [F.interpolate(h[None], (SIDE, SIDE), mode="bilinear")[0].clamp(0, 1) for h in cut]


def border(image: Tensor) -> Tensor:
    """The median colour (3,) of the two outermost rows and columns."""
    strips = (image[:, :2], image[:, -2:], image[:, :, :2], image[:, :, -2:])
    return torch.cat([strip.flatten(1) for strip in strips], 1).median(1).values


def nearest_colour(colour: Tensor) -> str:
    """The name of the nearest background colour in RGB."""
    shades = {name: torch.tensor(shade) / 255 for name, shade in COLOURS.items()}
    return min(shades, key=lambda name: float((shades[name] - colour).square().sum()))


def foreground(image: Tensor) -> Tensor:
    """Which pixels (SIDE, SIDE) differ from the background."""
    return (image - border(image)[:, None, None]).abs().amax(0) > CONTRAST


def patches(image: Tensor) -> int:
    """The number of patches that differ from the background and cover over 5 % of the image."""
    different = foreground(image)
    mask = F.max_pool2d(different.float()[None, None], 7, 1, 3)[0, 0] > 0
    labels, _ = ndimage.label(mask.numpy())
    return int((np.bincount(labels.flat)[1:] > SIDE**2 / 20).sum())


def spread(judge: PrototypeJudge, rendered: Sequence[Tensor]) -> float:
    """The mean distance between the images of a prompt, in the judge's features."""
    return sum(float(_distances(judge, images).mean()) for images in rendered) / len(rendered)


def spread_of_makers(judge: PrototypeJudge, images: Images, things: Sequence[int]) -> float:
    """The mean distance between the training sets' images of a thing, in the judge's features."""
    found = [
        _distances(judge, views) for thing in things if len(views := _views(images, thing)) > 1
    ]
    return sum(float(distances.mean()) for distances in found) / len(found)


def nearness(
    judge: PrototypeJudge, images: Images, requests: Sequence[Request], rendered: Tensor
) -> tuple[float, float, float]:
    """How close images are to training images of the same thing, in the judge's features.

    Returns the mean distance to the nearest one, the mean distance of training images to the
    nearest one by another maker, and the share of rendered images that are closer to a training
    image than any two makers' images are to each other.
    """
    nearest, between, copies = [], [], []
    for request, image in zip(requests, rendered, strict=True):
        views = _views(images, request.things[0])
        if request.kind != "en" or len(views) < 2:
            continue
        known, seen = _features(judge, views), _features(judge, image[None])
        distances = torch.cdist(known, known).fill_diagonal_(torch.inf).amin(1)
        own = float(torch.cdist(seen, known).min())
        nearest.append(own)
        between.append(float(distances.mean()))
        copies.append(own < float(distances.min()))
    count = max(1, len(nearest))
    return sum(nearest) / count, sum(between) / count, sum(copies) / count


def _views(images: Images, thing: int) -> Tensor:
    """The training sets' images of a thing, on white."""
    makers = [s.name for s in sources().images if s.use == "train"]
    return on_white(images, [int(i) for i in images.of(*makers) if images.concept[i] == thing])


def _features(judge: PrototypeJudge, images: Tensor) -> Tensor:
    return F.normalize(features_of(judge.network, images) - judge.mean, dim=1)


def _distances(judge: PrototypeJudge, images: Tensor) -> Tensor:
    return F.pdist(_features(judge, images))
