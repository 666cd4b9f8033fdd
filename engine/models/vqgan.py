"""The VQGAN, assembled from taming-transformers' encoder, decoder and quantiser.

Source of the architecture: Esser, Rombach, Ommer, "Taming Transformers for High-Resolution Image
Synthesis" (2021), and the taming-transformers project. The state dict has its names, so that its
published checkpoints load unchanged.
"""

import contextlib
import io
from collections.abc import Mapping
from typing import Any

from taming.modules.diffusionmodules.model import Decoder, Encoder
from taming.modules.vqvae.quantize import GumbelQuantize, VectorQuantizer2
from torch import Tensor, nn

from core.pattern import Tile
from engine.models.periodic_decoder import periodic

COMMITMENT = 0.25


class VQGAN(nn.Module):
    """Encodes images to latents, and decodes them.

    Images are (batch, 3, height, width) float tensors from 0 to 1; latents are
    (batch, embed_dim, height / factor, width / factor). Height and width are multiples of `factor`.

    Latents are the decoder's input. With `gumbel` (Jang, Gu, Poole, "Categorical Reparameterization
    with Gumbel-Softmax", 2016) the encoder predicts the probability of each code instead; there
    `encode` returns the latents of the most likely codes.
    """

    def __init__(
        self, ddconfig: Mapping[str, Any], embed_dim: int, n_embed: int, gumbel: bool = False
    ) -> None:
        super().__init__()
        # taming's decoder prints its shape to standard output.
        with contextlib.redirect_stdout(io.StringIO()):
            self.encoder = Encoder(**ddconfig)
            self.decoder = Decoder(**ddconfig)
        self.quantize: VectorQuantizer2 | GumbelQuantize
        if gumbel:
            self.quantize = GumbelQuantize(ddconfig["z_channels"], embed_dim, n_embed)
        else:
            self.quantize = VectorQuantizer2(n_embed, embed_dim, COMMITMENT, legacy=False)
        self.quant_conv = nn.Conv2d(ddconfig["z_channels"], embed_dim, 1)
        self.post_quant_conv = nn.Conv2d(embed_dim, ddconfig["z_channels"], 1)
        self.factor: int = 2 ** (len(ddconfig["ch_mult"]) - 1)
        self._periodic: dict[Tile, nn.Module] = {}  # created on first use

    @property
    def codebook(self) -> Tensor:
        """(codes, embed_dim)."""
        gumbel = isinstance(self.quantize, GumbelQuantize)
        weight: Tensor = (self.quantize.embed if gumbel else self.quantize.embedding).weight
        return weight

    def encode(self, images: Tensor) -> Tensor:
        """Images to latents: continuous, or with `gumbel` those of the most likely codes."""
        encoded = self._encode_continuous(images)
        if isinstance(self.quantize, GumbelQuantize):
            return self.look_up(self.quantize.proj(encoded).argmax(1))
        return encoded

    def nearest_codes(self, latents: Tensor) -> Tensor:
        """Indices (batch, h, w) of the codes nearest to the latents."""
        flat = latents.movedim(1, -1).float()
        codebook = self.codebook.float()
        # |z - e|² without |z|², which is the same for every code.
        distance = codebook.square().sum(1) - 2 * flat @ codebook.t()
        return distance.argmin(-1)

    def look_up(self, codes: Tensor) -> Tensor:
        """Codes (batch, h, w) to latents."""
        return nn.functional.embedding(codes, self.codebook).movedim(-1, 1)

    def quantise(self, latents: Tensor) -> Tensor:
        """The latents of the nearest codes; the gradient passes straight through to `latents`."""
        nearest = self.look_up(self.nearest_codes(latents.detach())).to(latents.dtype)
        return latents + (nearest - latents).detach()

    def decode(self, latents: Tensor, tile: Tile | None = None) -> Tensor:
        """Latents to images. Values can slightly exceed 0 to 1; the caller clamps them.

        With `tile`, the images repeat without a seam.
        """
        decoder = self._periodic_decoder(tile) if tile else self.decoder
        images: Tensor = decoder(self.post_quant_conv(latents))
        return (images + 1) / 2

    @property
    def decoders(self) -> list[nn.Module]:
        """The decoder and its periodic copies that exist so far."""
        return [self.decoder, *self._periodic.values()]

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """For training: reconstructed images, and the quantiser's loss (a scalar)."""
        quantised, loss, _ = self.quantize(self._encode_continuous(images).float())
        return self.decode(quantised), loss

    def drop_periodic_decoders(self) -> None:
        """Must be called before moving the network: not all weights of the copies would move."""
        self._periodic.clear()

    def _periodic_decoder(self, tile: Tile) -> nn.Module:
        if tile not in self._periodic:
            self._periodic[tile] = periodic(self.decoder, tile)
        return self._periodic[tile]

    def _encode_continuous(self, images: Tensor) -> Tensor:
        """The quantiser's input."""
        encoded: Tensor = self.quant_conv(self.encoder(images * 2 - 1))
        return encoded


def freeze(network: nn.Module) -> nn.Module:
    """Freezes the network: no gradients for its weights, which saves a third of a step's time."""
    return network.eval().requires_grad_(False)
