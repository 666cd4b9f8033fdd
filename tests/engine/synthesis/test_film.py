"""A film moves through its image smoothly, and in the same way every time."""

from typing import Any

import pytest
import torch
from torch import Generator

from core.film import MIN_FRAMES, Film, Motion
from engine.models.model import Model
from engine.synthesis.checkpoint import Checkpoint
from engine.synthesis.config import FilmConfig, SynthesisConfig, override
from engine.synthesis.film import move_images
from engine.synthesis.output import StepOutput
from engine.synthesis.renderer import Renderer
from engine.synthesis.request import RenderRequest
from tests.engine.synthesis.conftest import CPU, QUICK, RecipeFactory, run_job

FILM = Film(Motion.RIGHT, MIN_FRAMES, 2)


def seeded_generators() -> list[Generator]:
    return [Generator().manual_seed(0)]


def film_frames(outputs: list[StepOutput]) -> torch.Tensor:
    return torch.cat([output.pixels for output in outputs if output.filmed])


def run_recipe(model: Model, recipe: Any, config: SynthesisConfig = QUICK) -> list[StepOutput]:
    renderer = Renderer(model, CPU, config)
    renderer.add(RenderRequest(1, recipe))
    return run_job(renderer)


@pytest.mark.parametrize(
    ("motion", "before", "after"),
    [
        (Motion.RIGHT, (slice(None), slice(2, None)), (slice(None), slice(None, -2))),
        (Motion.LEFT, (slice(None), slice(None, -2)), (slice(None), slice(2, None))),
        (Motion.DOWN, (slice(2, None), slice(None)), (slice(None, -2), slice(None))),
        (Motion.UP, (slice(None, -2), slice(None)), (slice(2, None), slice(None))),
    ],
)
def test_a_pan_by_whole_pixels_moves_every_pixel_exactly(
    motion: Motion, before: Any, after: Any
) -> None:
    image = torch.rand(1, 3, 32, 48)
    config = FilmConfig(pan=2 / (48 if motion in (Motion.LEFT, Motion.RIGHT) else 32))
    panned = move_images(image, motion, config, 0.0, seeded_generators())
    assert torch.allclose(panned[0, :, *after], image[0, :, *before], atol=1e-4)
    noisy = move_images(image, motion, config, 0.1, seeded_generators())
    # There is noise only where the image is uncovered.
    assert torch.equal(noisy[0, :, *after], panned[0, :, *after])
    assert not torch.allclose(noisy, panned, atol=0.01)


@pytest.mark.parametrize(
    ("there", "back"),
    [(Motion.ZOOM_IN, Motion.ZOOM_OUT), (Motion.TURN_LEFT, Motion.TURN_RIGHT)],
)
def test_opposite_motions_cancel_in_the_middle(there: Motion, back: Motion) -> None:
    down, across = torch.meshgrid(torch.linspace(0, 6, 32), torch.linspace(0, 9, 48), indexing="ij")
    image = torch.stack([down.sin(), across.cos(), (down + across).sin()])[None] / 2 + 0.5
    config = FilmConfig(zoom=1.1, turn=10)
    moved_there = move_images(image, there, config, 0.0, seeded_generators())
    returned = move_images(moved_there, back, config, 0.0, seeded_generators())
    middle = (..., slice(10, 22), slice(14, 34))
    movement = (moved_there - image)[middle].abs().mean()
    assert movement > 0.02
    assert (returned - image)[middle].abs().mean() < 0.2 * movement


@pytest.mark.slow
def test_without_a_motion_and_without_steps_of_adam_nothing_changes(
    sketch: Model, make_recipe: RecipeFactory
) -> None:
    still = override(QUICK, {"film.zoom": 1.0, "film.lr_ratio": 0.0})
    film = Film(Motion.ZOOM_IN, MIN_FRAMES, 1)
    frames = film_frames(run_recipe(sketch, make_recipe(steps=4).with_film(film), still))
    assert len(frames) == MIN_FRAMES
    assert (frames[-1] - frames[0]).abs().mean() < 0.01


@pytest.mark.slow
def test_without_steps_of_adam_the_image_moves_by_the_factor_in_each_frame(
    sketch: Model, make_recipe: RecipeFactory
) -> None:
    factor = sketch.vqgan.factor
    pan = override(QUICK, {"film.pan": factor / 64, "film.lr_ratio": 0.0})
    recipe = make_recipe("a red circle on a white background", width=64, height=64, steps=15)
    frames = film_frames(
        run_recipe(sketch, recipe.with_film(Film(Motion.RIGHT, MIN_FRAMES, 1)), pan)
    )
    shift = 3 * factor
    inside = (slice(8, -8), slice(8, 64 - shift - 8))
    shifted = frames[0][:, 8:-8, 8 + shift : 64 - 8]
    assert (frames[3][:, *inside] - shifted).abs().mean() < 0.03
    assert (frames[3][:, *inside] - frames[0][:, *inside]).abs().mean() > 0.1


@pytest.mark.slow
def test_the_moving_mean_makes_a_film_smoother(sketch: Model, make_recipe: RecipeFactory) -> None:
    def change(mean_weight: float) -> float:
        config = override(QUICK, {"film.zoom": 1.0, "film.mean_weight": mean_weight})
        recipe = make_recipe("a red circle", steps=6).with_film(Film(Motion.ZOOM_IN, MIN_FRAMES, 2))
        frames = film_frames(run_recipe(sketch, recipe, config))
        return (frames[1:] - frames[:-1]).abs().mean().item()

    assert change(0.1) < 0.8 * change(1.0)


@pytest.mark.slow
def test_a_film_that_is_killed_at_any_step_resumes_with_the_same_frames(
    model: Model, make_recipe: RecipeFactory
) -> None:
    recipe = make_recipe(steps=3).with_film(FILM)
    uninterrupted = run_recipe(model, recipe)
    assert [output.step for output in uninterrupted if output.filmed] == list(range(5, 24, 2))
    assert uninterrupted[-1].done
    renderer = Renderer(model, CPU, QUICK)
    renderer.add(RenderRequest(1, recipe))
    for expected in uninterrupted:
        (output,) = renderer.step()
        assert output.filmed == expected.filmed
        assert torch.equal(output.pixels, expected.pixels)
        if not output.done:
            checkpoint = Checkpoint.from_bytes(output.checkpoint().to_bytes())
            renderer = Renderer(model, CPU, QUICK)
            renderer.add(RenderRequest(1, recipe, resume_from=checkpoint))


def test_a_film_starts_with_its_source_image_and_can_finish_early(
    model: Model, make_recipe: RecipeFactory
) -> None:
    recipe = make_recipe(steps=3)
    (*_, source) = run_recipe(model, recipe)
    travel = recipe.film_from(1, 0, "a blue star", "", FILM, seed=5)
    assert travel.steps == FILM.steps
    still = override(QUICK, {"film.lr_ratio": 0.0})
    renderer = Renderer(model, CPU, still)
    renderer.add(RenderRequest(2, travel, source=source.checkpoint()))
    (first, second) = renderer.step() + renderer.step()
    assert (first.filmed, second.filmed) == (False, True)
    assert torch.equal(first.pixels, second.pixels)
    renderer.step()
    renderer.finish_early(2)
    (last,) = renderer.step()
    assert (last.filmed, last.done, last.step) == (True, True, 4)
    assert not renderer.step()


def test_the_cost_left_includes_the_film(model: Model, make_recipe: RecipeFactory) -> None:
    plain, film = make_recipe(steps=3 + FILM.steps), make_recipe(steps=3).with_film(FILM)
    costs = []
    for recipe in (plain, film):
        renderer = Renderer(model, CPU, QUICK)
        renderer.add(RenderRequest(1, recipe))
        (first,) = renderer.step()
        costs.append(first.cost_left)
    assert film.work == plain.work
    assert costs[0] < costs[1] < 1.5 * costs[0]


def test_a_frame_saves_nothing_for_a_backward_pass_so_a_film_needs_no_more_memory(
    model: Model, make_recipe: RecipeFactory
) -> None:
    plain, film = make_recipe(steps=3), make_recipe(steps=3).with_film(FILM)
    renderer = Renderer(model, CPU, QUICK)
    assert renderer.memory.needed([film], QUICK) == renderer.memory.needed([plain], QUICK)
    renderer.add(RenderRequest(1, film))
    for _ in range(5):
        renderer.step()

    def pack(tensor: torch.Tensor) -> None:
        raise AssertionError("saved for a backward pass")

    job = renderer._jobs[1]
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda packed: packed):
        assert renderer._film_frame(job).shape == (1, 3, 32, 32)
