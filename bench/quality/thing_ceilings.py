"""The ceilings of `bench.quality.things`: the judges' rates for real images, composed as requested.

A model whose images are as good as people's drawings would reach these rates.
"""

from collections.abc import Sequence
from random import Random

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from bench.quality.thing_requests import Request
from bench.quality.thing_scores import Judge, score_images
from core.understanding.composition import FAR, HALF, LAND_SIZE, NEAR, ON_LAND
from engine.models.vqgan import VQGAN
from training.data.images import Images
from training.data.scenes import Scene, SceneMaker, Thing

UNSEEN_SETS = ("noto", "twemoji", "fluent-flat", "fluent-3d")
"""Image sets that the judges were not trained on; they measure the ceilings."""


def real_images(images: Images, requests: Sequence[Request]) -> tuple[list[Request], Tensor]:
    """The requests for which UNSEEN_SETS have images, and these (n, 3, SIDE, SIDE) from 0 to 1.

    Things are placed as by `core.understanding.composition`. Requests of the kind exclude are left
    out.
    """
    maker, random = SceneMaker(images, UNSEEN_SETS), Random("real")
    kept = [
        request
        for request in requests
        if request.kind != "exclude" and set(request.things) <= maker.by_concept.keys()
    ]
    drawn = np.stack([maker.draw(_scene(maker, request, random)) for request in kept])
    return kept, torch.from_numpy(drawn).movedim(-1, 1).float() / 255


def _scene(maker: SceneMaker, request: Request, random: Random) -> Scene:
    shown = [random.choice(maker.by_concept[thing]) for thing in request.things]
    jitter = random.getrandbits(32)
    if request.kind == "two":
        places = zip(shown, (NEAR, FAR), strict=True)
        return Scene(tuple(Thing(image, x=x, size=HALF) for image, x in places), jitter=jitter)
    if request.kind == "landscape":
        thing = Thing(shown[0], *ON_LAND, size=LAND_SIZE)
        return Scene((thing,), landscape=maker.in_landscape(random).landscape, jitter=jitter)
    return Scene((Thing(shown[0], size=1.0),), ground=request.ground or "white", jitter=jitter)


@torch.no_grad()
def reconstructed(vqgan: VQGAN, images: Tensor, side: int) -> Tensor:
    """Images (n, 3, SIDE, SIDE) after encoding and decoding at a model's side."""
    large = F.interpolate(images, (side, side), mode="bilinear", align_corners=False)
    batches = [vqgan.decode(vqgan.quantise(vqgan.encode(b))) for b in large.split(16)]
    decoded = torch.cat(batches).float().clamp(0, 1)
    return F.interpolate(decoded, images.shape[2:], mode="area")


def ceilings(judge: Judge, requests: Sequence[Request], images: Tensor) -> dict[str, float]:
    """A judge's rates for these images, 0 to 1, by measure."""
    found = score_images(judge, requests, images)
    return {measure: sum(hits) / len(hits) for measure, hits in found.items()}
