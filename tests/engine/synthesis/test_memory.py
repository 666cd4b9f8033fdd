"""The memory of a step is estimated in advance, and less memory gives the same image."""

import copy

import pytest
import torch
from PIL import Image

from engine.models.model import Model
from engine.synthesis import renderer as renderer_module
from engine.synthesis.memory import BACKWARD_OVERHEAD
from engine.synthesis.renderer import Renderer
from engine.synthesis.request import RenderRequest
from engine.synthesis.validation import Note, NoteCode
from tests.engine.synthesis.conftest import CPU, QUICK, RecipeFactory, run_job
from tests.engine.synthesis.test_renderer import TOLERANCE, final_pixels


def saved_bytes(renderer: Renderer) -> int:
    """The bytes that a step saves for its backward pass, beside the weights."""
    saved: dict[int, torch.Tensor] = {}
    weights = [*renderer.model.vqgan.parameters(), *renderer.model.perceptor.clip.parameters()]
    known = {weight.untyped_storage().data_ptr() for weight in weights}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.untyped_storage().data_ptr() not in known:
            saved[tensor.untyped_storage().data_ptr()] = tensor.detach()
        return tensor.detach()

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        renderer.step()
    return sum(tensor.untyped_storage().nbytes() for tensor in saved.values())


@pytest.mark.parametrize(("side", "counts"), [(32, [1]), (32, [3]), (32, [1, 1, 1]), (96, [2])])
def test_the_estimate_matches_what_a_step_saves(
    model: Model, make_recipe: RecipeFactory, side: int, counts: list[int]
) -> None:
    recipes = [
        make_recipe(width=side, height=side, count=count, initial="a" * 64) for count in counts
    ]
    renderer = Renderer(model, CPU, QUICK)
    for number, recipe in enumerate(recipes):
        renderer.add(
            RenderRequest(number, recipe, {"a" * 64: Image.new("RGB", (side, side), "teal")})
        )
    estimate = renderer.memory.needed(recipes, QUICK) / BACKWARD_OVERHEAD
    assert estimate == pytest.approx(saved_bytes(renderer), rel=0.2)


@pytest.mark.slow
def test_rendering_with_less_memory_gives_the_same_image(
    model: Model, make_recipe: RecipeFactory
) -> None:
    recipe = make_recipe(width=48, steps=3)
    plain, frugal = Renderer(model, CPU, QUICK), Renderer(copy.deepcopy(model), CPU, QUICK)
    frugal.enable_gradient_checkpointing()
    plain.add(RenderRequest(1, recipe))
    frugal.add(RenderRequest(1, recipe))
    assert saved_bytes(frugal) < 0.6 * saved_bytes(plain)
    assert (final_pixels(run_job(plain)) - final_pixels(run_job(frugal))).abs().max() < TOLERANCE


def test_a_recipe_that_does_not_fit_is_rendered_with_less_memory_or_waits(
    model: Model, make_recipe: RecipeFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    renderer = Renderer(copy.deepcopy(model), CPU, QUICK)
    # A byte too little for both.
    free = renderer.memory.needed([make_recipe(), make_recipe()], QUICK)
    monkeypatch.setattr(renderer_module, "free_memory", lambda device: free)
    assert renderer.add(RenderRequest(1, make_recipe())) == []
    with pytest.raises(MemoryError):
        renderer.add(RenderRequest(2, make_recipe()))
    assert renderer.job_ids == {1}
    renderer.abort(1)
    assert renderer.add(RenderRequest(3, make_recipe(count=3))) == [Note(NoteCode.LOW_MEMORY)]
    assert renderer.gradient_checkpointing
