"""A job in the batch: its rows of latents, what moves them, and what they draw from."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from core.recipe import Recipe
from engine.models.vqgan import VQGAN
from engine.synthesis.checkpoint import Checkpoint, CheckpointError, too_large
from engine.synthesis.method import Method
from engine.synthesis.objective import Target

REST = 20
"""Steps without anything gained that no job ends before."""
GAIN = 0.001
"""How far the loss must fall for it to count."""
LOOK = 10
"""Steps from one look at the losses to the next: it waits for the device, which no other step does.
"""

Grid = tuple[int, int]
"""Height and width of latents."""


@dataclass(slots=True)
class Rows:
    """`latents` is (rows, embed_dim, h, w), the only thing optimised: a row for each picture.

    `losses` (rows,) are running means of what each step's fresh cutouts gave before the latents
    moved. `stages` tells at which steps the latents reach which grid; `held` are those of an
    initial picture that is held on to.
    """

    recipe: Recipe
    target: Target
    generators: list[Generator]
    latents: Tensor
    stages: dict[int, Grid]
    held: Tensor | None = None
    behind: int = 0
    """Steps that lie behind the latents already; the learning rate has fallen accordingly."""
    step: int = 0
    last: bool = False
    """Whether the next step is the last, however many were asked for."""
    lowest: tuple[float, int] = (math.inf, 0)
    """The least loss that was seen so far, and the step that reached it."""
    idle: bool = False
    """Whether nothing has been gained for long; a picture that is still small goes on."""
    broken: bool = False
    """Whether a loss was seen that is not a number."""
    losses: Tensor = field(init=False)
    optimiser: torch.optim.Adam = field(init=False)

    def __post_init__(self) -> None:
        self.losses = self.latents.new_zeros(len(self.latents))
        self._optimise(self.latents)

    @classmethod
    def like(
        cls,
        saved: Checkpoint,
        recipe: Recipe,
        target: Target,
        generators: list[Generator],
        vqgan: VQGAN,
    ) -> "Rows":
        """New rows from one of another job's, strayed as far as the recipe's source says.

        Raises CheckpointError for the state of another VQGAN.
        """
        assert recipe.source
        chosen = torch.full((recipe.count,), recipe.source.row)
        start = latents_of(saved, vqgan)[chosen]
        if recipe.source.spread:
            start = _strayed(start, recipe.source.spread, generators)
            return cls(recipe, target, generators, start, {})
        job = cls(recipe, target, generators, start, {}, behind=saved.step)
        moments = {name: means.to(start.device)[chosen] for name, means in saved.moments.items()}
        job._optimise(start, moments)
        return job

    @property
    def grid(self) -> Grid:
        return self.latents.shape[2], self.latents.shape[3]

    @property
    def moments(self) -> dict[str, Tensor]:
        """Adam's running means of the gradient and of its square; empty before the first step."""
        state = self.optimiser.state.get(self.latents, {})
        return {name: value for name, value in state.items() if value.dim()}

    @property
    def done(self) -> bool:
        return self.step >= self.recipe.steps or self.last or self.idle

    def descend(self, losses: Tensor, method: Method) -> None:
        """One step of Adam, at the learning rate that is left by now."""
        share = (self.behind + self.step) / (self.behind + self.recipe.steps)
        self.optimiser.param_groups[0]["lr"] = method.learning_rate * falling(share)
        self.optimiser.step()
        self.losses = self.losses.lerp(losses, 0.2) if self.step else losses
        self.step += 1
        if self.step % LOOK == 0 or self.done or self._rested(method):
            self._look()
        self.idle = self._rested(method)

    def _rested(self, method: Method) -> bool:
        rest = max(REST, method.patience * self.recipe.steps)
        return self.step > max(self.stages) and self.step - self.lowest[1] >= rest

    def _look(self) -> None:
        mean = self.losses.mean().item()
        self.broken = not math.isfinite(mean)
        if mean < self.lowest[0] - GAIN:
            self.lowest = mean, self.step

    def change_stage(self) -> None:
        """After a step: at the next size, if it is time."""
        if self.step in self.stages:
            self.enlarge(self.stages[self.step])
            self.lowest = math.inf, self.step

    def enlarge(self, grid: Grid) -> None:
        """Paints on at another size, with the latents and Adam's means as they would be there.

        A loss that is a mean over the picture pulls at each of n times as many latents with a
        nth of the force (the idea of carrying the optimiser's state over: Crowson,
        style-transfer-pytorch).
        """
        share = math.prod(self.grid) / math.prod(grid)
        scales = {"exp_avg": share, "exp_avg_sq": share**2}
        moments = {name: scales[name] * resized(m, grid) for name, m in self.moments.items()}
        self._optimise(resized(self.latents, grid), moments)

    def saved(self, vqgan: VQGAN) -> Checkpoint:
        """What a later `resume` needs, as copies."""
        latents = self.latents.detach()
        coded = too_large(latents)
        return Checkpoint(
            step=self.step,
            best=self.lowest,
            losses=self.losses.cpu().clone(),
            rng_states=torch.stack([generator.get_state() for generator in self.generators]),
            latents=None if coded else latents.cpu().clone(),
            codes=vqgan.nearest_codes(latents).cpu() if coded else None,
            moments={} if coded else {k: v.cpu().clone() for k, v in self.moments.items()},
        )

    def resume(self, saved: Checkpoint, vqgan: VQGAN) -> None:
        """Goes on where the same job was saved. Raises CheckpointError for the state of another."""
        device = self.latents.device
        latents = latents_of(saved, vqgan)
        grids = {grid for step, grid in self.stages.items() if step <= saved.step}
        if len(latents) != self.recipe.count or tuple(latents.shape[2:]) not in grids:
            raise CheckpointError("The checkpoint belongs to another recipe.")
        self.step, self.lowest = saved.step, saved.best
        self.losses = saved.losses.to(device)
        self.generators = [Generator(device) for _ in saved.rng_states]
        for generator, state in zip(self.generators, saved.rng_states, strict=True):
            generator.set_state(state.clone())  # a view's place in its storage would be overlooked
        self._optimise(latents, {name: m.to(device) for name, m in saved.moments.items()})

    def _optimise(self, latents: Tensor, moments: dict[str, Tensor] | None = None) -> None:
        """From now on these latents, with Adam's means as given; the rate is set at each step."""
        self.latents = latents.detach().clone().requires_grad_(True)
        self.optimiser = torch.optim.Adam([self.latents], betas=(0.9, 0.99))
        if moments:
            taken = torch.tensor(float(self.behind + self.step))
            self.optimiser.state[self.latents] = {"step": taken, **moments}


def falling(share: float) -> float:
    """Of the learning rate what is left after a share of the steps: half a cosine, 1 to 0.1."""
    return 0.55 + 0.45 * math.cos(math.pi * share)


def stages(recipe: Recipe, factor: int, method: Method) -> dict[int, Grid]:
    """At which steps a picture reaches which grid, from coarse to fine.

    The first `method.coarse` of the steps are shared by all smaller sizes, each half of the next,
    down to a shorter side of `method.coarsest` pixels.
    """
    grids = [(recipe.height // factor, recipe.width // factor)]
    while min(grids[0]) * factor >= 2 * method.coarsest:
        grids.insert(0, (-(-grids[0][0] // 2), -(-grids[0][1] // 2)))
    share = method.coarse / max(1, len(grids) - 1)
    return {round(recipe.steps * share * i): grid for i, grid in enumerate(grids)}


def _strayed(latents: Tensor, spread: float, generators: Sequence[Generator]) -> Tensor:
    """(rows, embed_dim, h, w), drawn out of shape, for a `spread` of 1 by half the picture.

    Noise would be cleared away before it changed anything; what has moved stays where it is.
    """
    corners = [torch.randn(2, 3, 3, generator=own, device=own.device) for own in generators]
    drift = 0.5 * spread * resized(torch.stack(corners), latents.shape[2:]).movedim(1, -1)
    still = torch.eye(2, 3, device=latents.device).expand(len(latents), -1, -1)
    grid = F.affine_grid(still, list(latents.shape), align_corners=False)
    return F.grid_sample(latents, grid + drift, padding_mode="border", align_corners=False)


def latents_of(saved: Checkpoint, vqgan: VQGAN) -> Tensor:
    """(rows, embed_dim, h, w) on the VQGAN's device. Raises CheckpointError for another VQGAN's."""
    if saved.latents is not None:
        latents = saved.latents.to(vqgan.codebook.device)
    elif saved.codes is not None and saved.codes.max() < len(vqgan.codebook):
        latents = vqgan.look_up(saved.codes.to(vqgan.codebook.device))
    else:
        raise CheckpointError("The checkpoint is incomplete.")
    if latents.dim() != 4 or latents.shape[1] != vqgan.codebook.shape[1]:
        raise CheckpointError("The checkpoint belongs to another VQGAN.")
    return latents


def resized(latents: Tensor, grid: Sequence[int]) -> Tensor:
    return F.interpolate(latents.detach(), tuple(grid), mode="bilinear", align_corners=False)
