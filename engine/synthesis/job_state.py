"""A job in the batch: its latents, their optimiser, and its random generators."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Generator, Tensor

from core.film import Motion
from core.recipe import Recipe
from engine.models.vqgan import VQGAN
from engine.synthesis.checkpoint import Checkpoint, CheckpointError, too_large
from engine.synthesis.config import ScheduleConfig, SynthesisConfig
from engine.synthesis.film import move_latents
from engine.synthesis.latents import resize, resize_image
from engine.synthesis.objective import Target, pixel_distance
from engine.synthesis.painted_part import PaintedPart

Size = tuple[int, int]  #: height and width of latents


@dataclass(slots=True)
class JobState:
    """The state of one job. Only `latents` (images, embed_dim, h, w) are optimised.

    `losses` (images,) are running means. Each step measures them on new cutouts, before it changes
    the latents.
    """

    recipe: Recipe
    target: Target
    config: SynthesisConfig
    generators: list[Generator]  # one for each image
    latents: Tensor
    sizes: dict[int, Size]  # of the latents, by the step at which they start
    styles: Tensor | None = None  # (images,), if the model's prior knows styles
    distilled: bool = True  # whether to use the prior, which knows only single things
    init_latents: Tensor | None = None  # of the initial image, if the recipe stays close to it
    part: PaintedPart | None = None  # what is repainted, if the rest stays
    shown: Tensor | None = None  # before the first step: the images that were encoded, if any
    start_images: Tensor | None = None  # (images, 3, height, width) to stay close to, if any
    frame_start: Tensor | None = None  # latents that a film's current frame started from
    prior_steps: int = 0  # steps of the jobs that this one continues
    step: int = 0
    finishing: bool = False  # whether the next step is the last
    best: tuple[float, int] = (math.inf, 0)  # the lowest mean loss so far, and its step
    first_loss: float = math.nan  # the mean loss of the first step
    stalled: bool = False  # whether it stops early
    not_finite: bool = False  # whether a loss was infinite or not a number
    losses: Tensor = field(init=False)
    optimizer: torch.optim.Adam = field(init=False)

    def __post_init__(self) -> None:
        self.losses = self.latents.new_zeros(len(self.latents))
        self.optimize(self.latents)

    @property
    def size(self) -> Size:
        return self.latents.shape[2], self.latents.shape[3]

    @property
    def moments(self) -> dict[str, Tensor]:
        """Adam's running means of the gradient and of its square; empty before the first step."""
        state = self.optimizer.state.get(self.latents, {})
        return {name: value for name, value in state.items() if value.dim()}

    @property
    def done(self) -> bool:
        return self.step >= self.end or self.finishing or self.stalled

    @property
    def current_target(self) -> Target:
        """The target of the next step; of a story, the current scene.

        A film spreads its story over its frames.
        """
        recipe = self.recipe
        if recipe.film:
            progress = max(0, self.step - recipe.steps_before_film) / recipe.film.steps
        else:
            progress = 1.0 if recipe.continues else self.step / recipe.steps
        return self.target.at(progress, self.config.schedule.scene_fade)

    @property
    def last_scene_at(self) -> int:
        """The step from which on only the last scene is active; 0 without a story, or in a film."""
        scenes = self.target.scenes
        if scenes == 1 or self.recipe.continues or self.recipe.film:
            return 0
        fade = self.config.schedule.scene_fade / 2
        return math.ceil(self.recipe.steps * (1 - 1 / scenes + fade))

    @property
    def filming(self) -> bool:
        """Whether the next step is one of a film."""
        return self.recipe.film is not None and self.step >= self.recipe.steps_before_film

    @property
    def frame_ended(self) -> bool:
        """After a step: whether it was the last step of a film frame."""
        film, filmed = self.recipe.film, self.step - self.recipe.steps_before_film
        if film is None or filmed <= 0:
            return False
        return filmed % film.frame_steps == 0 or self.done

    @property
    def end(self) -> int:
        """The step after which the job ends, unless its patience runs out sooner.

        If a loss is sufficient for the model, the first loss decides how many steps are taken, so
        that the time left is known from then on. A film, a story, and a job that continues another
        one take all steps.
        """
        recipe, schedule = self.recipe, self.config.schedule
        missing = self.first_loss - schedule.sufficient_loss
        takes_all = recipe.film or self.prior_steps or self.last_scene_at
        if takes_all or not math.isfinite(missing):
            return recipe.steps
        steps = max(1 + math.ceil(missing / schedule.gain_per_step), schedule.min_steps)
        return min(max(self.sizes) + steps, recipe.steps)

    def init_distance(self) -> Tensor | float:
        """The distance from the initial image, times the strength: a scalar, 0 in a film."""
        if self.init_latents is None or self.filming:
            return 0.0
        distance = (self.latents - self.init_latents).square().mean((1, 2, 3)).sum()
        return self.recipe.strength * distance

    def start_distance(self, images: Tensor) -> Tensor | float:
        """The distance of images (images, 3, height, width) from the first ones: a scalar.

        0 in a film, once the images were enlarged, or if the job need not stay close to them.
        """
        start = self.start_images
        if start is None or start.shape != images.shape or self.filming:
            return 0.0
        return pixel_distance(images, start).sum()

    def optimize(self, latents: Tensor, moments: dict[str, Tensor] | None = None) -> None:
        """Optimises these latents from now on, starting with the given moments of Adam."""
        self.latents = latents.detach().clone().requires_grad_(True)
        self.optimizer = torch.optim.Adam([self.latents], betas=self.config.schedule.betas)
        if moments:
            steps = torch.tensor(float(self.prior_steps + self.step))
            self.optimizer.state[self.latents] = {"step": steps, **moments}

    def update(self, losses: Tensor) -> None:
        """Takes one step of Adam. `losses` (images,) are those of this step."""
        schedule = self.config.schedule
        self.optimizer.param_groups[0]["lr"] = self._learning_rate()
        if self.part and self.latents.grad is not None:
            self.latents.grad *= self.part.latent_mask
        self.optimizer.step()
        self.losses = self.losses.lerp(losses, schedule.loss_ema_weight) if self.step else losses
        self.step += 1
        self.shown = None
        if self.step == 1:
            self.first_loss = self.losses.mean().item()
        if self.step % schedule.check_every == 0 or self.done or self._ends_early():
            self._check_loss()
        self.stalled = self._ends_early()

    def _learning_rate(self) -> float:
        schedule, recipe = self.config.schedule, self.recipe
        if self.filming:
            return self.config.film.lr_ratio * schedule.learning_rate
        progress = (self.prior_steps + self.step) / (self.prior_steps + recipe.steps_before_film)
        # The learning rate restarts with each scene of a story, except in a film.
        if not recipe.continues and not recipe.film:
            progress = progress * self.target.scenes % 1
        return learning_rate(progress, schedule)

    def _ends_early(self) -> bool:
        """Whether the loss has stopped improving, in a model for which no loss is sufficient.

        A film never ends early.
        """
        if self.recipe.film or self.config.schedule.sufficient_loss > -math.inf:
            return False
        if self.step <= max(*self.sizes, self.last_scene_at):
            return False
        return self.step - self.best[1] >= self._patience

    @property
    def _patience(self) -> float:
        """Steps without progress after which the job ends."""
        schedule = self.config.schedule
        return max(schedule.min_patience, schedule.patience * self.recipe.steps)

    def _check_loss(self) -> None:
        mean = self.losses.mean().item()
        self.not_finite = not math.isfinite(mean)
        if mean < self.best[0] - self.config.schedule.min_delta:
            self.best = mean, self.step

    def enlarge_if_due(self, vqgan: VQGAN) -> None:
        """After a step: enlarges the latents if due. A new size or the last scene resets `best`."""
        if self.step in self.sizes:
            self.resize(self.sizes[self.step], vqgan)
        if self.step in self.sizes or self.step == self.last_scene_at:
            self.best = math.inf, self.step

    def resize(self, size: Size, vqgan: VQGAN) -> None:
        """Continues with the same image at another size, and scales Adam's moments accordingly.

        The loss is a mean over the image, so with n times as many latents, each gradient is n times
        smaller. Carrying over Adam's state is from Crowson's style-transfer-pytorch.
        """
        if size == self.size:
            return
        tile = self.recipe.tile
        ratio = math.prod(self.size) / math.prod(size)
        scales = {"exp_avg": ratio, "exp_avg_sq": ratio**2}
        moments = {name: scales[name] * resize(m, size, tile) for name, m in self.moments.items()}
        resized = resize_image(vqgan, self.latents, size, self.config.quantize, tile)
        self.optimize(resized, moments)

    def average_frame(self) -> None:
        """After a film frame: continues from the moving average of the latents, which is shown."""
        if self.frame_start is not None:
            mean = self.frame_start.lerp(self.latents.detach(), self.config.film.mean_weight)
            self.optimize(mean, self.moments)

    def start_frame(self, latents: Tensor, motion: Motion) -> None:
        """Starts a film frame from these latents, and moves Adam's moments with it."""
        film = self.config.film
        moments = {name: move_latents(m, motion, film) for name, m in self.moments.items()}
        self.optimize(latents, moments)
        self.frame_start = latents.detach()

    def checkpoint(self, vqgan: VQGAN) -> Checkpoint:
        """A copy of the state."""
        latents = self.latents.detach()
        as_codes, frame_start = too_large(latents), self.frame_start
        return Checkpoint(
            step=self.step,
            prior_steps=self.prior_steps,
            best=self.best,
            first_loss=self.first_loss,
            losses=self.losses.cpu().clone(),
            rng_states=torch.stack([generator.get_state() for generator in self.generators]),
            latents=None if as_codes else latents.cpu().clone(),
            codes=vqgan.nearest_codes(latents).cpu() if as_codes else None,
            moments={} if as_codes else {k: v.cpu().clone() for k, v in self.moments.items()},
            frame_start=None if as_codes or frame_start is None else frame_start.cpu().clone(),
        )

    def resume(self, checkpoint: Checkpoint, vqgan: VQGAN) -> None:
        """Resumes from this job's checkpoint. Raises CheckpointError for another job's."""
        device = self.latents.device
        latents = latents_of(checkpoint, vqgan)
        sizes = {size for step, size in self.sizes.items() if step <= checkpoint.step}
        if len(latents) != self.recipe.count or tuple(latents.shape[2:]) not in sizes:
            raise CheckpointError("The checkpoint belongs to another recipe.")
        self.step, self.best, self.shown = checkpoint.step, checkpoint.best, None
        self.first_loss = checkpoint.first_loss
        # Older checkpoints lack it; then the steps of the source are right.
        self.prior_steps = checkpoint.prior_steps or self.prior_steps
        self.losses = checkpoint.losses.to(device)
        if checkpoint.frame_start is not None:
            self.frame_start = checkpoint.frame_start.to(device)
        self.generators = [Generator(device) for _ in checkpoint.rng_states]
        self.restore_rng(list(checkpoint.rng_states))
        self.optimize(latents, {name: m.to(device) for name, m in checkpoint.moments.items()})

    def rng_states(self) -> list[Tensor]:
        return [generator.get_state() for generator in self.generators]

    def restore_rng(self, states: list[Tensor]) -> None:
        for generator, state in zip(self.generators, states, strict=True):
            generator.set_state(state.clone())  # it reads the whole storage of a view


@contextmanager
def rng_restored_on_error(jobs: Sequence[JobState]) -> Iterator[None]:
    """Restores the generators after an error, so that a retried step draws the same numbers."""
    before = [job.rng_states() for job in jobs]
    try:
        yield
    except Exception:
        for job, states in zip(jobs, before, strict=True):
            job.restore_rng(states)
        raise


def learning_rate(progress: float, schedule: ScheduleConfig) -> float:
    """The learning rate after a share of the steps: half a cosine, down to `min_lr_ratio`."""
    middle, amplitude = (1 + schedule.min_lr_ratio) / 2, (1 - schedule.min_lr_ratio) / 2
    return schedule.learning_rate * (middle + amplitude * math.cos(math.pi * progress))


def coarse_to_fine(recipe: Recipe, factor: int, schedule: ScheduleConfig) -> dict[int, Size]:
    """The sizes of the latents by the step at which they start, each twice the previous one.

    All sizes but the last share the first `coarse_fraction` of the steps before a film. The shorter
    side of the smallest is at least `min_side` pixels.
    """
    sizes = [(recipe.height // factor, recipe.width // factor)]
    while min(sizes[0]) * factor >= 2 * schedule.min_side:
        sizes.insert(0, (-(-sizes[0][0] // 2), -(-sizes[0][1] // 2)))
    share = schedule.coarse_fraction / max(1, len(sizes) - 1)
    return {round(recipe.steps_before_film * share * i): size for i, size in enumerate(sizes)}


def latents_of(checkpoint: Checkpoint, vqgan: VQGAN) -> Tensor:
    """(images, embed_dim, h, w) on the VQGAN's device. Raises CheckpointError if they don't fit."""
    device = vqgan.codebook.device
    if checkpoint.latents is not None:
        latents = checkpoint.latents.to(device)
    elif checkpoint.codes is not None and checkpoint.codes.max() < len(vqgan.codebook):
        latents = vqgan.look_up(checkpoint.codes.to(device))
    else:
        raise CheckpointError("The checkpoint is incomplete.")
    if latents.dim() != 4 or latents.shape[1] != vqgan.codebook.shape[1]:
        raise CheckpointError("The checkpoint belongs to another VQGAN.")
    return latents
