"""A renderer that keeps the contract of `engine.synthesis.renderer` and paints plain greys."""

from collections.abc import Callable

import torch
from PIL import Image

from engine.synthesis.renderer import Iteration, PromptSimilarity, RecipeRefused
from jobs.recipe import Recipe


class FakeRenderer:
    """Deterministic, and obedient: `before_step` runs first in each step, in its thread.

    `batches` remembers which jobs were in each step.
    """

    def __init__(self, before_step: Callable[[int], None] = lambda number: None) -> None:
        self.before_step = before_step
        self.batches: list[frozenset[int]] = []
        self.initials: list[Image.Image] = []
        self.faults: dict[int, str] = {}
        self.notes: list[str] = []
        self._running: dict[int, tuple[Recipe, int]] = {}

    @property
    def job_ids(self) -> frozenset[int]:
        return frozenset(self._running)

    def add(self, job_id: int, recipe: Recipe, initial: Image.Image | None = None) -> list[str]:
        if recipe.width % 4:
            raise RecipeRefused("Both sides must be multiples of 4.")
        if initial:
            self.initials.append(initial)
        self._running[job_id] = (recipe, 0)
        return self.notes

    def remove(self, job_id: int) -> None:
        self._running.pop(job_id, None)

    def step(self) -> list[Iteration]:
        self.before_step(len(self.batches) + 1)
        self.batches.append(self.job_ids)
        return [self._advance(job_id) for job_id in list(self._running)]

    def _advance(self, job_id: int) -> Iteration:
        recipe, before = self._running[job_id]
        step, fault = before + 1, self.faults.get(job_id)
        done = step == recipe.steps
        if done or fault:
            self.remove(job_id)
        else:
            self._running[job_id] = (recipe, step)
        similarity = step / recipe.steps
        shape = (recipe.count, 3, recipe.height, recipe.width)
        return Iteration(
            job_id=job_id,
            step=step,
            steps=recipe.steps,
            include=similarity,
            exclude=0.25 if recipe.exclude else None,
            prompts=(
                *(PromptSimilarity(p.text, p.weight, similarity) for p in recipe.include),
                *(PromptSimilarity(p.text, -p.weight, 0.25) for p in recipe.exclude),
            ),
            done=done,
            fault=fault,
            painted=torch.full(shape, similarity),
        )
