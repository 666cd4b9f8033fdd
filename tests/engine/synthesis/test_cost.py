"""The cost of a step is known in advance."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from engine.models.model import Model
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


@pytest.mark.slow
def test_the_cost_left_is_the_cost_of_the_remaining_steps(
    renderer: Renderer, make_recipe: RecipeFactory
) -> None:
    renderer.add(RenderRequest(1, make_recipe(width=64, height=64, steps=8, count=2)))
    outputs = run_job(renderer)
    assert outputs[0].cost < outputs[-1].cost, "rendering goes from coarse to fine"
    for number, output in enumerate(outputs, start=1):
        assert output.cost_left == pytest.approx(sum(later.cost for later in outputs[number:]))
