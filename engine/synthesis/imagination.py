"""What the pair's prior makes of the prompts: pictures to begin with, and where one should go.

At each step what leads from pictures of nothing in particular to those of the includes is gone
further (Ho and Salimans, "Classifier-Free Diffusion Guidance", 2022; several prompts as in Liu et
al., "Compositional Visual Generation with Composable Diffusion Models", 2022), and what leads to
the excludes' is gone back, but for what the includes want, too (Armandpour et al., "Re-imagine the
Negative Prompt Algorithm", 2023): without clouds, a sunset stays a sunset. And it is gone back only
as far as CLIP sees an exclude where the includes alone would lead, so that what is gone is left in
peace (the idea of Koulischer et al., "Dynamic Negative Guidance of Diffusion Models", 2024).
"""

import itertools
from collections.abc import Sequence

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from engine.models.pair import Pair
from engine.models.prior import SIDE
from engine.synthesis.objective import Target

DIRECTIONS = 12
"""Steps of the prior from noise to a picture."""
GUIDANCE = 2.0
"""How many times as far the prior goes from nothing in particular towards the includes."""
AVERSION = 12.0
"""How many times as far it goes away from an exclude, as long as it is there for certain."""
CERTAIN = 0.1
"""How far the similarity to an exclude is then above that of what has nothing to do with it."""

TINY = 1e-6
"""Keeps a division from failing."""

CLEAREST, NOISIEST = 0.8, 0.3
"""From how much of a picture, the rest being noise, the prior tells where it should go: where less
is left the prior would begin anew, where more is left it would change nothing."""


def imagined(pair: Pair, target: Target, count: int, generator: Generator) -> Tensor:
    """Out of noise: (count, 3, SIDE, SIDE) from 0 to 1."""
    device = generator.device
    pictures = torch.randn(count, 3, SIDE, SIDE, generator=generator, device=device)
    times = torch.linspace(0, 1, DIRECTIONS + 1).tolist()
    for time, later in itertools.pairwise(times):
        end = _end(pair, pictures, pictures.new_full((count,), time), target)
        pictures = pictures.lerp(end, (later - time) / (1 - time))
    return (pictures + 1) / 2


def astray(pair: Pair, pictures: Tensor, target: Target, generators: Sequence[Generator]) -> Tensor:
    """(rows,): how far pictures (rows, 3, height, width) from 0 to 1 are from where they should go.

    The mean squared error of their rough copies; its gradient leads them there. Where that is, the
    prior says of the copies under as much noise as each row's generator draws (Graikos et al.,
    "Diffusion Models as Plug-and-Play Priors", 2022; Poole et al., "DreamFusion", 2022).
    """
    rough = F.interpolate(_middle(pictures), (SIDE, SIDE), mode="area") * 2 - 1
    device = rough.device
    drawn = [torch.rand((), generator=own, device=device) for own in generators]
    noise = [torch.randn(rough.shape[1:], generator=own, device=device) for own in generators]
    times = NOISIEST + (CLEAREST - NOISIEST) * torch.stack(drawn)
    with torch.no_grad():
        noisy = torch.stack(noise).lerp(rough, times[:, None, None, None])
        end = _end(pair, noisy, times, target)
    return (rough - end).square().mean((1, 2, 3))


def _middle(pictures: Tensor) -> Tensor:
    """The square in the middle."""
    height, width = pictures.shape[2:]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return pictures[..., top : top + side, left : left + side]


def _end(pair: Pair, pictures: Tensor, times: Tensor, target: Target) -> Tensor:
    """Where the prompts lead pictures (rows, 3, SIDE, SIDE) that are on their way at `times`."""
    nowhere = _led(pair, pictures, times, torch.zeros_like(target.embeddings[0]))
    led = torch.stack([_led(pair, pictures, times, prompt) for prompt in target.embeddings])
    directions = _by_row(target.weights.abs()[:, None]) * (led - nowhere)
    wanted = directions[: target.included].sum(0)
    end = (nowhere + GUIDANCE * wanted).clamp(-1, 1)
    if target.included == len(directions):
        return end
    unwanted = (_by_row(_there(pair, end, target)) * directions)[target.included :].sum(0)
    return (end - AVERSION * _beside(unwanted, wanted)).clamp(-1, 1)


def _there(pair: Pair, pictures: Tensor, target: Target) -> Tensor:
    """(prompts, rows) from 0 to 1: how surely CLIP sees each prompt in rough pictures."""
    side = pair.perceptor.resolution
    seen = F.interpolate((pictures + 1) / 2, (side, side), mode="bilinear", align_corners=False)
    similarity = target.embeddings @ pair.perceptor.embed_pictures(seen).float().t()
    return ((similarity - target.floors[:, None]) / CERTAIN).clamp(0, 1)


def _by_row(numbers: Tensor) -> Tensor:
    """(prompts, rows) → (prompts, rows, 1, 1, 1), to be multiplied with pictures."""
    return numbers[..., None, None, None]


def _beside(directions: Tensor, wanted: Tensor) -> Tensor:
    """What of directions (rows, 3, SIDE, SIDE) is at right angles to those that are wanted."""
    along, length = (directions * wanted).sum((1, 2, 3)), wanted.square().sum((1, 2, 3))
    return directions - (along / length.clamp_min(TINY))[:, None, None, None] * wanted


def _led(pair: Pair, pictures: Tensor, times: Tensor, embedding: Tensor) -> Tensor:
    """Where one prompt leads them."""
    assert pair.prior
    led: Tensor = pair.prior(pictures, times, embedding.expand(len(pictures), -1)).float()
    return led
