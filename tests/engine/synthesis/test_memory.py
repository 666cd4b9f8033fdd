"""Memory: what is foreseen is what a step remembers, and painting in less gives the same."""

import copy

import pytest
import torch
from PIL import Image

from engine.models.model import Model
from engine.synthesis import renderer as module
from engine.synthesis.memory import BACKWARD_OVERHEAD
from engine.synthesis.renderer import Renderer
from engine.synthesis.request import RenderRequest
from engine.synthesis.validation import Note, NoteCode
from tests.engine.synthesis.conftest import CPU, QUICK, Recipes, paint
from tests.engine.synthesis.test_renderer import SAME, last


def remembered(renderer: Renderer) -> int:
    """Bytes that a step keeps for its way back, beside the weights."""
    kept: dict[int, torch.Tensor] = {}
    weights = [*renderer.model.vqgan.parameters(), *renderer.model.perceptor.clip.parameters()]
    known = {weight.untyped_storage().data_ptr() for weight in weights}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.untyped_storage().data_ptr() not in known:
            kept[tensor.untyped_storage().data_ptr()] = tensor.detach()
        return tensor.detach()

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        renderer.step()
    return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())


@pytest.mark.parametrize(("side", "counts"), [(32, [1]), (32, [3]), (32, [1, 1, 1]), (96, [2])])
def test_what_is_needed_is_foreseen(
    model: Model, recipe: Recipes, side: int, counts: list[int]
) -> None:
    asked = [recipe(width=side, height=side, count=each, initial="a" * 64) for each in counts]
    renderer = Renderer(model, CPU, QUICK)
    for number, one in enumerate(asked):
        renderer.add(RenderRequest(number, one, {"a" * 64: Image.new("RGB", (side, side), "teal")}))
    foreseen = renderer.memory.needed(asked, QUICK) / BACKWARD_OVERHEAD
    assert foreseen == pytest.approx(remembered(renderer), rel=0.2)


@pytest.mark.slow
def test_rendering_in_less_memory_gives_the_same(model: Model, recipe: Recipes) -> None:
    asked = recipe(width=48, steps=3)
    plain, frugal = Renderer(model, CPU, QUICK), Renderer(copy.deepcopy(model), CPU, QUICK)
    frugal.enable_gradient_checkpointing()
    plain.add(RenderRequest(1, asked))
    frugal.add(RenderRequest(1, asked))
    assert remembered(frugal) < 0.6 * remembered(plain)
    assert (last(paint(plain)) - last(paint(frugal))).abs().max() < SAME


def test_a_recipe_without_room_is_rendered_in_less_or_waits(
    model: Model, recipe: Recipes, monkeypatch: pytest.MonkeyPatch
) -> None:
    renderer = Renderer(copy.deepcopy(model), CPU, QUICK)
    room = renderer.memory.needed([recipe(), recipe()], QUICK)  # a byte too little for both
    monkeypatch.setattr(module, "free_memory", lambda device: room)
    assert renderer.add(RenderRequest(1, recipe())) == []
    with pytest.raises(MemoryError):
        renderer.add(RenderRequest(2, recipe()))
    assert renderer.job_ids == {1}
    renderer.abort(1)
    assert renderer.add(RenderRequest(3, recipe(count=3))) == [Note(NoteCode.LOW_MEMORY)]
    assert renderer.gradient_checkpointing
