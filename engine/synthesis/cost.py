"""Computes the cost of steps in advance."""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from engine.models.model import Model
from engine.synthesis.config import SynthesisConfig
from engine.synthesis.job_state import JobState, Size

COUNTED_SIDE = 4  #: height and width of the latents whose FLOPs are counted
OVERHEAD = 1e10
"""FLOPs that take as long as the fixed overhead of a step, mostly the launch of small operations.
Measured with the embedded model at 64 and 128 pixels, on one CPU thread."""


class StepCost:
    """The FLOPs of a step's forward pass; its time is proportional to them.

    The cost of decoding grows with the size; that of cutouts is constant. The prior is not counted.
    """

    def __init__(self, model: Model, config: SynthesisConfig) -> None:
        codes, side = model.vqgan.codebook, model.perceptor.resolution
        small = codes.new_zeros(1, codes.shape[1], COUNTED_SIDE, COUNTED_SIDE)
        self._latent: float = _flops(model.vqgan.decode, small) / COUNTED_SIDE**2
        cutout = _flops(model.perceptor.embed_images, codes.new_zeros(1, 3, side, side))
        self._cutouts = config.cutouts.count * cutout
        pixels = COUNTED_SIDE * model.vqgan.factor
        encoded = _flops(model.vqgan.encode, codes.new_zeros(1, 3, pixels, pixels))
        self._encoded: float = encoded / COUNTED_SIDE**2

    def step(self, images: int, size: Size) -> float:
        """One step of a job with this many images and latents of this size."""
        return OVERHEAD + images * (self._latent * math.prod(size) + self._cutouts)

    def frame(self, size: Size) -> float:
        """The additional cost of a film frame: one image is decoded and two are encoded.

        Divided by 3: there is no backward pass, which takes twice as long as the forward pass.
        """
        return (self._latent + 2 * self._encoded) * math.prod(size) / 3

    def left(self, job: JobState) -> float:
        """The cost of a job's remaining steps, up to its end."""
        starts = sorted(job.sizes)
        stages = zip(starts, [*starts[1:], job.end], strict=True)
        steps = sum(
            max(0, end - max(start, job.step)) * self.step(job.recipe.count, job.sizes[start])
            for start, end in stages
        )
        if not (film := job.recipe.film):
            return steps
        frames = min(film.frames, -(-(job.recipe.steps - job.step) // film.frame_steps))
        return steps + frames * self.frame(job.sizes[starts[-1]])


def _flops(network: Callable[[Tensor], Tensor], x: Tensor) -> float:
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(x)
    return float(counter.get_total_flops())
