"""Estimates the memory of a step before a job starts."""

from collections.abc import Callable, Container, Iterable

import torch
from torch import Tensor

from core.recipe import Recipe
from engine.device import autocast
from engine.models.model import Model
from engine.synthesis.config import SynthesisConfig

BACKWARD_OVERHEAD = 1.2  #: peak of forward and backward pass, as a multiple of saved activations

GRIDS = (2, 4, 8)  #: heights and widths of the latents that are measured
CUTOUTS = (1, 2)  #: numbers of cutouts that are measured


class Memory:
    """The activations that a step saves for its backward pass, in bytes.

    Measured on the device itself with small images, so precision and kernels are those of a real
    step. The estimate grows with the number of latents (and its square, because of attention) and
    of cutouts.
    """

    def __init__(self, model: Model, device: torch.device) -> None:
        codes, side = model.vqgan.codebook, model.perceptor.resolution
        weights = {
            weight.untyped_storage().data_ptr()
            for network in (model.vqgan, *model.perceptor.image_encoders)
            for weight in network.parameters()
        }
        with autocast(device):
            decoded = [
                _saved_activation_bytes(
                    model.vqgan.decode, codes.new_zeros(1, codes.shape[1], grid, grid), weights
                )
                for grid in GRIDS
            ]
            one, two = (
                _saved_activation_bytes(
                    model.perceptor.embed_images, codes.new_zeros(count, 3, side, side), weights
                )
                for count in CUTOUTS
            )
        powers = torch.tensor([[1.0, grid**2, grid**4] for grid in GRIDS], dtype=torch.float64)
        measured = torch.tensor(decoded, dtype=torch.float64)
        base, self._latent, self._latent_squared = torch.linalg.solve(powers, measured).tolist()
        self._factor = model.vqgan.factor
        self._cutout = two - one
        self._base = base + one - self._cutout

    def needed(self, recipes: Iterable[Recipe], config: SynthesisConfig) -> int:
        """Bytes for one step of these jobs together at full size, in addition to the weights."""
        images = sum(recipe.count * self._image_bytes(recipe, config) for recipe in recipes)
        return int(BACKWARD_OVERHEAD * (self._base + images)) if images else 0

    def _image_bytes(self, recipe: Recipe, config: SynthesisConfig) -> float:
        latents = recipe.width * recipe.height / self._factor**2
        decoded: float = self._latent * latents + self._latent_squared * latents**2
        return decoded + config.cutouts.count * self._cutout


def _saved_activation_bytes(
    network: Callable[[Tensor], Tensor], x: Tensor, weights: Container[int]
) -> int:
    """The bytes that a frozen network saves for its backward pass.

    Without its weights, whose storages start at the addresses `weights`. Some of a processor's
    kernels save a transposed view of a weight instead of the weight.
    """
    saved: dict[int, Tensor] = {}

    def pack(tensor: Tensor) -> None:
        address = tensor.untyped_storage().data_ptr()
        if address not in weights:
            # Detached, because a graph that refers to itself would never be freed.
            saved[address] = tensor.detach()

    def unpack(packed: None) -> Tensor:
        raise AssertionError("there is no backward pass")

    with torch.autograd.graph.saved_tensors_hooks(pack, unpack):
        network(x.requires_grad_(True))
    return sum(tensor.untyped_storage().nbytes() for tensor in saved.values())
