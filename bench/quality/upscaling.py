"""`python -m bench.quality.upscaling`: how much sharper the upscaler is than interpolation.

Scenes by makers that no included network was trained on go through the VQGAN as in a job, are
enlarged threefold, and are compared with the original scenes. It needs the image sets:
`python -m training data`.
"""

import argparse
import time
from pathlib import Path
from random import Random

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from bench.markdown import table
from engine.models.model import load_model
from engine.models.prior import LatentPrior
from engine.models.upscaler import FACTOR
from engine.models.vqgan import VQGAN
from engine.synthesis.latents import to_images, to_tensor
from engine.upscaling import enlarged, upscaled
from training.data.images import LARGE_SIDE, SIDE, load_images
from training.data.scenes import SceneMaker
from training.data.sources import sources

MODEL = "picturebook"
NOISE = 0.1
"""The standard deviation of the noise on latents, in that of latents. In four jobs, 30 steps moved
latents by 0.10 to 0.15."""
SHOWN = 4
"""Scenes on the sheet."""
SHEET_SIDE = 384
"""Pixels on a side of the part of a scene that the sheet shows."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.quality.upscaling", description=__doc__)
    parser.add_argument("--cache", type=Path, default=Path("runs/data"), help="the image sets")
    parser.add_argument("--scenes", type=int, default=100)
    parser.add_argument("--out", type=Path, default=Path("out/quality"))
    options = parser.parse_args()
    model = load_model(MODEL, Path("data"), torch.device("cpu"))
    assert isinstance(model.prior, LatentPrior)
    unseen = tuple(each.name for each in sources().images if each.use == "judge")
    maker = SceneMaker(load_images(options.cache, LARGE_SIDE), unseen)
    random = Random("upscaling")
    scenes = np.stack([maker.draw(maker.single(random)) for _ in range(options.scenes)])
    real = torch.from_numpy(scenes).movedim(-1, 1).float() / 255
    torch.manual_seed(0)
    small = torch.stack([as_rendered(model.vqgan, model.prior, scene) for scene in real])
    images = to_images(small, *(LARGE_SIDE // FACTOR,) * 2)
    found, seconds = {}, {}
    for name, enlarge in (
        ("Lanczos", enlarged),
        ("the upscaler", lambda image: upscaled(image, MODEL)),
    ):
        start = time.perf_counter()
        found[name] = [enlarge(image) for image in images]
        seconds[name] = (time.perf_counter() - start) / len(images)
    rows = []
    for name, large in found.items():
        shown = torch.cat([to_tensor(image) for image in large])
        psnr = -10 * (shown - real).square().mean((1, 2, 3)).log10().mean()
        slower = seconds[name] / seconds["Lanczos"]
        rows.append((name, f"{psnr:.1f} dB", f"{100 * sharpness(shown, real):.0f} %",
                     f"{1000 * seconds[name]:.0f} ms ({slower:.0f} ×)"))  # fmt: skip
    print(table(("", "PSNR", "sharpness of edges", "time"), rows))
    options.out.mkdir(parents=True, exist_ok=True)
    _save_sheet(
        options.out / "upscaling.png", {**found, "real": to_images(real, LARGE_SIDE, LARGE_SIDE)}
    )


@torch.no_grad()
def as_rendered(vqgan: VQGAN, prior: LatentPrior, scene: Tensor) -> Tensor:
    """A scene (3, LARGE_SIDE, LARGE_SIDE) as a job would render it, at a third of the size.

    Reduced to what the prior knows, decoded, enlarged, and decoded again from noisy latents.
    """
    side = LARGE_SIDE // FACTOR
    small = F.interpolate(scene[None], (SIDE, SIDE), mode="bilinear", antialias=True)
    sample = prior.reconstruct(prior.clamp(prior.project(vqgan.encode(small))))
    decoded = vqgan.decode(vqgan.quantise(sample))
    latents = vqgan.encode(F.interpolate(decoded, (side, side), mode="bilinear"))
    latents = latents + NOISE * prior.std * torch.randn_like(latents)
    return vqgan.decode(vqgan.quantise(latents))[0].float()


def sharpness(images: Tensor, real: Tensor) -> float:
    """How steep the steepest edges of images are, as a share of those of the real images.

    Both are (n, 3, height, width). The steepest are the hundredth of all steps from one pixel to
    the next that are largest.
    """

    def steepest(image: Tensor) -> Tensor:
        steps = (image[..., 1:] - image[..., :-1]).abs().flatten()
        return steps.topk(len(steps) // 100).values.mean()

    ratios = [steepest(one) / steepest(other) for one, other in zip(images, real, strict=True)]
    return float(torch.stack(ratios).mean())


def _save_sheet(path: Path, found: dict[str, list[Image.Image]]) -> None:
    """The middle of some scenes, a row for each way to enlarge them."""
    margin = (LARGE_SIDE - SHEET_SIDE) // 2
    box = (margin, margin, LARGE_SIDE - margin, LARGE_SIDE - margin)
    sheet = Image.new("RGB", (SHOWN * SHEET_SIDE, len(found) * SHEET_SIDE))
    for row, large in enumerate(found.values()):
        for column, image in enumerate(large[:SHOWN]):
            sheet.paste(image.crop(box), (column * SHEET_SIDE, row * SHEET_SIDE))
    sheet.save(path)


if __name__ == "__main__":
    main()
