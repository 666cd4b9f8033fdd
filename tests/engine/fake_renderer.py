"""A renderer with the interface of `engine.synthesis.renderer` that renders plain grey."""

from collections.abc import Callable
from functools import partial

import torch

from core.recipe import Recipe
from engine.synthesis.checkpoint import Checkpoint
from engine.synthesis.output import Fault, StepOutput
from engine.synthesis.renderer import Renderer
from engine.synthesis.request import RenderRequest
from engine.synthesis.validation import Note, RecipeRefused, RefusalCode


class FakeRenderer(Renderer):
    """Deterministic. `before_step` runs at the start of each step, in the renderer's thread.

    `batches` records the jobs in each step, `requests` what was added, `finished` the jobs that
    took their last step.
    """

    def __init__(self, before_step: Callable[[int], None] = lambda number: None) -> None:
        self.before_step = before_step
        self.gradient_checkpointing = self.offloaded = False
        self.offloads = 0
        self.batches: list[frozenset[int]] = []
        self.requests: list[RenderRequest] = []
        self.finished: list[int] = []
        self.faults: dict[int, Fault] = {}
        self.notes: list[Note] = []
        self._jobs: dict[int, tuple[Recipe, int]] = {}
        self._finishing: set[int] = set()

    @property
    def job_ids(self) -> frozenset[int]:
        return frozenset(self._jobs)

    def add(self, request: RenderRequest) -> list[Note]:
        self.offloaded = False
        recipe = request.recipe
        if recipe.width % 4:
            params = {"size": recipe.size, "model": "fake", "factor": 4}
            raise RecipeRefused(RefusalCode.SIZE, params)
        self.requests.append(request)
        step = request.resume_from.step if request.resume_from else 0
        self._jobs[request.job_id] = (recipe, step)
        return self.notes

    def preview(self, job_id: int) -> StepOutput:
        recipe, step = self._jobs[job_id]
        return self._output_of(job_id, recipe, step)

    def abort(self, job_id: int) -> None:
        self._jobs.pop(job_id, None)

    def finish_early(self, job_id: int) -> None:
        self._finishing.add(job_id)

    def offload(self) -> None:
        self.offloaded = True
        self.offloads += 1

    def enable_gradient_checkpointing(self) -> None:
        self.gradient_checkpointing = True

    def step(self) -> list[StepOutput]:
        self.before_step(len(self.batches) + 1)
        self.batches.append(self.job_ids)
        return [self._advance(job_id) for job_id in list(self._jobs)]

    def _advance(self, job_id: int) -> StepOutput:
        recipe, before = self._jobs[job_id]
        step, fault = before + 1, self.faults.get(job_id)
        done = step == recipe.steps or job_id in self._finishing
        if done or fault:
            self.abort(job_id)
            self.finished.append(job_id)
        else:
            self._jobs[job_id] = (recipe, step)
        return self._output_of(job_id, recipe, step, done=done, fault=fault)

    def _output_of(
        self,
        job_id: int,
        recipe: Recipe,
        step: int,
        *,
        done: bool = False,
        fault: Fault | None = None,
    ) -> StepOutput:
        include = step / recipe.steps
        shape = (recipe.count, 3, recipe.height, recipe.width)
        return StepOutput(
            job_id=job_id,
            step=step,
            steps=recipe.steps,
            done=done,
            fault=fault,
            cost=1.0,
            cost_left=float(recipe.steps - step),
            steps_left=recipe.steps - step,
            size=(recipe.width, recipe.height),
            texts=tuple(prompt.text for prompt in (*recipe.include, *recipe.exclude)),
            weights=torch.tensor(
                [prompt.weight for prompt in recipe.include]
                + [-prompt.weight for prompt in recipe.exclude]
            ),
            similarities=torch.tensor(
                [include] * len(recipe.include) + [0.25] * len(recipe.exclude)
            ),
            pixels=torch.full(shape, include),
            checkpoint=partial(checkpoint, step),
            filmed=_ends_frame(recipe, step, done=done),
        )


def _ends_frame(recipe: Recipe, step: int, *, done: bool) -> bool:
    filmed = step - recipe.steps_before_film
    return bool(recipe.film and filmed > 0 and (filmed % recipe.film.frame_steps == 0 or done))


def checkpoint(step: int) -> Checkpoint:
    """A checkpoint of a job with one image, taken after `step` steps."""
    return Checkpoint(
        step=step,
        prior_steps=0,
        best=(0.0, step),
        losses=torch.zeros(1),
        rng_states=torch.zeros(1, 8, dtype=torch.uint8),
        latents=torch.zeros(1, 4, 2, 2),
    )
