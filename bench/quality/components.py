"""`python -m bench.quality.components`: how many principal components the prior needs.

Real images of sets that the judges were not trained on are encoded, reduced to the prior's first
components, and decoded. It needs the image sets: `python -m training data`.
"""

import argparse
from pathlib import Path
from random import Random

import torch
from torch import Tensor

from bench.markdown import table
from bench.quality.thing_ceilings import UNSEEN_SETS
from engine.models.model import load_model
from engine.models.prior import LatentPrior
from training.data.images import Images, load_images
from training.judges.classifier import load_classifier
from training.judges.prototypes import PrototypeJudge, hits, load_judge, on_white

COUNTS = (256, 512, 768)
IMAGES = 200
TOP = 5
"""A thing counts as recognised if it is among this many nearest."""


def real_images(images: Images, judge: PrototypeJudge) -> tuple[Tensor, Tensor]:
    """A sample of IMAGES (n, 3, SIDE, SIDE) from 0 to 1, and the concepts that they show (n,)."""
    rows = [int(i) for i in images.of(*UNSEEN_SETS) if images.concept[i] >= 0]
    known = [i for i in rows if judge.known[images.concept[i]]]
    chosen = Random("components").sample(known, IMAGES)
    return on_white(images, chosen), torch.from_numpy(images.concept[chosen])


def reduced(prior: LatentPrior, latents: Tensor, count: int) -> Tensor:
    """Latents (n, channels, side, side) reconstructed from their first components."""
    components = prior.project(latents)
    components[:, count:] = 0
    return prior.reconstruct(components)


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.quality.components", description=__doc__)
    parser.add_argument("--cache", type=Path, default=Path("runs/data"), help="the image sets")
    cache = parser.parse_args().cache
    model = load_model("picturebook", Path("data"), torch.device("cpu"))
    prior, vqgan = model.prior, model.vqgan
    assert isinstance(prior, LatentPrior)
    image_sets, prototypes = load_images(cache), load_judge(cache)
    judges = (prototypes, load_classifier(cache))
    originals, wanted = real_images(image_sets, prototypes)
    latents = torch.cat([vqgan.encode(batch) for batch in originals.split(16)])
    rows = []
    for count in (*COUNTS, latents[0].numel()):
        kept = latents if count > prior.components else reduced(prior, latents, count)
        batches = [vqgan.decode(vqgan.quantise(batch)) for batch in kept.split(16)]
        decoded = torch.cat(batches).float().clamp(0, 1)
        psnr = -10 * (decoded - originals).square().mean().log10()
        found = [hits(judge.similarity(decoded), wanted, TOP).float().mean() for judge in judges]
        rows.append((count, f"{psnr:.1f} dB", *(f"{100 * rate:.0f} %" for rate in found)))
    heading = ("numbers", "PSNR", "prototypes, among five", "classifier, among five")
    print(table(heading, rows))


if __name__ == "__main__":
    main()
