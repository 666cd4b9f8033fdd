"""The prior draws rough pictures from what CLIP says of a prompt: small and quick.

It is a flow from noise to pictures (Lipman et al., "Flow Matching for Generative Modeling", 2023;
Liu et al., "Flow Straight and Fast", 2023) by a transformer of patches (Peebles and Xie, "Scalable
Diffusion Models with Transformers", 2023) that names the picture at the end of the way instead of
the direction (Li and He, "Back to Basics: Let Denoising Generative Models Denoise", 2025). That
latents may start from what a network makes of a prompt's embedding is mehdidc's idea
(feed_forward_vqgan_clip).
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.models.latent_prior import centre_square
from engine.models.vqgan import VQGAN

SIDE = 32
"""Pixels on a side of a rough picture."""
PATCH = 4
NEAREST = 0.05
"""How near the end of the way a time may be when directions are compared."""


class Block(nn.Module):
    """Attention between patches, then a network for each; both shifted and scaled by `told`."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.told = nn.Parameter(torch.zeros(6, width))
        self.attend = nn.Linear(width, 3 * width)
        self.join = nn.Linear(width, width)
        self.widen = nn.Linear(width, 4 * width)
        self.narrow = nn.Linear(4 * width, width)

    def forward(self, patches: Tensor, told: Tensor) -> Tensor:
        """(rows, patches, width), (rows, 6, width) → (rows, patches, width)."""
        a, b, c, d, e, f = (told + self.told)[:, :, None].unbind(1)
        normal = F.layer_norm(patches, patches.shape[-1:]) * (1 + a) + b
        query, key, value = (
            self.attend(normal).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        )
        # Written out: on a processor the fused attention's way back takes several times as long.
        alike = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)
        attended = alike.softmax(-1) @ value
        patches = patches + c * self.join(attended.transpose(1, 2).flatten(2))
        normal = F.layer_norm(patches, patches.shape[-1:]) * (1 + d) + e
        wide = F.gelu(self.widen(normal), approximate="tanh")
        changed: Tensor = patches + f * self.narrow(wide)
        return changed


class PixelSpace:
    """The space of a flow that moves small images."""

    shape = (3, SIDE, SIDE)
    """Channels, height and width of what the flow moves."""

    def view(self, images: Tensor, latents: Tensor) -> Tensor:
        """What the prior sees of a job: the square in the middle of its images, downsampled.

        (batch, 3, height, width) from 0 to 1 and latents → (batch, *shape) from -1 to 1.
        """
        return F.interpolate(centre_square(images), (SIDE, SIDE), mode="area") * 2 - 1

    @staticmethod
    def to_images(x: Tensor, vqgan: VQGAN) -> Tensor:
        """(batch, *shape) from -1 to 1 → images of the same size from 0 to 1."""
        return (x + 1) / 2

    @staticmethod
    def clamp(x: Tensor) -> Tensor:
        return x.clamp(-1, 1)


class Prior(PixelSpace, nn.Module):
    """Embeddings of unit length (rows, d) and noise to rough pictures; zeros stand for no prompt.

    Pictures on the way are (rows, 3, SIDE, SIDE), from -1 to 1 at its end.
    """

    def __init__(
        self, embedding: int, width: int, depth: int, heads: int, traits: int, words: int
    ) -> None:
        super().__init__()
        pixels = 3 * PATCH**2
        self.width = width
        self.enter = nn.Linear(pixels, width)
        self.places = nn.Parameter(0.02 * torch.randn((SIDE // PATCH) ** 2, width))
        self.prompt = nn.Linear(embedding, width)
        self.traits = nn.Linear(embedding, traits)
        self.words = nn.Linear(traits, words * width)
        self.time = nn.Linear(64, width)
        self.tell = nn.Sequential(
            nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, 6 * width)
        )
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.leave = nn.Linear(width, pixels)

    def forward(self, noisy: Tensor, times: Tensor, embeddings: Tensor) -> Tensor:
        """Pictures at `times` (rows,) from 0 (noise) to 1, and embeddings → pictures at the end."""
        patches = F.pixel_unshuffle(noisy, PATCH).flatten(2).transpose(1, 2)
        patches = self.enter(patches) + self.places
        count, embeddings = patches.shape[1], embeddings * math.sqrt(embeddings.shape[1])
        told = self.prompt(embeddings) + self.time(_waves(times))
        told = self.tell(told).unflatten(-1, (6, -1))
        # What the prompt says stands beside the patches, too: each can look up what is its part.
        words = self.words(self.traits(embeddings)).unflatten(-1, (-1, self.width))
        together = torch.cat([patches, words], dim=1)
        for block in self.blocks:
            together = block(together, told)
        patches = together[:, :count]
        patches = self.leave(F.layer_norm(patches, patches.shape[-1:]))
        across = SIDE // PATCH
        return F.pixel_shuffle(patches.transpose(1, 2).unflatten(2, (across, across)), PATCH)


def _waves(times: Tensor) -> Tensor:
    """(rows,) → (rows, 64): sines and cosines of times from 0 to 1."""
    speeds = torch.exp(torch.linspace(0, math.log(100), 32, device=times.device))
    angles = times[:, None] * speeds
    return torch.cat([angles.sin(), angles.cos()], dim=1)
