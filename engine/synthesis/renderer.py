"""The heart: a batch of rows, each one picture of one job, advanced together step by step.

Jobs come and go at any step. One step reads from top to bottom: latents → decode → cutouts →
embed → objective per row → backward → optimiser. A row depends on its own recipe and seed only.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from PIL import Image
from torch import Generator, Tensor

from engine.models.pair import Pair
from engine.synthesis import cutouts, latents, objective
from engine.synthesis.method import METHODS, Method
from jobs.recipe import Recipe

SPREADS = (0.2, 0.1, 0.05)
"""How far each generation of beginnings may stray from its parents, in traits from 0 to 1."""

TRIAL_STEPS = 20
"""After so many steps one of a picture's trials is chosen."""

AT_A_TIME = 64
"""Beginnings that are looked at together: few enough to stay in a processor's cache."""

BROKEN = "the arithmetic broke down (the loss is not a number)"

HOLD = 4.0
"""How strongly full `strength` ties the latents to those of the initial picture."""


class RecipeRefused(ValueError):  # noqa: N818 - a refusal is not a fault of ours
    """This pair cannot paint this recipe; the message says why, to the person who asked."""


@dataclass(frozen=True, slots=True)
class PromptSimilarity:
    """One prompt's share: its weight (negative for an exclude) and its cosine similarity."""

    text: str
    weight: float
    similarity: float


@dataclass(frozen=True, slots=True)
class Iteration:
    """What one step did for one job.

    `include` and `exclude` are weighted mean cosine similarities over the job's rows. With `done`
    or a `fault` the job has left the batch.
    """

    job_id: int
    step: int
    steps: int
    include: float
    exclude: float | None
    prompts: tuple[PromptSimilarity, ...]
    done: bool
    fault: str | None
    painted: Tensor = field(repr=False)

    def pictures(self) -> list[Image.Image]:
        """The job's rows as they were painted in this step, RGB, at the recipe's size."""
        return latents.to_images(self.painted)


@dataclass(slots=True)
class _Running:
    """A job in the batch. `latents` is (rows, embed_dim, h, w), the only thing optimised.

    The trials of a picture are rows that follow one another. `losses` (rows,) are running means.
    """

    recipe: Recipe
    target: objective.Target
    generators: list[Generator]
    latents: Tensor
    held: Tensor | None
    optimiser: torch.optim.Adam
    losses: Tensor
    step: int = 0

    @property
    def shape(self) -> tuple[int, int]:
        return self.recipe.width, self.recipe.height

    def best(self) -> Tensor:
        """(count,): the row of each picture's nearest trial."""
        trials = self.losses.nan_to_num(math.inf).view(self.recipe.count, -1)
        firsts = torch.arange(len(trials), device=trials.device) * trials.shape[1]
        return firsts + trials.argmin(1)

    def keep(self, rows: Tensor) -> None:
        """Paints on with these rows alone."""
        (moments,) = self.optimiser.state.values()
        self.latents = self.latents.detach()[rows].requires_grad_(True)
        self.losses = self.losses[rows]
        self.generators = [self.generators[row] for row in rows.tolist()]
        self.optimiser = _adam(self.latents)
        self.optimiser.state[self.latents] = {
            name: value[rows] if value.dim() else value for name, value in moments.items()
        }


class Renderer:
    """Paints any number of jobs with one pair on one device."""

    def __init__(self, pair: Pair, device: torch.device, method: Method | None = None) -> None:
        self.pair, self.device = pair, device
        self.method = method or METHODS[pair.name]
        self._running: dict[int, _Running] = {}

    @property
    def job_ids(self) -> frozenset[int]:
        return frozenset(self._running)

    @torch.no_grad()
    def add(self, job_id: int, recipe: Recipe, initial: Image.Image | None = None) -> list[str]:
        """Puts a job's rows into the batch; returns notes for the member.

        Raises RecipeRefused for a size or prompts that the pair cannot paint.
        """
        notes = self._notes(recipe)
        target = objective.target(recipe, self.pair.perceptor)
        start, generators = self._starts(recipe, target, initial)
        free = start.clone().requires_grad_(True)
        self._running[job_id] = _Running(
            recipe=recipe,
            target=target,
            generators=generators,
            latents=free,
            held=start if initial is not None and recipe.strength else None,
            optimiser=_adam(free),
            losses=torch.zeros(len(start), device=self.device),
        )
        return notes

    def remove(self, job_id: int) -> None:
        """Takes a job's rows out of the batch, if they are in it."""
        self._running.pop(job_id, None)

    def step(self) -> list[Iteration]:
        """Advances every row of every job by one."""
        jobs = list(self._running.values())
        if not jobs:
            return []
        for job in jobs:
            job.optimiser.zero_grad()  # also of what a step left that ran out of memory
        with self._arithmetic():
            pictures = self._paint(jobs)
            seen = self._cut(jobs, pictures)
            embedded = self.pair.perceptor.embed_pictures(seen).float()
        rows = [job.target for job in jobs for _ in job.generators]
        similarity = objective.similarities(embedded, rows)
        losses = self._losses(similarity, rows)
        rough = torch.cat([objective.total_variation(picture) for picture in pictures])
        held = sum(_hold(job) for job in jobs)
        (losses.sum() + self.method.smoothness * rough.sum() + held).backward()
        apart = losses.detach().split([len(job.generators) for job in jobs])
        for job, own in zip(jobs, apart, strict=True):
            self._descend(job, own)
        iterations = self._report(pictures, similarity, losses.tolist())
        for job in jobs:
            if job.step == TRIAL_STEPS:
                job.keep(job.best())
        return iterations

    def _starts(
        self, recipe: Recipe, target: objective.Target, initial: Image.Image | None
    ) -> tuple[Tensor, list[Generator]]:
        """Where the rows start (rows, embed_dim, h, w), and what each of them draws from."""
        size = recipe.width, recipe.height
        starts, generators = [], []
        for seed in recipe.seeds:
            # Seeded before the first draw, row by row: count 4 begins with the picture of count 1.
            drawn = Generator(self.device).manual_seed(seed)
            for trial in range(self.method.trials if initial is None else 1):
                starts.append(
                    self._begin(size, target, drawn, spotted=trial % 2 == 1)
                    if initial is None
                    else latents.encoded(self.pair.vqgan, initial, *size)
                )
                own = torch.randint(2**32, (), generator=drawn, device=self.device)
                generators.append(Generator(self.device).manual_seed(int(own)))
        return torch.cat(starts), generators

    def _begin(
        self, size: tuple[int, int], target: objective.Target, generator: Generator, spotted: bool
    ) -> Tensor:
        """The rough picture nearest to what was asked for, as latents (1, embed_dim, h, w).

        It is looked for among many, then among the likes of the best, ever closer. CLIP sees a
        picture sooner than a gradient finds a colour or a place far from where it starts. With
        `spotted` all have a spot: an empty ground may seem nearer, but nothing grows out of it.
        """
        count = self.method.beginnings
        traits = torch.rand(count, latents.TRAITS, generator=generator, device=self.device)
        for spread in SPREADS:
            best = self._ranked(traits, target, spotted)[: max(1, count // 32)]
            parents = best.repeat(count // len(best), 1)
            drawn = torch.randn(parents.shape, generator=generator, device=self.device)
            traits = torch.cat([best, (parents + spread * drawn).clamp(0, 1)])
        best = self._ranked(traits, target, spotted)[:1]
        return self.pair.vqgan.encode(latents.rough_pictures(best, *size))

    def _ranked(self, traits: Tensor, target: objective.Target, spotted: bool) -> Tensor:
        """(rows, TRAITS), those whose rough pictures are nearest to what was asked for first."""
        if spotted:
            traits[:, latents.SPOT] = 1
        perceptor, losses = self.pair.perceptor, []
        for some in traits.split(AT_A_TIME):
            seen = latents.rough_pictures(some, perceptor.resolution, perceptor.resolution)
            with self._arithmetic():
                similarity = perceptor.embed_pictures(seen).float() @ target.embeddings.t()
            losses.append(objective.loss(similarity.float(), target, self.method.indifferent))
        return traits[torch.cat(losses).argsort(stable=True)]

    def _losses(self, similarity: list[Tensor], targets: Sequence[objective.Target]) -> Tensor:
        """(rows,)."""
        rows = zip(similarity, targets, strict=True)
        return torch.stack([objective.loss(s, t, self.method.indifferent) for s, t in rows])

    def _paint(self, jobs: Sequence[_Running]) -> list[Tensor]:
        """Each job's pictures (count, 3, height, width); jobs of one shape are decoded together."""
        by_shape: dict[tuple[int, int], list[int]] = defaultdict(list)
        for index, job in enumerate(jobs):
            by_shape[job.shape].append(index)
        pictures: dict[int, Tensor] = {}
        for indices in by_shape.values():
            together = torch.cat([jobs[i].latents for i in indices])
            decoded = latents.painted(self.pair.vqgan, together, self.method.quantised)
            apart = decoded.split([len(jobs[i].latents) for i in indices])
            pictures.update(zip(indices, apart, strict=True))
        return [pictures[index] for index in range(len(jobs))]

    def _cut(self, jobs: Sequence[_Running], pictures: Sequence[Tensor]) -> Tensor:
        """(rows × cutouts, 3, r, r) of all jobs, in their order."""
        resolution = self.pair.perceptor.resolution
        seen = []
        for job, picture in zip(jobs, pictures, strict=True):
            cuts = [cutouts.draw(self.method, *job.shape, resolution, g) for g in job.generators]
            seen.append(cutouts.cut(picture, cuts, resolution))
        return torch.cat(seen)

    def _descend(self, job: _Running, losses: Tensor) -> None:
        """One step of Adam, along half a cosine from the full learning rate to a tenth."""
        share = job.step / job.recipe.steps
        rate = self.method.learning_rate * (0.55 + 0.45 * math.cos(math.pi * share))
        job.optimiser.param_groups[0]["lr"] = rate
        job.optimiser.step()
        job.losses = job.losses.lerp(losses, 0.2) if job.step else losses
        job.step += 1

    def _report(
        self, pictures: Sequence[Tensor], similarity: list[Tensor], losses: list[float]
    ) -> list[Iteration]:
        iterations = []
        first = 0
        for (job_id, job), painted in zip(list(self._running.items()), pictures, strict=True):
            best = job.best()
            rows = [first + row for row in best.tolist()]
            first += len(painted)
            mean = torch.stack([similarity[row] for row in rows]).mean(0).tolist()
            finite = all(math.isfinite(losses[row]) for row in rows)
            done = job.step >= job.recipe.steps
            if done or not finite:
                self.remove(job_id)
            shares = [
                PromptSimilarity(*share)
                for share in zip(job.target.texts, job.target.weights.tolist(), mean, strict=True)
            ]
            away = [share for share in shares if share.weight < 0]
            iterations.append(
                Iteration(
                    job_id=job_id,
                    step=job.step,
                    steps=job.recipe.steps,
                    include=_weighted([p for p in shares if p.weight > 0]),
                    exclude=_weighted(away) if away else None,
                    prompts=tuple(shares),
                    done=done,
                    fault=None if finite else BROKEN,
                    painted=painted.detach()[best],
                )
            )
        return iterations

    def _notes(self, recipe: Recipe) -> list[str]:
        factor = self.pair.vqgan.factor
        if recipe.width % factor or recipe.height % factor:
            raise RecipeRefused(
                f"{recipe.width}x{recipe.height} cannot be painted: with the pair "
                f"{self.pair.name} both sides must be multiples of {factor}."
            )
        perceptor, texts = self.pair.perceptor, [p.text for p in (*recipe.include, *recipe.exclude)]
        if not any(perceptor.knows(prompt.text) for prompt in recipe.include):
            words = ", ".join(sorted(perceptor.words or ()))
            raise RecipeRefused(
                f"The pair {self.pair.name} has no picture of that. It knows these words: {words}."
            )
        notes = []
        if fallen := [word for text in texts for word in perceptor.fallen_words(text)]:
            notes.append(f"Too long for CLIP, these words were not seen: {' '.join(fallen)}.")
        if unknown := [word for text in texts for word in perceptor.unknown_words(text)]:
            notes.append(f"The pair {self.pair.name} does not know: {', '.join(unknown)}.")
        return notes

    def _arithmetic(self) -> torch.autocast:
        """bfloat16 where the processor multiplies it natively, else float32."""
        kind = self.device.type
        fast = (
            torch.cuda.is_bf16_supported()
            if kind == "cuda"
            else torch.cpu._is_avx512_bf16_supported()
        )
        return torch.autocast(kind, torch.bfloat16, enabled=fast)


def _adam(latents_: Tensor) -> torch.optim.Adam:
    """The rate is set before each step."""
    return torch.optim.Adam([latents_], betas=(0.9, 0.99))


def _hold(job: _Running) -> Tensor | float:
    """The pull towards the initial picture's latents; it grows with the recipe's strength."""
    if job.held is None:
        return 0.0
    drift = (job.latents - job.held).square().mean((1, 2, 3)).sum()
    return HOLD * job.recipe.strength * drift


def _weighted(shares: Sequence[PromptSimilarity]) -> float:
    total = sum(abs(share.weight) for share in shares)
    return sum(abs(share.weight) * share.similarity for share in shares) / total
