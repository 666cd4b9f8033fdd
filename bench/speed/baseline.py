"""The usual VQGAN+CLIP loop, as the baseline of `bench.speed`.

It reimplements what nerdyrodent/VQGAN-CLIP and similar programs do: float32; one job at a time;
random initial codes; cutouts taken one by one, pooled, and augmented with kornia; the squared
spherical distance to the text; Adam. As in these, the weights are frozen and the text is embedded
once.
"""

import torch
from PIL import Image, ImageOps
from torch import Tensor, nn
from torch.autograd.profiler import record_function
from torch.nn import functional as F
from torchvision.transforms.functional import to_tensor

from engine.models.model import Model
from engine.models.perceptor import Perceptor

LEARNING_RATE = 0.1
NOISE = 0.1
"""The maximum standard deviation of the noise in a cutout."""


class PlainLoop:
    """Renders one image for one text. Width and height are multiples of the VQGAN's factor.

    The model's VQGAN must have taming's original decoder, as from `read_vqgan`.
    """

    def __init__(
        self, model: Model, text: str, width: int, height: int, cutouts: int, seed: int
    ) -> None:
        from kornia import augmentation

        torch.manual_seed(seed)
        self._vqgan, self._perceptor = model.vqgan, model.perceptor
        self._cutouts = cutouts
        self._text = self._perceptor.embed_texts([text])
        side = self._perceptor.resolution
        self._average, self._largest = nn.AdaptiveAvgPool2d(side), nn.AdaptiveMaxPool2d(side)
        self._augment = nn.Sequential(
            augmentation.RandomAffine(
                degrees=15, translate=(0.1, 0.1), shear=5, padding_mode="border", p=0.7
            ),
            augmentation.RandomPerspective(distortion_scale=0.7, p=0.7),
            augmentation.ColorJitter(brightness=0.1, contrast=0.1, saturation=0.1, hue=0.1, p=0.7),
            augmentation.RandomErasing(
                scale=(0.1, 0.4), ratio=(0.3, 1 / 0.3), same_on_batch=True, p=0.7
            ),
        )
        codebook = self._vqgan.codebook
        self._lowest, self._highest = (
            bound[:, None, None] for bound in (codebook.amin(0), codebook.amax(0))
        )
        grid = (1, height // self._vqgan.factor, width // self._vqgan.factor)
        codes = torch.randint(len(codebook), grid, device=codebook.device)
        self._latents = F.embedding(codes, codebook).movedim(-1, 1).contiguous().requires_grad_()
        self._optimiser = torch.optim.Adam([self._latents], lr=LEARNING_RATE)

    def step(self) -> float:
        """One step of Adam; returns the loss before it, from 0 to π²/2."""
        self._optimiser.zero_grad()
        with record_function("decode"):
            decoded = self._decode()
        with record_function("cutouts"):
            cutouts = self._take_cutouts(decoded)
        with record_function("embed"):
            embedded = self._perceptor.embed_images(cutouts)
        loss = _spherical_distance(embedded, self._text).mean()
        with record_function("backward"):
            loss.backward()
        self._optimiser.step()
        with torch.no_grad():
            self._latents.clamp_(self._lowest, self._highest)
        return loss.item()

    @torch.no_grad()
    def image(self) -> Image.Image:
        """The RGB image so far; decodes it again, as the usual loop does."""
        pixels = (self._decode()[0] * 255).round().byte().movedim(0, -1)
        return Image.fromarray(pixels.cpu().numpy())

    def _decode(self) -> Tensor:
        """The decoded nearest codes: (1, 3, height, width) from 0 to 1."""
        vqgan = self._vqgan
        codebook, flat = vqgan.codebook, self._latents.detach().movedim(1, -1)
        distance = (
            flat.square().sum(-1, keepdim=True) + codebook.square().sum(1) - 2 * flat @ codebook.t()
        )
        chosen = F.one_hot(distance.argmin(-1), len(codebook)).float() @ codebook
        straight = self._latents + (chosen.movedim(-1, 1) - self._latents).detach()
        decoded = vqgan.decoder(vqgan.post_quant_conv(straight))
        return _clamped((decoded + 1) / 2)

    def _take_cutouts(self, image: Tensor) -> Tensor:
        """(cutouts, 3, r, r): random squares, taken one by one, then augmented together."""
        height, width = image.shape[2:]
        largest = min(height, width)
        smallest = min(largest, self._perceptor.resolution)
        crops = []
        for _ in range(self._cutouts):
            size = int(torch.rand(()) * (largest - smallest) + smallest)
            top = int(torch.randint(height - size + 1, ()))
            left = int(torch.randint(width - size + 1, ()))
            crop = image[:, :, top : top + size, left : left + size]
            crops.append((self._average(crop) + self._largest(crop)) / 2)
        batch: Tensor = self._augment(torch.cat(crops))
        deviation = NOISE * torch.rand(len(batch), 1, 1, 1, device=batch.device)
        return batch + deviation * torch.randn_like(batch)


@torch.no_grad()
def text_similarity(perceptor: Perceptor, image: Image.Image, text: str) -> float:
    """The cosine similarity of the whole image to a text, with CLIP's own preprocessing.

    The benchmark scores both loops with it, without cutouts or random numbers.
    """
    side = (perceptor.resolution, perceptor.resolution)
    seen = to_tensor(ImageOps.fit(image, side, Image.Resampling.BICUBIC))[None]
    target = perceptor.embed_texts([text])
    similarity = perceptor.embed_images(seen.to(target.device)) @ target.t()
    return float(similarity.item())


def _spherical_distance(one: Tensor, other: Tensor) -> Tensor:
    """Half the squared angle between vectors of unit length."""
    angle: Tensor = 2 * ((one - other).norm(dim=-1) / 2).asin()
    return angle.square() / 2


def _clamped(images: Tensor) -> Tensor:
    """Clamps to 0 to 1; outside, only gradients that lead back inside pass."""
    excess = (images - images.clamp(0, 1)).detach()
    clamped = images - excess
    if clamped.requires_grad:
        clamped.register_hook(lambda gradient: gradient.masked_fill(gradient * excess < 0, 0))
    return clamped
