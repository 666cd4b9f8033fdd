"""The heart: a batch of rows, each one picture of one job, advanced together step by step.

Jobs come and go at any step. One step reads from top to bottom: latents → decode → cutouts →
embed → objective per row → backward → optimiser. A row depends on its own recipe and seed only.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property, partial

import torch
from PIL import Image
from torch import Generator, Tensor
from torch.utils.checkpoint import checkpoint

from core.recipe import Recipe
from engine.device import free_memory
from engine.models.pair import Pair
from engine.models.quickened import spare_memory
from engine.synthesis import beginnings, cutouts, imagination, latents, objective
from engine.synthesis.checkpoint import Checkpoint, CheckpointError
from engine.synthesis.memory import Memory
from engine.synthesis.method import METHODS, Method
from engine.synthesis.output import Fault, StepOutput
from engine.synthesis.request import RenderRequest
from engine.synthesis.rows import Grid, Rows, stages
from engine.synthesis.validation import Note, NoteCode, RecipeRefused, RefusalCode, validate

FEW = 8
"""Cutouts that are embedded together where memory is short."""

ASKED = 2
"""Steps from one question to the prior to the next."""

HOLD = 4.0
"""How strongly full `strength` ties the latents to those of the initial picture."""


class Renderer:
    """Paints any number of jobs with one pair on one device."""

    def __init__(self, pair: Pair, device: torch.device, method: Method | None = None) -> None:
        self.pair, self.device = pair, device
        self.method = method or METHODS[pair.name]
        self.gradient_checkpointing = False
        self._running: dict[int, Rows] = {}

    @cached_property
    def memory(self) -> Memory:
        """How much a recipe needs; measured when it is first asked for."""
        return Memory(self.pair, self._arithmetic)

    @property
    def job_ids(self) -> frozenset[int]:
        return frozenset(self._running)

    def add(self, request: RenderRequest) -> list[Note]:
        """Puts a job into the batch; returns what its member should know.

        Raises RecipeRefused for a recipe that the model cannot render, CheckpointError if
        `resume_from` belongs to another job, and MemoryError if there is no room beside the jobs
        that are being rendered.
        """
        notes = validate(request.recipe, self.pair) + self._make_room(request.recipe)
        with torch.no_grad():
            self._running[request.job_id] = self._begun(request)
        return notes

    def abort(self, job_id: int) -> None:
        """Takes a job out of the batch, if it is in it."""
        self._running.pop(job_id, None)

    def finish_early(self, job_id: int) -> None:
        """Makes the next step the job's last."""
        if job := self._running.get(job_id):
            job.last = True

    def enable_gradient_checkpointing(self) -> None:
        """From now on activations are recomputed: less memory, slower, the same images."""
        self.gradient_checkpointing = True
        spare_memory(self.pair.vqgan.decoder)

    def step(self) -> list[StepOutput]:
        """Advances every row of every job by one."""
        jobs = list(self._running.values())
        if not jobs:
            return []
        for job in jobs:
            job.optimiser.zero_grad()  # also of what a step left that ran out of memory
        with self._arithmetic():
            pictures = self._paint(jobs)
            seen = self._cut(jobs, pictures)
            embedded = self._embed(seen)
            astray = sum(map(self._astray, jobs, pictures))
        rows = [job.target for job in jobs for _ in job.generators]
        similarity = objective.similarities(embedded, rows)
        losses = torch.stack([objective.loss(*row) for row in zip(similarity, rows, strict=True)])
        rough = torch.cat([objective.total_variation(picture) for picture in pictures])
        held = sum(_hold(job) for job in jobs)
        appearance = self.method.smoothness * rough.sum() + self.method.guided * astray
        (losses.sum() + appearance + held).backward()
        apart = losses.detach().split([len(job.generators) for job in jobs])
        for job, own in zip(jobs, apart, strict=True):
            job.descend(own, self.method)
        outputs = self._outputs(pictures, similarity)
        for job in jobs:
            job.change_stage()
        for output in outputs:
            if output.done or output.fault:
                self.abort(output.job_id)
        return outputs

    def _make_room(self, recipe: Recipe) -> list[Note]:
        """Looks whether a recipe fits into the memory, before it begins."""
        recipes = [recipe, *(job.recipe for job in self._running.values())]
        needed = self.memory.needed(recipes, self.method)
        if self.gradient_checkpointing or needed < free_memory(self.device):
            return []
        if self._running:
            raise MemoryError(f"{needed / 1e9:.1f} GB are needed for all of it")
        self.enable_gradient_checkpointing()
        return [Note(NoteCode.LOW_MEMORY)]

    # -- where rows start ------------------------------------------------------------------

    def _begun(self, request: RenderRequest) -> Rows:
        recipe, images = request.recipe, request.images
        target = objective.target(recipe, images, self.pair.perceptor, self.method, self.device)
        if recipe.source:
            job = self._going_on(recipe, target, request.source)
        elif recipe.initial:
            job = self._from_picture(recipe, target, images[recipe.initial])
        else:
            job = self._from_nothing(recipe, target, request.resume_from is None)
        if request.resume_from:
            job.resume(request.resume_from, self.pair.vqgan)
        return job

    def _from_nothing(self, recipe: Recipe, target: objective.Target, begin: bool) -> Rows:
        """Small at first, as what is drawn for it; blank unless it is to `begin`."""
        plan = stages(recipe, self.pair.vqgan.factor, self.method)
        if not begin:
            channels = self.pair.vqgan.codebook.shape[1]
            blank = torch.zeros(recipe.count, channels, *plan[0], device=self.device)
            return Rows(recipe, target, list(self._seeded(recipe)), blank, plan)
        height, width = (side * self.pair.vqgan.factor for side in plan[0])
        starts, generators = [], []
        for seeded in self._seeded(recipe):
            with self._arithmetic():
                rough = beginnings.drawn(self.pair, target, self.method, width, height, seeded)
            starts.append(self.pair.vqgan.encode(rough.float()))
            generators.append(_own(seeded))
        return Rows(recipe, target, generators, torch.cat(starts), plan)

    def _from_picture(self, recipe: Recipe, target: objective.Target, initial: Image.Image) -> Rows:
        start = latents.encoded(self.pair.vqgan, initial, recipe.width, recipe.height)
        start = start.expand(recipe.count, -1, -1, -1)
        generators = [_own(drawn) for drawn in self._seeded(recipe)]
        held = start if recipe.strength else None
        return Rows(recipe, target, generators, start, self._at_once(recipe), held=held)

    def _going_on(self, recipe: Recipe, target: objective.Target, saved: Checkpoint | None) -> Rows:
        """From another job's latents: the same, others near by, or larger ones."""
        if not saved or not recipe.source or recipe.source.row >= len(saved.rng_states):
            raise RecipeRefused(RefusalCode.NO_SOURCE)
        generators = list(self._seeded(recipe))
        try:
            job = Rows.like(saved, recipe, target, generators, self.pair.vqgan)
        except CheckpointError as error:
            raise RecipeRefused(RefusalCode.BAD_SOURCE) from error
        # What has strayed is cleared up from coarse to fine, as what begins from nothing.
        plan = stages(recipe, self.pair.vqgan.factor, self.method)
        job.stages = plan if recipe.source.spread else self._at_once(recipe)
        job.enlarge(job.stages[0])
        return job

    def _at_once(self, recipe: Recipe) -> dict[int, Grid]:
        """Painted at full size from the start."""
        factor = self.pair.vqgan.factor
        return {0: (recipe.height // factor, recipe.width // factor)}

    def _seeded(self, recipe: Recipe) -> Iterator[Generator]:
        """One for each row, seeded before the first draw: four begin with the picture of one."""
        for seed in recipe.seeds:
            yield Generator(self.device).manual_seed(seed)

    # -- the parts of a step ---------------------------------------------------------------

    def _paint(self, jobs: Sequence[Rows]) -> list[Tensor]:
        """Each job's pictures (rows, 3, height, width); jobs of one size are decoded together."""
        by_grid: dict[Grid, list[int]] = defaultdict(list)
        for index, job in enumerate(jobs):
            by_grid[job.grid].append(index)
        pictures: dict[int, Tensor] = {}
        for indices in by_grid.values():
            together = torch.cat([jobs[i].latents for i in indices])
            decoded = latents.painted(self.pair.vqgan, together, self.method.quantised)
            apart = decoded.split([len(jobs[i].latents) for i in indices])
            pictures.update(zip(indices, apart, strict=True))
        return [pictures[index] for index in range(len(jobs))]

    def _cut(self, jobs: Sequence[Rows], pictures: Sequence[Tensor]) -> Tensor:
        """(rows × cutouts, 3, r, r) of all jobs, in their order."""
        resolution = self.pair.perceptor.resolution
        seen = []
        for job, picture in zip(jobs, pictures, strict=True):
            height, width = picture.shape[2:]
            cuts = [
                cutouts.draw(self.method, width, height, resolution, own) for own in job.generators
            ]
            seen.append(cutouts.cut(picture, cuts, resolution))
        return torch.cat(seen)

    def _embed(self, seen: Tensor) -> Tensor:
        """(rows × cutouts, d) of unit length; a few cutouts at a time where memory is short."""
        embed = self.pair.perceptor.embed_pictures
        if not self.gradient_checkpointing:
            return embed(seen).float()
        some = seen.split(FEW)
        return torch.cat([checkpoint(embed, few, use_reentrant=False) for few in some]).float()

    def _astray(self, job: Rows, pictures: Tensor) -> Tensor | float:
        """How far a job's pictures are from where the prior would have them go."""
        if not self.pair.prior or not self.method.guided or job.step % ASKED:
            return 0.0
        return imagination.astray(self.pair, pictures, job.target, job.generators).sum()

    def _outputs(
        self, pictures: Sequence[Tensor], similarity: Sequence[Tensor]
    ) -> list[StepOutput]:
        outputs = []
        first = 0
        for (job_id, job), painted in zip(self._running.items(), pictures, strict=True):
            own = torch.stack(list(similarity[first : first + len(painted)])).detach()
            first += len(painted)
            outputs.append(
                StepOutput(
                    job_id=job_id,
                    step=job.step,
                    steps=job.recipe.steps,
                    done=job.done,
                    fault=Fault.NOT_FINITE if job.broken else None,
                    size=(job.recipe.width, job.recipe.height),
                    texts=job.target.names,
                    weights=job.target.shares,
                    similarities=own.mean(0),
                    pixels=painted.detach(),
                    checkpoint=partial(job.saved, self.pair.vqgan),
                )
            )
        return outputs

    def _arithmetic(self) -> torch.autocast:
        """bfloat16 where the processor multiplies it natively, else float32."""
        kind = self.device.type
        fast = (
            torch.cuda.is_bf16_supported()
            if kind == "cuda"
            else torch.cpu._is_avx512_bf16_supported()
        )
        return torch.autocast(kind, torch.bfloat16, enabled=fast)


def _own(drawn: Generator) -> Generator:
    """A row's own generator for its steps, however much its beginning drew."""
    seed = int(torch.randint(2**32, (), generator=drawn, device=drawn.device))
    return Generator(drawn.device).manual_seed(seed)


def _hold(job: Rows) -> Tensor | float:
    """The pull towards the initial picture's latents; it grows with the recipe's strength."""
    if job.held is None:
        return 0.0
    drift = (job.latents - job.held).square().mean((1, 2, 3)).sum()
    return HOLD * job.recipe.strength * drift
