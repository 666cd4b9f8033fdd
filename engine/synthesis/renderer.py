"""The heart: a batch of rows, each one picture of one job, advanced together step by step.

Jobs come and go at any step. One step reads from top to bottom: latents → decode → cutouts →
embed → objective per row → backward → optimiser. A row depends on its own recipe and seed only.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from types import MappingProxyType

import torch
from PIL import Image
from torch import Generator, Tensor
from torch.utils.checkpoint import checkpoint

from core.i18n import mark, say
from core.recipe import Recipe
from engine.device import free_memory
from engine.models.pair import Pair
from engine.models.quickened import spare_memory
from engine.synthesis import beginnings, cutouts, imagination, latents, objective
from engine.synthesis.memory import Memory
from engine.synthesis.method import METHODS, Method
from engine.synthesis.rows import Grid, Rows, stages
from engine.synthesis.saved import Saved, SavedRefused

SLOWER = mark("The memory is short for this size, so it is painted more slowly.")

FEW = 8
"""Cutouts that are embedded together where memory is short."""

BROKEN = mark("the arithmetic broke down (the loss is not a number)")

ASKED = 2
"""Steps from one question to the prior to the next."""

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

    With `done` or a `fault` the job has left the batch; once done, `scores` rank its pictures, the
    higher the nearer. `saved` copies the job's state as it is until the next step. `similarity`
    (prompts,) is a mean over the job's rows, and stays on the device like what is `painted` until
    somebody asks: a step does not wait for the one before it.
    """

    job_id: int
    step: int
    steps: int
    done: bool
    fault: str | None
    scores: tuple[float, ...]
    size: tuple[int, int]
    target: objective.Target = field(repr=False)
    similarity: Tensor = field(repr=False)
    painted: Tensor = field(repr=False)
    saved: Callable[[], Saved] = field(repr=False)

    @property
    def prompts(self) -> tuple[PromptSimilarity, ...]:
        """Includes first."""
        target = self.target
        shares = target.names, target.weights.tolist(), self.similarity.tolist()
        return tuple(PromptSimilarity(*share) for share in zip(*shares, strict=True))

    @property
    def include(self) -> float:
        """The weighted mean cosine similarity to the includes."""
        return _weighted([prompt for prompt in self.prompts if prompt.weight > 0])

    @property
    def exclude(self) -> float | None:
        """The weighted mean cosine similarity to the excludes, None where there are none."""
        away = [prompt for prompt in self.prompts if prompt.weight < 0]
        return _weighted(away) if away else None

    def pictures(self) -> list[Image.Image]:
        """The job's rows as they were painted in this step, RGB, at the recipe's size."""
        return latents.to_images(self.painted, *self.size)


class Renderer:
    """Paints any number of jobs with one pair on one device."""

    def __init__(self, pair: Pair, device: torch.device, method: Method | None = None) -> None:
        self.pair, self.device = pair, device
        self.method = method or METHODS[pair.name]
        self.frugal = False
        self._running: dict[int, Rows] = {}

    @cached_property
    def memory(self) -> Memory:
        """How much a recipe needs; measured when it is first asked for."""
        return Memory(self.pair, self._arithmetic)

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
        """Puts a job's rows into the batch; returns notes for the member.

        `pictures` are those that the recipe names, `source` is the saved state of the job it starts
        from, `resumed` its own, with which it goes on. Raises RecipeRefused for a size, prompts or
        a source that the pair cannot paint, SavedRefused where `resumed` is another job's, and
        MemoryError where there is no room beside the jobs that are being painted.
        """
        notes = self._notes(recipe) + self._make_room(recipe)
        with torch.no_grad():
            self._running[job_id] = self._begun(recipe, pictures, source, resumed)
        return notes

    def remove(self, job_id: int) -> None:
        """Takes a job's rows out of the batch, if they are in it."""
        self._running.pop(job_id, None)

    def stop(self, job_id: int) -> None:
        """Makes the next step the job's last: what is there then is its picture."""
        if job := self._running.get(job_id):
            job.last = True

    def spare_memory(self) -> None:
        """From now on less is remembered and more computed twice: slower, with the same result."""
        self.frugal = True
        spare_memory(self.pair.vqgan.decoder)

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
        iterations = self._report(pictures, similarity)
        for job in jobs:
            job.change_stage()
        return iterations

    def _make_room(self, recipe: Recipe) -> list[str]:
        """Looks whether a recipe fits into the memory, before it begins."""
        recipes = [recipe, *(job.recipe for job in self._running.values())]
        needed = self.memory.needed(recipes, self.method)
        if self.frugal or needed < free_memory(self.device):
            return []
        if self._running:
            raise MemoryError(f"{needed / 1e9:.1f} GB are needed for all of it")
        self.spare_memory()
        return [say(SLOWER)]

    # -- where rows start ------------------------------------------------------------------

    def _begun(
        self,
        recipe: Recipe,
        pictures: Mapping[str, Image.Image],
        source: Saved | None,
        resumed: Saved | None,
    ) -> Rows:
        target = objective.target(recipe, pictures, self.pair.perceptor, self.method, self.device)
        if recipe.source:
            job = self._going_on(recipe, target, source)
        elif recipe.initial:
            job = self._from_picture(recipe, target, pictures[recipe.initial])
        else:
            job = self._from_nothing(recipe, target, resumed is None)
        if resumed:
            job.resume(resumed, self.pair.vqgan)
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

    def _going_on(self, recipe: Recipe, target: objective.Target, saved: Saved | None) -> Rows:
        """From another job's latents: the same, others near by, or larger ones."""
        try:
            if not saved or not recipe.source or recipe.source.row >= len(saved.draws):
                raise SavedRefused(say("What this picture was to start from is no longer there."))
            generators = list(self._seeded(recipe))
            job = Rows.like(saved, recipe, target, generators, self.pair.vqgan)
        except SavedRefused as error:
            raise RecipeRefused(str(error)) from error
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
        if not self.frugal:
            return embed(seen).float()
        some = seen.split(FEW)
        return torch.cat([checkpoint(embed, few, use_reentrant=False) for few in some]).float()

    def _astray(self, job: Rows, pictures: Tensor) -> Tensor | float:
        """How far a job's pictures are from where the prior would have them go."""
        if not self.pair.prior or not self.method.guided or job.step % ASKED:
            return 0.0
        return imagination.astray(self.pair, pictures, job.target, job.generators).sum()

    def _report(self, pictures: Sequence[Tensor], similarity: Sequence[Tensor]) -> list[Iteration]:
        iterations = []
        first = 0
        for (job_id, job), painted in zip(list(self._running.items()), pictures, strict=True):
            own = torch.stack(list(similarity[first : first + len(painted)])).detach()
            first += len(painted)
            if job.done or job.broken:
                self.remove(job_id)
            kept = painted.detach()
            iterations.append(
                Iteration(
                    job_id=job_id,
                    step=job.step,
                    steps=job.recipe.steps,
                    done=job.done,
                    fault=BROKEN if job.broken else None,
                    scores=self._scores(job, kept) if job.done and not job.broken else (),
                    size=(job.recipe.width, job.recipe.height),
                    target=job.target,
                    similarity=own.mean(0),
                    painted=kept,
                    saved=partial(job.saved, self.pair.vqgan),
                )
            )
        return iterations

    @torch.no_grad()
    def _scores(self, job: Rows, pictures: Tensor) -> tuple[float, ...]:
        """How near each picture is, by cutouts that none was optimised on and all share."""
        perceptor, (height, width) = self.pair.perceptor, pictures.shape[2:]
        drawn = Generator(self.device).manual_seed(job.recipe.seed)
        cuts = cutouts.draw(self.method, width, height, perceptor.resolution, drawn)
        with self._arithmetic():
            seen = cutouts.cut(pictures, [cuts] * len(pictures), perceptor.resolution)
            embedded = perceptor.embed_pictures(seen).float()
        nearness = objective.similarities(embedded, [job.target] * len(pictures))
        return tuple(-objective.loss(one, job.target).item() for one in nearness)

    def _notes(self, recipe: Recipe) -> list[str]:
        factor = self.pair.vqgan.factor
        if recipe.width % factor or recipe.height % factor:
            raise RecipeRefused(
                say(
                    "{size} cannot be painted: with the pair {pair} both sides must be multiples of"
                    " {factor}.",
                    size=recipe.size,
                    pair=self.pair.name,
                    factor=factor,
                )
            )
        perceptor, texts = self.pair.perceptor, [p.text for p in (*recipe.include, *recipe.exclude)]
        known = any(perceptor.knows(prompt.text) for prompt in recipe.include)
        if not known and not recipe.include_pictures:
            words = ", ".join(sorted(perceptor.words or ()))
            raise RecipeRefused(
                say(
                    "The pair {pair} has no picture of that. It knows these words: {words}.",
                    pair=self.pair.name,
                    words=words,
                )
            )
        notes = []
        if fallen := [word for text in texts for word in perceptor.fallen_words(text)]:
            words = " ".join(fallen)
            notes.append(say("Too long for CLIP, these words were not seen: {words}.", words=words))
        if unknown := [word for text in texts for word in perceptor.unknown_words(text)]:
            words = ", ".join(unknown)
            told = say("The pair {pair} does not know: {words}.", pair=self.pair.name, words=words)
            notes.append(told)
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


def _weighted(shares: Sequence[PromptSimilarity]) -> float:
    total = sum(abs(share.weight) for share in shares)
    return sum(abs(share.weight) * share.similarity for share in shares) / total
