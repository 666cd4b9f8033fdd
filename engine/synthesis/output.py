"""The output of a renderer's step for one job."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from engine.synthesis import latents
from engine.synthesis.checkpoint import Checkpoint


class Fault(StrEnum):
    """Why a job failed in a step."""

    NOT_FINITE = "not_finite"  # the loss is infinite or not a number


@dataclass(frozen=True, slots=True)
class PromptScore:
    """One prompt: its weight (negative for an exclude), and its cosine similarity to the image."""

    text: str
    weight: float
    similarity: float


@dataclass(frozen=True, slots=True)
class StepOutput:
    """The state of one job after a step. With `done` or a `fault`, the job has left the renderer.

    A step does not wait for its device. `prompts`, `images()` and `checkpoint()` do. So call them
    in the renderer's thread, or call `to_host()` there and use its result anywhere. `checkpoint()`
    copies the job's state, which the next step changes.
    """

    job_id: int
    step: int
    steps: int
    done: bool
    fault: Fault | None
    cost: float  # of this step, in FLOPs
    cost_left: float  # of the steps that the job is expected to still take, in FLOPs
    steps_left: int  # the number of these steps
    size: tuple[int, int]  # width and height of the images, pixels
    texts: tuple[str, ...]  # of the prompts, includes first
    weights: Tensor = field(repr=False)  # (prompts,), negative for excludes
    similarities: Tensor = field(repr=False)  # (prompts,), the mean over the job's images
    pixels: Tensor = field(repr=False)  # (images, 3, h, w): floats from 0 to 1, or uint8
    checkpoint: Callable[[], Checkpoint] = field(repr=False)
    filmed: bool = False  # whether the image is a frame of the job's film
    concept_scores: Mapping[str, float] = field(default_factory=dict)
    """Scores of the requested concepts; see `engine.image_check`."""

    @property
    def ended(self) -> bool:
        return self.done or self.fault is not None

    @property
    def prompts(self) -> tuple[PromptScore, ...]:
        """Includes first."""
        scores = zip(self.texts, self.weights.tolist(), self.similarities.tolist(), strict=True)
        return tuple(PromptScore(*score) for score in scores)

    @property
    def include(self) -> float:
        """The weighted mean cosine similarity to the includes."""
        return _weighted_mean([prompt for prompt in self.prompts if prompt.weight > 0])

    @property
    def exclude(self) -> float | None:
        """The weighted mean cosine similarity to the excludes; None if there are none."""
        excludes = [prompt for prompt in self.prompts if prompt.weight < 0]
        return _weighted_mean(excludes) if excludes else None

    @property
    def scores(self) -> dict[str, Any]:
        """The similarities, as stored in the metadata of the images."""
        similarities = [round(prompt.similarity, 3) for prompt in self.prompts]
        exclude = None if self.exclude is None else round(self.exclude, 3)
        return {"include": round(self.include, 3), "exclude": exclude, "prompts": similarities}

    def images(self) -> list[Image.Image]:
        """The job's images in RGB at the recipe's size."""
        return latents.to_images(self.pixels, *self.size)

    def to_host(self) -> "StepOutput":
        """A copy on the host, which later steps don't change and which can be pickled."""
        return replace(
            self,
            weights=self.weights.cpu(),
            similarities=self.similarities.cpu(),
            pixels=torch.from_numpy(latents.to_uint8(self.pixels)),
            checkpoint=partial(_identity, self.checkpoint()),
        )


def _identity(checkpoint: Checkpoint) -> Checkpoint:
    return checkpoint


def _weighted_mean(prompts: list[PromptScore]) -> float:
    total = sum(abs(prompt.weight) for prompt in prompts)
    return sum(abs(prompt.weight) * prompt.similarity for prompt in prompts) / total
