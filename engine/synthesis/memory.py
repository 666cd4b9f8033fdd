"""How much memory painting takes, known before it starts."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager

import torch
from torch import Tensor, nn

from core.recipe import Recipe
from engine.models.pair import Pair
from engine.synthesis.method import Method

ON_THE_WAY_BACK = 1.2
"""What the way back needs beyond what the way there has remembered, as a factor."""

GRIDS = (2, 4, 8)
CUTOUTS = (1, 2)


class Memory:
    """What a step remembers for its way back, in bytes.

    Measured by decoding and looking at small pictures on the device itself, so that its arithmetic
    and kernels are those of the painting; from there it grows with the latents (and with their
    square, because of the attention) and with the cutouts.
    """

    def __init__(self, pair: Pair, arithmetic: Callable[[], AbstractContextManager[None]]) -> None:
        codes, side = pair.vqgan.codebook, pair.perceptor.resolution
        with arithmetic():
            decoded = [
                _remembered(pair.vqgan.decode, codes.new_zeros(1, codes.shape[1], grid, grid))
                for grid in GRIDS
            ]
            one, two = (
                _remembered(pair.perceptor.embed_pictures, codes.new_zeros(count, 3, side, side))
                for count in CUTOUTS
            )
        powers = torch.tensor([[1.0, grid**2, grid**4] for grid in GRIDS], dtype=torch.float64)
        bytes_ = torch.tensor(decoded, dtype=torch.float64)
        base, self._latent, self._square = torch.linalg.solve(powers, bytes_).tolist()
        self._factor = pair.vqgan.factor
        self._cutout = two - one
        self._base = base + one - self._cutout

    def needed(self, recipes: Iterable[Recipe], method: Method) -> int:
        """Bytes that the rows of all these need in one step at full size, beside the weights."""
        rows = sum(recipe.count * self._row(recipe, method) for recipe in recipes)
        return int(ON_THE_WAY_BACK * (self._base + rows)) if rows else 0

    def _row(self, recipe: Recipe, method: Method) -> float:
        latents = recipe.width * recipe.height / self._factor**2
        decoded: float = self._latent * latents + self._square * latents**2
        return decoded + method.cutouts * self._cutout


def _remembered(network: Callable[[Tensor], Tensor], given: Tensor) -> int:
    """Bytes kept between the way through a frozen network and the way back, without weights."""
    kept: dict[int, Tensor] = {}

    def keep(tensor: Tensor) -> None:
        if not isinstance(tensor, nn.Parameter):
            # Detached: a graph that keeps what leads back to itself would never be freed.
            kept[tensor.untyped_storage().data_ptr()] = tensor.detach()

    def give_back(kept: None) -> Tensor:
        raise AssertionError("nobody goes back this way")

    with torch.autograd.graph.saved_tensors_hooks(keep, give_back):
        network(given.requires_grad_(True))
    return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())
