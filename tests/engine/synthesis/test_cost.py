"""The cost of a step is known in advance."""

import math

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from engine.models.model import Model
from engine.synthesis.config import override
from engine.synthesis.cost import OVERHEAD, StepCost
from engine.synthesis.renderer import Renderer
from engine.synthesis.request import RenderRequest
from tests.engine.synthesis.conftest import QUICK, RecipeFactory, run_job


@pytest.mark.parametrize("side", [2, 8, 12])
def test_a_step_costs_what_decoding_and_embedding_compute(model: Model, side: int) -> None:
    latents = torch.zeros(1, model.vqgan.codebook.shape[1], side, side)
    resolution = model.perceptor.resolution
    cutouts = torch.zeros(QUICK.cutouts.count, 3, resolution, resolution)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model.vqgan.decode(latents)
        model.perceptor.embed_images(cutouts)
    cost = StepCost(model, QUICK)
    one, three = (cost.step(images, (side, side)) - OVERHEAD for images in (1, 3))
    assert one == pytest.approx(counter.get_total_flops(), rel=0.1)
    assert three == pytest.approx(3 * one)


@pytest.mark.parametrize(
    ("sufficient", "first", "loss", "step", "end"),
    [
        (-0.5, -0.1, -0.2, 11, 50),  # 0.01 a step, with 0.3 to go
        (-0.5, -0.1, -0.2, 21, 90),
        (-0.5, -0.1, -0.11, 21, 100),
        (-0.5, -0.2, -0.1, 11, 60),  # rising, and its patience ends before the typical end
        (-0.5, -0.6, math.inf, 3, 10),  # low enough, so it ends at the first check
        (-0.5, -0.4, math.inf, 3, 30),  # not checked yet: 0.1 to go, typically 0.005 a step
        (-0.5, math.nan, math.inf, 0, 60),  # unknown, so the typical end
        (-math.inf, -0.1, -0.2, 31, 60),
        (-math.inf, -0.1, -0.2, 61, 90),
    ],
)
def test_the_expected_end_of_a_job_follows_from_its_loss(
    renderer: Renderer,
    make_recipe: RecipeFactory,
    sufficient: float,
    first: float,
    loss: float,
    step: int,
    end: int,
) -> None:
    renderer.add(RenderRequest(1, make_recipe(steps=100)))
    job = renderer._jobs[1]
    schedule = {"sufficient_loss": sufficient, "typical_share": 0.6, "min_patience": 20}
    job.config = override(QUICK, {f"schedule.{name}": value for name, value in schedule.items()})
    job.first_loss, job.best, job.step = first, (loss, step), step
    assert job.expected_end == end


@pytest.mark.slow
def test_the_cost_left_is_the_cost_of_the_remaining_steps(
    renderer: Renderer, make_recipe: RecipeFactory
) -> None:
    renderer.add(RenderRequest(1, make_recipe(width=64, height=64, steps=8, count=2)))
    outputs = run_job(renderer)
    assert outputs[0].cost < outputs[-1].cost, "rendering goes from coarse to fine"
    for number, output in enumerate(outputs, start=1):
        assert output.cost_left == pytest.approx(sum(later.cost for later in outputs[number:]))
