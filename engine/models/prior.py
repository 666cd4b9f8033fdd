"""Priors: flow-matching models that generate images from CLIP embeddings.

Flow matching (Lipman et al., "Flow Matching for Generative Modeling", 2023; Liu et al., "Flow
Straight and Fast", 2023) with a network that predicts the end of the flow rather than the velocity
(Li and He, "Back to Basics: Let Denoising Generative Models Denoise", 2025). The idea of starting
VQGAN+CLIP from a network's output for the prompt's embedding is mehdidc's
(feed_forward_vqgan_clip).

`PixelPrior` generates small images with a diffusion transformer (Peebles and Xie, "Scalable
Diffusion Models with Transformers", 2023), `LatentPrior` the VQGAN's latents (Rombach et al.,
"High-Resolution Image Synthesis with Latent Diffusion Models", 2022).
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
"""Width and height of a `PixelPrior`'s images in pixels."""
PIXEL_PATCH = 4
MAX_COMPONENT = 12.0
"""Limit of a `LatentPrior`'s components, in units of its `scale`."""


class DiTBlock(nn.Module):
    """Self-attention and an MLP, both modulated by the condition (adaLN-Zero).

    All blocks share the modulation, except for an offset of each (Chen et al., "PixArt-α", 2023),
    which saves a third of the parameters.
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
        # Fused attention is not used: on a CPU, its backward pass takes several times as long.
        attention = ((q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)).softmax(-1)
        tokens = tokens + gate * self.proj(rearrange(attention @ v, "b h n d -> b n (h d)"))
        hidden = F.layer_norm(tokens, tokens.shape[-1:]) * (1 + mlp_scale) + mlp_shift
        hidden = F.gelu(self.fc1(hidden), approximate="tanh")
        out: Tensor = tokens + mlp_gate * self.fc2(hidden)
        return out


class Prior(nn.Module, ABC):
    """Predicts the samples at the end of the flow, from noisy samples, times and embeddings.

    Samples are (batch, *shape) in a space that the subclass defines. Embeddings are (batch,
    embedding) of unit length; zeros mean no prompt. A prior may know several styles, which are
    numbered from 1; 0 means any style.
    """

    @property
    @abstractmethod
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of a sample."""

    @abstractmethod
    def forward(
        self, noisy: Tensor, times: Tensor, embeddings: Tensor, styles: Tensor | None = None
    ) -> Tensor:
        """Samples at `times` (batch,) from 0 (noise) to 1 → the samples at time 1.

        `styles` (batch,) are style numbers; a prior without styles ignores them.
        """

    @abstractmethod
    def to_samples(self, images: Tensor, latents: Tensor, vqgan: VQGAN) -> Tensor:
        """A job's images (batch, 3, height, width) from 0 to 1 and latents → (batch, *shape).

        Only the central square is converted.
        """

    @abstractmethod
    def to_images(self, x: Tensor, vqgan: VQGAN) -> Tensor:
        """(batch, *shape) → square images (batch, 3, height, width) from 0 to 1."""

    @abstractmethod
    def clamp(self, x: Tensor) -> Tensor:
        """Clamps a prediction to the range of the space, which guidance can exceed."""


class PixelPrior(Prior):
    """A diffusion transformer for images of PIXEL_SIDE × PIXEL_SIDE pixels, from -1 to 1."""

    def __init__(
        self,
        embedding: int,
        width: int,
        depth: int,
        heads: int,
        condition_width: int,
        condition_tokens: int,
    ) -> None:
        super().__init__()
        self.width, channels = width, 3 * PIXEL_PATCH**2
        self.patch_embed = nn.Linear(channels, width)
        self.pos_embed = nn.Parameter(0.02 * torch.randn((PIXEL_SIDE // PIXEL_PATCH) ** 2, width))
        self.cond_embed = nn.Linear(embedding, width)
        self.whiten = nn.Linear(embedding, condition_width)
        self.cond_tokens = nn.Linear(condition_width, condition_tokens * width)
        self.time_embed = nn.Linear(2 * TIME_FREQUENCIES, width)
        self.adaln = nn.Sequential(
            nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, 6 * width)
        )
        self.blocks = nn.ModuleList(DiTBlock(width, heads) for _ in range(depth))
        self.head = nn.Linear(width, channels)

    @property
    def shape(self) -> tuple[int, int, int]:
        return 3, PIXEL_SIDE, PIXEL_SIDE

    def forward(
        self, noisy: Tensor, times: Tensor, embeddings: Tensor, styles: Tensor | None = None
    ) -> Tensor:
        p = PIXEL_PATCH
        tokens = rearrange(noisy, "b c (h p) (w q) -> b (h w) (c p q)", p=p, q=p)
        tokens = self.patch_embed(tokens) + self.pos_embed
        count = tokens.shape[1]
        embeddings = embeddings * math.sqrt(embeddings.shape[1])
        condition = self.cond_embed(embeddings) + self.time_embed(time_features(times))
        modulation = self.adaln(condition).unflatten(-1, (6, -1))
        extra = self.cond_tokens(self.whiten(embeddings)).unflatten(-1, (-1, self.width))
        tokens = torch.cat([tokens, extra], dim=1)
        for block in self.blocks:
            tokens = block(tokens, modulation)
        tokens = tokens[:, :count]
        tokens = self.head(F.layer_norm(tokens, tokens.shape[-1:]))
        predicted: Tensor = rearrange(
            tokens, "b (h w) (c p q) -> b c (h p) (w q)", h=PIXEL_SIDE // p, p=p, q=p
        )
        return predicted

    def to_samples(self, images: Tensor, latents: Tensor, vqgan: VQGAN) -> Tensor:
        square = centre_square(images)
        return F.interpolate(square, (PIXEL_SIDE, PIXEL_SIDE), mode="area") * 2 - 1

    def to_images(self, x: Tensor, vqgan: VQGAN) -> Tensor:
        return (x + 1) / 2

    def clamp(self, x: Tensor) -> Tensor:
        return x.clamp(-1, 1)


class MLPBlock(nn.Module):
    """A residual MLP, modulated by the condition (adaLN-Zero); the modulation as in `DiTBlock`."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.adaln_offset = nn.Parameter(torch.zeros(3, width))
        self.fc1 = nn.Linear(width, 2 * width)
        self.fc2 = nn.Linear(2 * width, width)

    def forward(self, hidden: Tensor, modulation: Tensor) -> Tensor:
        """(batch, width), (batch, 3, width) → (batch, width)."""
        shift, scale, gate = (modulation + self.adaln_offset).unbind(1)
        inner = F.layer_norm(hidden, hidden.shape[-1:]) * (1 + scale) + shift
        out: Tensor = hidden + gate * self.fc2(F.gelu(self.fc1(inner), approximate="tanh"))
        return out


class LatentPrior(Prior):
    """An MLP for the principal components of the VQGAN's latents (channels, side, side).

    The first components hold nearly all of the variance, because the images of the embedded model
    are alike: one thing in the middle. An MLP over all components learns the images of a prompt in
    a tenth of the time that a transformer over patches needs. `mean` and `std` normalise latents,
    `basis` (components, channels × side × side) contains the directions, and `scale` the unit of
    each.

    A skip connection adds each noisy component to the prediction, with a weight that `skip`
    computes from the time.
    """

    def __init__(
        self,
        channels: int,
        side: int,
        components: int,
        embedding: int,
        width: int,
        depth: int,
        styles: int,
    ) -> None:
        super().__init__()
        self.side, self.components = side, components
        self.embed = nn.Linear(components, width)
        self.read = nn.Linear(embedding, width)
        self.cond_embed = nn.Linear(embedding, width)
        self.style_embed = nn.Embedding(styles, width)
        self.style_head = nn.Linear(embedding, styles)
        self.time_embed = nn.Linear(2 * TIME_FREQUENCIES, width)
        self.adaln = nn.Sequential(
            nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, 3 * width)
        )
        self.blocks = nn.ModuleList(MLPBlock(width) for _ in range(depth))
        self.head = nn.Linear(width, components)
        self.skip = nn.Linear(2 * TIME_FREQUENCIES, components)
        self.register_buffer("mean", torch.zeros(channels, side, side))
        self.register_buffer("std", torch.ones(channels, 1, 1))
        self.register_buffer("basis", torch.zeros(components, channels * side**2))
        self.register_buffer("scale", torch.ones(components))
        self.mean: Tensor
        self.std: Tensor
        self.basis: Tensor
        self.scale: Tensor

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.components, 1, 1

    def style_logits(self, embeddings: Tensor) -> Tensor:
        """(batch, embedding) → (batch, styles): logits of the style, given the prompt."""
        embeddings = embeddings.to(self.style_head.weight.dtype)
        with without_autocast(embeddings):
            logits: Tensor = self.style_head(embeddings * math.sqrt(embeddings.shape[1]))
        return logits

    def convert_weights(self, dtype: torch.dtype) -> None:
        """Converts the weights, which it computes with, but not what it projects latents with."""
        for weight in self.parameters():
            weight.data = weight.data.to(dtype)

    def forward(
        self, noisy: Tensor, times: Tensor, embeddings: Tensor, styles: Tensor | None = None
    ) -> Tensor:
        numbers = torch.zeros_like(times, dtype=torch.long) if styles is None else styles
        dtype = self.embed.weight.dtype
        noisy = noisy.flatten(1)
        with without_autocast(noisy):
            features = time_features(times).to(dtype)
            embeddings = embeddings.to(dtype) * math.sqrt(embeddings.shape[1])
            condition = self.cond_embed(embeddings) + self.time_embed(features)
            style = self.style_embed(numbers)
            modulation = self.adaln(condition + style).unflatten(-1, (3, -1))
            hidden = self.embed(noisy.to(dtype)) + self.read(embeddings) + style
            for block in self.blocks:
                hidden = block(hidden, modulation)
            hidden = F.layer_norm(hidden, hidden.shape[-1:])
            predicted: Tensor = self.head(hidden) + self.skip(features) * noisy
        return predicted[..., None, None]

    def to_samples(self, images: Tensor, latents: Tensor, vqgan: VQGAN) -> Tensor:
        square = centre_square(latents)
        if square.shape[-1] != self.side:  # interpolated latents would decode to a different image
            side = self.side * vqgan.factor
            square = vqgan.encode(F.interpolate(centre_square(images), (side, side), mode="area"))
        return self.project(square)

    def to_images(self, x: Tensor, vqgan: VQGAN) -> Tensor:
        return vqgan.decode(vqgan.quantise(self.reconstruct(x))).clamp(0, 1)

    def clamp(self, x: Tensor) -> Tensor:
        """Components have no natural bounds."""
        return x.clamp(-MAX_COMPONENT, MAX_COMPONENT)

    def project(self, latents: Tensor) -> Tensor:
        """(batch, channels, side, side) → (batch, *shape)."""
        flat = ((latents - self.mean) / self.std).flatten(1)
        with without_autocast(flat):
            return (flat.to(self.basis.dtype) @ self.basis.t() / self.scale)[..., None, None]

    def reconstruct(self, x: Tensor) -> Tensor:
        """The inverse of `project`, up to what the components don't capture."""
        with without_autocast(x):
            flat = (x.flatten(1).to(self.basis.dtype) * self.scale) @ self.basis
        return flat.view(-1, *self.mean.shape) * self.std + self.mean


def without_autocast(values: Tensor) -> torch.autocast:
    """A context without autocast on the device of `values`.

    A `LatentPrior` computes with few rows. Autocast would take longer to convert its weights in
    each call than the rest of the call.
    """
    return torch.autocast(values.device.type, enabled=False)


def centre_square(values: Tensor) -> Tensor:
    """(batch, channels, height, width) → the square in the middle."""
    height, width = values.shape[2:]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return values[..., top : top + side, left : left + side]


def time_features(times: Tensor) -> Tensor:
    """(batch,) → (batch, 2 × TIME_FREQUENCIES): sines and cosines of times from 0 to 1."""
    frequencies = torch.exp(torch.linspace(0, math.log(100), TIME_FREQUENCIES, device=times.device))
    angles = times[:, None] * frequencies
    return torch.cat([angles.sin(), angles.cos()], dim=1)
