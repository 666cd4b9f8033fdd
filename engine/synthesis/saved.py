"""A job between two steps, as bytes: what a crash resumes from, and what later jobs begin with."""

from dataclasses import dataclass, field

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

LARGEST = 1_000_000
"""Bytes for each row, at most."""


class SavedRefused(ValueError):  # noqa: N818 - it is an answer, not a fault
    """These bytes are no saved state, or that of another job; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Saved:
    """`latents` (rows, embed_dim, h, w), and Adam's `moments` in the same shape.

    `codes` (rows, h, w) stand for latents that would be too large. `lowest` and `losses` (rows,)
    are as in `Rows`; `draws` (rows, n), uint8, are the states of the rows' generators.
    """

    step: int
    lowest: tuple[float, int]
    losses: Tensor
    draws: Tensor
    latents: Tensor | None
    codes: Tensor | None = None
    moments: dict[str, Tensor] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """At most LARGEST for each row.

        Whole, if that fits: a job that goes on from it paints the very same picture. Else without
        Adam's means and with half the digits.
        """
        tensors = {"losses": self.losses, "draws": self.draws, **self.moments}
        if self.latents is not None:
            tensors["latents"] = self.latents
        if self.codes is not None:
            tensors["codes"] = self.codes
        if sum(tensor.nbytes for tensor in tensors.values()) > LARGEST * len(self.draws) - 1000:
            tensors = {k: v for k, v in tensors.items() if k not in self.moments}
            if self.latents is not None:
                tensors["latents"] = self.latents.half()
        progress = torch.tensor([self.step, *self.lowest], dtype=torch.float64)
        return save({**tensors, "progress": progress})

    @classmethod
    def from_bytes(cls, content: bytes) -> "Saved":
        """The reverse of `to_bytes`. Raises SavedRefused."""
        try:
            tensors = load(content)
            moments = {k: v for k, v in tensors.items() if k.startswith("exp_avg")}
            latents = tensors.get("latents")
            step, lowest, lowest_at = tensors["progress"].tolist()
            return cls(
                step=int(step),
                lowest=(lowest, int(lowest_at)),
                losses=tensors["losses"],
                draws=tensors["draws"],
                latents=None if latents is None else latents.float(),
                codes=tensors.get("codes"),
                moments=moments,
            )
        except (SafetensorError, KeyError, ValueError) as error:
            raise SavedRefused("The saved state is damaged.") from error


def too_large(latents: Tensor) -> bool:
    """Whether even half the digits of these latents do not fit."""
    return latents[0].numel() * 2 > 0.95 * LARGEST
