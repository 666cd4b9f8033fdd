"""The renderer: a batch of jobs that are advanced together, step by step.

As in an inference server with continuous batching, a job joins at any step and leaves when it is
done. Its images depend only on its recipe and seed, not on other jobs in the batch.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property, partial

import torch
from torch import Tensor
from torch.profiler import record_function
from torch.utils.checkpoint import checkpoint as recompute

from core.pattern import Tile
from core.recipe import Recipe
from core.regions import Region
from engine.device import autocast, free_memory
from engine.models.model import Model
from engine.models.optimized_decoder import enable_gradient_checkpointing
from engine.synthesis import latents, objective
from engine.synthesis.appearance import limit_to_palette, symmetrise
from engine.synthesis.config import CONFIGS, SynthesisConfig
from engine.synthesis.cost import StepCost
from engine.synthesis.cutouts import make_cutouts, roll_randomly, sample_augmentation
from engine.synthesis.film import next_latents
from engine.synthesis.initialisation import start
from engine.synthesis.job_state import JobState, Size, rng_restored_on_error
from engine.synthesis.memory import Memory
from engine.synthesis.objective import Target, split_evenly
from engine.synthesis.output import Fault, StepOutput
from engine.synthesis.prior_guidance import distillation_loss
from engine.synthesis.request import RenderRequest
from engine.synthesis.validation import Note, NoteCode, validate

RECOMPUTED_CUTOUTS = 8  #: cutouts that are embedded together with gradient checkpointing


class Renderer:
    """Renders any number of jobs with one model on one device. Its methods block."""

    def __init__(
        self, model: Model, device: torch.device, config: SynthesisConfig | None = None
    ) -> None:
        self.model, self.device = model, device
        self.config = config or CONFIGS[model.name]
        self.gradient_checkpointing = False
        self.offloaded = False
        self._jobs: dict[int, JobState] = {}

    @cached_property
    def memory(self) -> Memory:
        """Estimates the memory that recipes need. Measured on first use."""
        return Memory(self.model, self.device)

    @cached_property
    def _cost(self) -> StepCost:
        return StepCost(self.model, self.config)

    @property
    def job_ids(self) -> frozenset[int]:
        return frozenset(self._jobs)

    def add(self, request: RenderRequest) -> list[Note]:
        """Adds a job to the batch; returns notes for its member.

        Raises RecipeRefused for a recipe that the model cannot render, CheckpointError if
        `resume_from` belongs to another job, and MemoryError if there is not enough memory for it
        and the other jobs.
        """
        self.reload()
        recipe = request.recipe
        notes = validate(recipe, self.model) + self._ensure_memory(recipe)
        with torch.no_grad():
            target = objective.embed_target(
                recipe, request.images, self.model.perceptor, self.config.loss, self.device
            )
        self._jobs[request.job_id] = start(request, target, self.model, self.config, self.device)
        return notes

    def measure(self) -> None:
        """Measures memory and cost, for which the first job would wait otherwise."""
        _ = self.memory, self._cost

    def abort(self, job_id: int) -> None:
        """Removes a job from the batch, if it is there."""
        self._jobs.pop(job_id, None)

    def finish_early(self, job_id: int) -> None:
        """Makes the next step the job's last."""
        if job := self._jobs.get(job_id):
            job.finishing = True

    def offload(self) -> None:
        """Moves the networks to the host's memory until the next job, unless there is one."""
        if self._jobs or self.offloaded:
            return
        self.model.to(torch.device("cpu"))
        self.offloaded = True
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def reload(self) -> None:
        """Moves the networks back to the device if they were offloaded."""
        if self.offloaded:
            self.model.to(self.device)
            self.offloaded = False

    def enable_gradient_checkpointing(self) -> None:
        """Recomputes activations from now on: less memory, slower, identical images."""
        self.gradient_checkpointing = True
        enable_gradient_checkpointing(*self.model.vqgan.decoders)

    def step(self) -> list[StepOutput]:
        """Advances every job by one step. After an exception, a retry gives the same result."""
        jobs = self._jobs.copy()
        if not jobs:
            return []
        states = list(jobs.values())
        current = [job.current_target for job in states]
        targets = [
            target for job, target in zip(states, current, strict=True) for _ in job.generators
        ]
        weights = self.config.loss
        with rng_restored_on_error(states):
            for job in states:
                job.optimizer.zero_grad()  # also after a failed step
            with autocast(self.device):
                images = self._decode(states)
                cutouts = self._make_cutouts(states, images)
                features = self._embed(cutouts)
                prior_loss = weights.prior_weight * self._distillation_loss(states, current, images)
            similarities = self._similarities(features, targets)
            clip_loss = torch.stack(list(map(objective.clip_loss, similarities, targets)))
            tv_loss = weights.tv_weight * torch.cat(
                [
                    objective.total_variation(job_images, job.recipe.tile)
                    for job, job_images in zip(states, images, strict=True)
                ]
            )
            init_loss = self._init_loss(states)
            start_loss = weights.start_weight * sum(
                job.start_distance(job_images)
                for job, job_images in zip(states, images, strict=True)
            )
            with record_function("backward"):
                loss = clip_loss.sum() + tv_loss.sum() + init_loss + start_loss + prior_loss
                loss.backward()
        counts = [len(job.generators) for job in states]
        with record_function("optimizer"):
            for job, losses in zip(states, clip_loss.detach().split(counts), strict=True):
                job.update(losses)
        outputs = []
        scores = iter(similarities)
        for (job_id, job), target, job_images in zip(jobs.items(), current, images, strict=True):
            mean = torch.stack([next(scores) for _ in job.generators]).detach().mean(0)
            shown = self._film_frame(job) if job.frame_ended else job_images
            outputs.append(self._output(job_id, job, target, shown, mean))
        for output in outputs:
            jobs[output.job_id].enlarge_if_due(self.model.vqgan)
            if output.done or output.fault:
                self.abort(output.job_id)
        return outputs

    @torch.no_grad()
    def preview(self, job_id: int) -> StepOutput:
        """The images of a job in the batch as they are before its next step.

        Nothing has measured their similarities to the prompts, which are not a number.
        """
        job = self._jobs[job_id]
        target = job.current_target
        with autocast(self.device):
            if job.shown is None:
                (images,) = self._decode([job])
            else:
                images = self._shaped_images(job.shown, job)
        unknown = torch.full_like(target.weights, math.nan)
        return self._output(job_id, job, target, images, unknown)

    # -- the parts of a step ---------------------------------------------------------------

    def _decode(self, jobs: Sequence[JobState]) -> list[Tensor]:
        """Each job's images (images, 3, height, width); decodes jobs of the same size together."""
        groups: dict[tuple[Size, Tile | None], list[int]] = defaultdict(list)
        for index, job in enumerate(jobs):
            groups[job.size, job.recipe.tile].append(index)
        images: dict[int, Tensor] = {}
        with record_function("decode"):
            for (_, tile), indices in groups.items():
                batch = torch.cat([self._shaped_latents(jobs[i]) for i in indices])
                decoded = latents.decode(self.model.vqgan, batch, self.config.quantize, tile)
                by_job = decoded.split([len(jobs[i].latents) for i in indices])
                for i, job_images in zip(indices, by_job, strict=True):
                    images[i] = self._shaped_images(job_images, jobs[i])
        return [images[index] for index in range(len(jobs))]

    def _shaped_latents(self, job: JobState) -> Tensor:
        symmetry = job.recipe.symmetry
        return symmetrise(job.latents, symmetry) if symmetry else job.latents

    def _shaped_images(self, images: Tensor, job: JobState) -> Tensor:
        recipe = job.recipe
        if recipe.palette:
            images = limit_to_palette(images, recipe.palette, self.config.palette)
        if job.part:
            images = job.part.composite(images)
        return symmetrise(images, recipe.symmetry) if recipe.symmetry else images

    @torch.no_grad()
    def _film_frame(self, job: JobState) -> Tensor:
        """The film frame that the job has finished (1, 3, height, width). Starts the next one.

        Takes less memory than a step, because nothing is saved for a backward pass.
        """
        assert job.recipe.film
        motion, config, vqgan = job.recipe.film.motion, self.config, self.model.vqgan
        job.average_frame()
        with record_function("film"):
            with autocast(self.device):
                decoded = latents.decode(vqgan, self._shaped_latents(job), config.quantize)
            frame = self._shaped_images(decoded, job)
            if not job.done:
                start = next_latents(
                    vqgan.encode,
                    job.latents.detach(),
                    frame,
                    motion,
                    config.film,
                    config.init.edge_noise,
                    job.generators,
                )
                job.start_frame(start, motion)
        return frame

    def _make_cutouts(self, jobs: Sequence[JobState], images: Sequence[Tensor]) -> Tensor:
        """(images × cutouts, 3, resolution, resolution) of all jobs, in their order."""
        with record_function("cutouts"):
            return torch.cat(
                [
                    self._cutouts_of(job, job_images)
                    for job, job_images in zip(jobs, images, strict=True)
                ]
            )

    def _cutouts_of(self, job: JobState, images: Tensor) -> Tensor:
        """(images × cutouts, 3, resolution, resolution): for each image, one view after another."""
        resolution, views = self.model.perceptor.resolution, job.target.views
        cutouts = []
        for view, count in zip(
            views, split_evenly(self.config.cutouts.count, len(views)), strict=True
        ):
            pixels = self._view(job, images, view)
            height, width = pixels.shape[2:]
            config = replace(self.config.cutouts, count=count)
            augmentations = [
                sample_augmentation(config, width, height, resolution, generator)
                for generator in job.generators
            ]
            by_image = make_cutouts(pixels, augmentations, resolution)
            cutouts.append(by_image.unflatten(0, (len(images), count)))
        return torch.cat(cutouts, 1).flatten(0, 1)

    def _view(self, job: JobState, images: Tensor, region: Region | None) -> Tensor:
        """What to take cutouts from: a region, the repainted part, or the whole image."""
        if region:
            left, top, right, bottom = region.pixels(images.shape[3], images.shape[2])
            return images[:, :, top:bottom, left:right]
        if job.part:
            return images[:, :, *job.part.box]
        if tile := job.recipe.tile:
            return roll_randomly(images, tile, job.generators)
        return images

    def _embed(self, cutouts: Tensor) -> Tensor:
        """(images × cutouts, d) of unit length."""
        embed = self.model.perceptor.embed_images
        with record_function("embed"):
            if not self.gradient_checkpointing:
                return embed(cutouts).float()
            batches = cutouts.split(RECOMPUTED_CUTOUTS)
            features = [recompute(embed, batch, use_reentrant=False) for batch in batches]
            return torch.cat(features).float()

    def _similarities(self, features: Tensor, targets: Sequence[Target]) -> list[Tensor]:
        """Each image's similarity to each of its prompts."""
        return objective.cosine_similarities(features, targets)

    def _init_loss(self, jobs: Sequence[JobState]) -> Tensor | float:
        return self.config.loss.init_weight * sum(job.init_distance() for job in jobs)

    def _distillation_loss(
        self, jobs: Sequence[JobState], targets: Sequence[Target], images: Sequence[Tensor]
    ) -> Tensor | float:
        """The sum over the jobs for which it is computed in this step."""
        model, config = self.model, self.config
        if not model.prior or not config.loss.prior_weight:
            return 0.0
        with record_function("prior"):
            return sum(
                distillation_loss(
                    model,
                    job_images,
                    job.latents,
                    target.active(),
                    config.prior,
                    job.generators,
                    job.styles,
                ).sum()
                for job, target, job_images in zip(jobs, targets, images, strict=True)
                if job.distilled and job.step % config.prior.every == 0
            )

    def _output(
        self, job_id: int, job: JobState, target: Target, images: Tensor, scores: Tensor
    ) -> StepOutput:
        return StepOutput(
            job_id=job_id,
            step=job.step,
            steps=job.recipe.steps,
            done=job.done,
            fault=Fault.NOT_FINITE if job.not_finite else None,
            cost=self._cost.step(job.recipe.count, job.size)
            + (self._cost.frame(job.size) if job.frame_ended else 0.0),
            cost_left=self._cost.left(job),
            steps_left=max(0, job.end - job.step),
            size=(job.recipe.width, job.recipe.height),
            texts=target.texts,
            weights=target.weights,
            similarities=scores,
            pixels=images.detach(),
            checkpoint=partial(job.checkpoint, self.model.vqgan),
            filmed=job.frame_ended,
        )

    def _ensure_memory(self, recipe: Recipe) -> list[Note]:
        """Turns on gradient checkpointing for a large recipe without other jobs.

        Raises MemoryError if there are other jobs.
        """
        recipes = [recipe, *(job.recipe for job in self._jobs.values())]
        needed = self.memory.needed(recipes, self.config)
        if self.gradient_checkpointing or needed < free_memory(self.device):
            return []
        if self._jobs:
            raise MemoryError(f"{needed / 1e9:.1f} GB are needed for all jobs")
        self.enable_gradient_checkpointing()
        return [Note(NoteCode.LOW_MEMORY)]
