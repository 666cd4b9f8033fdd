"""The state of a job between two steps: a crash resumes from it, and later jobs start from it."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

MAX_BYTES = 1_000_000  #: of a checkpoint, for each image of the job


class CheckpointError(ValueError):
    """The bytes are not a checkpoint, or the checkpoint belongs to another job or model."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of one job. It is pickled as `to_bytes`."""

    step: int
    prior_steps: int  # steps of the jobs that this one continues
    best: tuple[float, int]  # the lowest mean loss so far, and its step
    losses: Tensor  # (images,) running means
    rng_states: Tensor  # (images, bytes), uint8
    latents: Tensor | None  # (images, embed_dim, h, w); None if they are too large
    codes: Tensor | None = None  # (images, h, w), the nearest codes, instead of large latents
    moments: dict[str, Tensor] = field(default_factory=dict)  # Adam's, with the latents' shape
    frame_start: Tensor | None = None  # of a film's current frame, with the latents' shape
    first_loss: float = math.nan  # the mean loss of the first step, once it was taken

    def to_bytes(self) -> bytes:
        """As safetensors: at most MAX_BYTES for each image, or twice as much in a film.

        A job that resumes from it renders exactly the same image, unless the state is too large.
        Then the latents are stored in half precision, and Adam's moments are left out.
        """
        tensors = {"losses": self.losses, "draws": self.rng_states, **self.moments}
        if self.latents is not None:
            tensors["latents"] = self.latents
        if self.codes is not None:
            tensors["codes"] = self.codes
        if self.frame_start is not None:
            tensors["frame_start"] = self.frame_start
        limit = (2 if self.frame_start is not None else 1) * MAX_BYTES * len(self.rng_states) - 1000
        if sum(tensor.nbytes for tensor in tensors.values()) > limit:
            tensors = {k: v for k, v in tensors.items() if k not in self.moments}
            if self.latents is not None:
                tensors["latents"] = self.latents.half()
        numbers = self.step, *self.best, self.prior_steps, self.first_loss
        progress = torch.tensor(numbers, dtype=torch.float64)
        return save({**tensors, "progress": progress})

    @classmethod
    def from_bytes(cls, content: bytes) -> "Checkpoint":
        """The inverse of `to_bytes`. Raises CheckpointError."""
        try:
            tensors = load(content)
            moments = {k: v for k, v in tensors.items() if k.startswith("exp_avg")}
            latents, frame_start = tensors.get("latents"), tensors.get("frame_start")
            step, lowest, lowest_at, *later = tensors["progress"].tolist()
            # Checkpoints from older versions lack these.
            prior_steps = later[0] if later else 0.0
            first_loss = later[1] if len(later) > 1 else math.nan
            return cls(
                step=int(step),
                prior_steps=int(prior_steps),
                best=(lowest, int(lowest_at)),
                first_loss=first_loss,
                losses=tensors["losses"],
                rng_states=tensors["draws"],
                latents=None if latents is None else latents.float(),
                codes=tensors.get("codes"),
                moments=moments,
                frame_start=frame_start,
            )
        except (SafetensorError, KeyError, ValueError) as error:
            raise CheckpointError("The checkpoint is damaged.") from error

    def __reduce__(self) -> tuple[Callable[[bytes], "Checkpoint"], tuple[bytes]]:
        return Checkpoint.from_bytes, (self.to_bytes(),)


def too_large(latents: Tensor) -> bool:
    """Whether these latents do not fit into a checkpoint even in half precision."""
    return latents[0].numel() * 2 > 0.95 * MAX_BYTES
