"""The priors: flows from noise to images, conditioned on CLIP's embeddings.

Flow matching (Lipman et al., "Flow Matching for Generative Modeling", 2023; Liu et al., "Flow
Straight and Fast", 2023) by a diffusion transformer (Peebles and Xie, "Scalable Diffusion Models
with Transformers", 2023) that predicts the end of the flow rather than the velocity (Li and He,
"Back to Basics: Let Denoising Generative Models Denoise", 2025). To start VQGAN+CLIP from what a
network makes of the prompt's embedding is mehdidc's idea (feed_forward_vqgan_clip).

`PixelPrior` moves small images, `LatentPrior` the VQGAN's latents (Rombach et al., "High-Resolution
Image Synthesis with Latent Diffusion Models", 2022).
"""

import math
from abc import ABC, abstractmethod

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from engine.models.vqgan import VQGAN

TIME_FREQUENCIES = 32
PIXEL_SIDE = 32
"""Pixels on each side of what a `PixelPrior` moves."""
PIXEL_PATCH = 4
LARGEST_LATENT = 6.0
"""Standard deviations."""


class DiTBlock(nn.Module):
    """Self-attention and an MLP, both modulated by the condition (adaLN-Zero).

    The modulation is the same for all blocks but for an offset of each (Chen et al., "PixArt-α",
    2023), which saves a third of the parameters.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.adaln_offset = nn.Parameter(torch.zeros(6, width))
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, tokens: Tensor, modulation: Tensor) -> Tensor:
        """(batch, tokens, width), (batch, 6, width) → (batch, tokens, width)."""
        shift, scale, gate, mlp_shift, mlp_scale, mlp_gate = (
            (modulation + self.adaln_offset).unsqueeze(2).unbind(1)
        )
        hidden = F.layer_norm(tokens, tokens.shape[-1:]) * (1 + scale) + shift
        q, k, v = rearrange(self.qkv(hidden), "b n (three h d) -> three b h n d", three=3,
                            h=self.heads)  # fmt: skip
        # Written out: on a CPU the backward pass of fused attention takes several times as long.
        attention = ((q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)).softmax(-1)
        tokens = tokens + gate * self.proj(rearrange(attention @ v, "b h n d -> b n (h d)"))
        hidden = F.layer_norm(tokens, tokens.shape[-1:]) * (1 + mlp_scale) + mlp_shift
        hidden = F.gelu(self.fc1(hidden), approximate="tanh")
        out: Tensor = tokens + mlp_gate * self.fc2(hidden)
        return out


class Prior(nn.Module, ABC):
    """Noisy samples, times and embeddings to the samples at the end of the flow.

    Samples are (batch, *shape) of the space that a subclass defines. Embeddings are (batch,
    embedding) of unit length; zeros stand for no prompt. A prior may know several styles, each by
    its number from 1; 0 is any style.
    """

    def __init__(
        self,
        channels: int,
        side: int,
        patch: int,
        embedding: int,
        width: int,
        depth: int,
        heads: int,
        condition_width: int,
        condition_tokens: int,
        styles: int = 0,
    ) -> None:
        super().__init__()
        self.channels, self.side, self.patch, self.width = channels, side, patch, width
        self.condition_tokens = condition_tokens
        self.patch_embed = nn.Linear(channels * patch**2, width)
        self.pos_embed = nn.Parameter(0.02 * torch.randn((side // patch) ** 2, width))
        self.cond_embed = nn.Linear(embedding, width)
        self.whiten = nn.Linear(embedding, condition_width)
        self.cond_tokens = nn.Linear(condition_width, condition_tokens * width)
        self.style_embed = nn.Embedding(styles, width) if styles else None
        self.style_head = nn.Linear(embedding, styles) if styles else None
        self.time_embed = nn.Linear(2 * TIME_FREQUENCIES, width)
        self.adaln = nn.Sequential(
            nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, 6 * width)
        )
        self.blocks = nn.ModuleList(DiTBlock(width, heads) for _ in range(depth))
        self.head = nn.Linear(width, channels * patch**2)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of a sample."""
        return self.channels, self.side, self.side

    @abstractmethod
    def view(self, images: Tensor, latents: Tensor) -> Tensor:
        """A job's images (batch, 3, height, width) from 0 to 1 and latents → (batch, *shape).

        Only the square in their middle.
        """

    @abstractmethod
    def to_images(self, x: Tensor, vqgan: VQGAN) -> Tensor:
        """(batch, *shape) → square images (batch, 3, height, width) from 0 to 1."""

    @abstractmethod
    def clamp(self, x: Tensor) -> Tensor:
        """Limits a prediction to what occurs in the space: guidance may lead out of it."""

    def style_logits(self, embeddings: Tensor) -> Tensor:
        """(batch, embedding) → (batch, styles): in which style such a prompt has been painted."""
        assert self.style_head
        logits: Tensor = self.style_head(embeddings * math.sqrt(embeddings.shape[1]))
        return logits

    def forward(
        self, noisy: Tensor, times: Tensor, embeddings: Tensor, styles: Tensor | None = None
    ) -> Tensor:
        """Samples at `times` (batch,) from 0 (noise) to 1 → the samples they lead to.

        `styles` (batch,) are numbers of styles; a prior without styles takes none.
        """
        tokens = rearrange(noisy, "b c (h p) (w q) -> b (h w) (c p q)", p=self.patch, q=self.patch)
        tokens = self.patch_embed(tokens) + self.pos_embed
        count, dtype = tokens.shape[1], tokens.dtype
        embeddings = embeddings * math.sqrt(embeddings.shape[1])
        condition = self.cond_embed(embeddings) + self.time_embed(time_features(times).to(dtype))
        if self.style_embed:
            known = torch.zeros_like(times, dtype=torch.long) if styles is None else styles
            condition = condition + self.style_embed(known)
        modulation = self.adaln(condition).unflatten(-1, (6, -1))
        extra = self.cond_tokens(self.whiten(embeddings)).unflatten(-1, (-1, self.width))
        tokens = torch.cat([tokens, extra], dim=1)
        for block in self.blocks:
            tokens = block(tokens, modulation)
        tokens = tokens[:, :count]
        tokens = self.head(F.layer_norm(tokens, tokens.shape[-1:]))
        predicted: Tensor = rearrange(
            tokens,
            "b (h w) (c p q) -> b c (h p) (w q)",
            h=self.side // self.patch,
            p=self.patch,
            q=self.patch,
        )
        return predicted


class PixelPrior(Prior):
    """Images of PIXEL_SIDE × PIXEL_SIDE, from -1 to 1."""

    def __init__(self, **sizes: int) -> None:
        """`sizes` are those of `Prior`, but for the space's own."""
        super().__init__(channels=3, side=PIXEL_SIDE, patch=PIXEL_PATCH, **sizes)

    def view(self, images: Tensor, latents: Tensor) -> Tensor:
        return F.interpolate(centre_square(images), (self.side, self.side), mode="area") * 2 - 1

    def to_images(self, x: Tensor, vqgan: VQGAN) -> Tensor:
        return (x + 1) / 2

    def clamp(self, x: Tensor) -> Tensor:
        return x.clamp(-1, 1)


class LatentPrior(Prior):
    """The VQGAN's latents (channels, side, side), normalised by `normalise`."""

    def __init__(self, channels: int, **sizes: int) -> None:
        """`sizes` are those of `Prior`."""
        super().__init__(channels, **sizes)
        self.register_buffer("mean", torch.zeros(channels, 1, 1))
        self.register_buffer("std", torch.ones(channels, 1, 1))
        self.mean: Tensor
        self.std: Tensor

    def view(self, images: Tensor, latents: Tensor) -> Tensor:
        square = centre_square(latents)
        if square.shape[-1] != self.side:
            square = F.interpolate(square, (self.side, self.side), mode="bilinear")
        return self.normalise(square)

    def to_images(self, x: Tensor, vqgan: VQGAN) -> Tensor:
        return vqgan.decode(vqgan.quantise(self.denormalise(x))).clamp(0, 1)

    def clamp(self, x: Tensor) -> Tensor:
        """Latents have no bounds of their own."""
        return x.clamp(-LARGEST_LATENT, LARGEST_LATENT)

    def normalise(self, latents: Tensor) -> Tensor:
        """The VQGAN's latents with zero mean and unit variance in each channel."""
        return (latents - self.mean) / self.std

    def denormalise(self, latents: Tensor) -> Tensor:
        """The reverse of `normalise`."""
        return latents * self.std + self.mean


def centre_square(values: Tensor) -> Tensor:
    """(batch, channels, height, width) → the square in the middle."""
    height, width = values.shape[2:]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return values[..., top : top + side, left : left + side]


def time_features(times: Tensor) -> Tensor:
    """(batch,) → (batch, 2 × TIME_FREQUENCIES): sines and cosines of times from 0 to 1."""
    speeds = torch.exp(torch.linspace(0, math.log(100), TIME_FREQUENCIES, device=times.device))
    angles = times[:, None] * speeds
    return torch.cat([angles.sin(), angles.cos()], dim=1)
