"""The painter: a VQGAN assembled from taming-transformers' own encoder, decoder and quantiser.

Source of the architecture: Esser, Rombach, Ommer, "Taming Transformers for High-Resolution Image
Synthesis" (2021), and the taming-transformers project, whose names in the state dict are kept, so
that its published checkpoints load as they are.
"""

import contextlib
import io
from collections.abc import Mapping
from typing import Any

from taming.modules.diffusionmodules.model import Decoder, Encoder
from taming.modules.vqvae.quantize import GumbelQuantize, VectorQuantizer2
from torch import Tensor, nn

COMMITMENT = 0.25


class VQGAN(nn.Module):
    """Pictures to latents and back.

    Pictures are (rows, 3, height, width) float tensors from 0 to 1; latents are
    (rows, embed_dim, height / factor, width / factor). Height and width are multiples of `factor`.

    Latents are always what the decoder reads. With `gumbel` (Jang, Gu, Poole, "Categorical
    Reparameterization with Gumbel-Softmax", 2016) the encoder speaks of something else, of how
    likely each code is: there `encode` gives the likeliest codes' latents.
    """

    def __init__(
        self, ddconfig: Mapping[str, Any], embed_dim: int, n_embed: int, gumbel: bool = False
    ) -> None:
        super().__init__()
        # taming's decoder announces its shape on standard output, which is not ours to fill.
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

    @property
    def codebook(self) -> Tensor:
        """(codes, embed_dim)."""
        gumbel = isinstance(self.quantize, GumbelQuantize)
        weight: Tensor = (self.quantize.embed if gumbel else self.quantize.embedding).weight
        return weight

    def encode(self, pictures: Tensor) -> Tensor:
        """Pictures to latents: continuous, not yet quantised, but with Gumbel's codes."""
        encoded = self._encoded(pictures)
        if isinstance(self.quantize, GumbelQuantize):
            return self.look_up(self.quantize.proj(encoded).argmax(1))
        return encoded

    def nearest_codes(self, latents: Tensor) -> Tensor:
        """Indices (rows, h, w) of the codebook's entries nearest to the latents."""
        flat = latents.movedim(1, -1).float()
        codebook = self.codebook.float()
        # |z - e|² without |z|², which is the same for every code.
        distance = codebook.square().sum(1) - 2 * flat @ codebook.t()
        return distance.argmin(-1)

    def look_up(self, codes: Tensor) -> Tensor:
        """Codes (rows, h, w) to latents."""
        return nn.functional.embedding(codes, self.codebook).movedim(-1, 1)

    def quantise(self, latents: Tensor) -> Tensor:
        """The nearest codes' latents; the gradient goes straight through to `latents`."""
        nearest = self.look_up(self.nearest_codes(latents.detach())).to(latents.dtype)
        return latents + (nearest - latents).detach()

    def decode(self, latents: Tensor) -> Tensor:
        """Latents to pictures; values may leave 0 to 1 a little, clamping is the caller's."""
        pictures: Tensor = self.decoder(self.post_quant_conv(latents))
        return (pictures + 1) / 2

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures through the bottleneck, and the quantiser's loss (a scalar), for training."""
        quantised, loss, _ = self.quantize(self._encoded(pictures).float())
        return self.decode(quantised), loss

    def _encoded(self, pictures: Tensor) -> Tensor:
        """What the quantiser reads."""
        encoded: Tensor = self.quant_conv(self.encoder(pictures * 2 - 1))
        return encoded


def frozen(network: nn.Module) -> nn.Module:
    """The network for use, not for training: no gradients for its weights, which saves a third."""
    return network.eval().requires_grad_(False)
