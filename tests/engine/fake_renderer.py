"""A renderer that keeps the contract of `engine.synthesis.renderer` and paints plain greys."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from PIL import Image

from core.recipe import Recipe
from engine.synthesis.objective import Target
from engine.synthesis.renderer import Iteration, RecipeRefused
from engine.synthesis.saved import Saved


class FakeRenderer:
    """Deterministic, and obedient: `before_step` runs first in each step, in its thread.

    `batches` remembers which jobs were in each step.
    """

    def __init__(self, before_step: Callable[[int], None] = lambda number: None) -> None:
        self.before_step = before_step
        self.frugal = False
        self.batches: list[frozenset[int]] = []
        self.pictures: dict[str, Image.Image] = {}
        self.sources: list[Saved | None] = []
        self.faults: dict[int, str] = {}
        self.notes: list[str] = []
        self._running: dict[int, tuple[Recipe, int]] = {}
        self._last: set[int] = set()

    @property
    def job_ids(self) -> frozenset[int]:
        return frozenset(self._running)

    def add(
        self,
        job_id: int,
        recipe: Recipe,
        pictures: Mapping[str, Image.Image] = MappingProxyType({}),
        *,
        source: Saved | None = None,
        resumed: Saved | None = None,
    ) -> list[str]:
        if recipe.width % 4:
            raise RecipeRefused("Both sides must be multiples of 4.")
        self.pictures.update(pictures)
        self.sources.append(source)
        self._running[job_id] = (recipe, resumed.step if resumed else 0)
        return self.notes

    def remove(self, job_id: int) -> None:
        self._running.pop(job_id, None)

    def stop(self, job_id: int) -> None:
        self._last.add(job_id)

    def spare_memory(self) -> None:
        self.frugal = True

    def step(self) -> list[Iteration]:
        self.before_step(len(self.batches) + 1)
        self.batches.append(self.job_ids)
        return [self._advance(job_id) for job_id in list(self._running)]

    def _advance(self, job_id: int) -> Iteration:
        recipe, before = self._running[job_id]
        step, fault = before + 1, self.faults.get(job_id)
        done = step == recipe.steps or job_id in self._last
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
            done=done,
            fault=fault,
            scores=(similarity,) * recipe.count if done else (),
            size=(recipe.width, recipe.height),
            target=_target(recipe),
            similarity=torch.tensor(
                [similarity] * len(recipe.include) + [0.25] * len(recipe.exclude)
            ),
            saved=lambda: saved(step),
            painted=torch.full(shape, similarity),
        )


def _target(recipe: Recipe) -> Target:
    prompts = (*recipe.include, *recipe.exclude)
    weights = [p.weight for p in recipe.include] + [-p.weight for p in recipe.exclude]
    blank, included = torch.zeros(len(prompts)), len(recipe.include)
    names = tuple(p.text for p in prompts)
    return Target(names, blank[:, None], torch.tensor(weights), blank, included)


def saved(step: int) -> Saved:
    """The state of a job of one row after so many steps."""
    return Saved(
        step=step,
        lowest=(0.0, step),
        losses=torch.zeros(1),
        draws=torch.zeros(1, 8, dtype=torch.uint8),
        latents=torch.zeros(1, 4, 2, 2),
    )
