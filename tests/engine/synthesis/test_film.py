"""A film travels through its image, smoothly, and the same way each time."""

from typing import Any

import pytest
import torch
from torch import Generator

from core.film import MIN_FRAMES, Film, Motion
from engine.models.model import Model
from engine.synthesis.checkpoint import Checkpoint
from engine.synthesis.config import FilmConfig, SynthesisConfig, override
from engine.synthesis.film import moved
from engine.synthesis.output import StepOutput
from engine.synthesis.renderer import Renderer
from engine.synthesis.request import RenderRequest
from tests.engine.synthesis.conftest import CPU, QUICK, Recipes, paint

FILM = Film(Motion.RIGHT, MIN_FRAMES, 2)


def seeded() -> list[Generator]:
    return [Generator().manual_seed(0)]


def filmed(outputs: list[StepOutput]) -> torch.Tensor:
    return torch.cat([output.pixels for output in outputs if output.filmed])


def film_of(model: Model, recipe: Any, config: SynthesisConfig = QUICK) -> list[StepOutput]:
    renderer = Renderer(model, CPU, config)
    renderer.add(RenderRequest(1, recipe))
    return paint(renderer)


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
    shown = moved(image, motion, config, 0.0, seeded())
    assert torch.allclose(shown[0, :, *after], image[0, :, *before], atol=1e-4)
    noisy = moved(image, motion, config, 0.1, seeded())
    assert torch.equal(noisy[0, :, *after], shown[0, :, *after])  # only what comes into view
    assert not torch.allclose(noisy, shown, atol=0.01)


@pytest.mark.parametrize(
    ("there", "back"),
    [(Motion.ZOOM_IN, Motion.ZOOM_OUT), (Motion.TURN_LEFT, Motion.TURN_RIGHT)],
)
def test_opposite_motions_cancel_in_the_middle(there: Motion, back: Motion) -> None:
    down, across = torch.meshgrid(torch.linspace(0, 6, 32), torch.linspace(0, 9, 48), indexing="ij")
    image = torch.stack([down.sin(), across.cos(), (down + across).sin()])[None] / 2 + 0.5
    config = FilmConfig(zoom=1.1, turn=10)
    moved_there = moved(image, there, config, 0.0, seeded())
    returned = moved(moved_there, back, config, 0.0, seeded())
    middle = (..., slice(10, 22), slice(14, 34))
    there_by = (moved_there - image)[middle].abs().mean()
    assert there_by > 0.02
    assert (returned - image)[middle].abs().mean() < 0.2 * there_by


@pytest.mark.slow
def test_without_a_motion_and_without_steps_of_adam_nothing_changes(
    sketch: Model, recipe: Recipes
) -> None:
    still = override(QUICK, {"film.zoom": 1.0, "film.lr_ratio": 0.0})
    film = Film(Motion.ZOOM_IN, MIN_FRAMES, 1)
    frames = filmed(film_of(sketch, recipe(steps=4).filmed(film), still))
    assert len(frames) == MIN_FRAMES
    assert (frames[-1] - frames[0]).abs().mean() < 0.01


@pytest.mark.slow
def test_without_steps_of_adam_the_image_moves_by_the_factor_in_each_frame(
    sketch: Model, recipe: Recipes
) -> None:
    factor = sketch.vqgan.factor
    pan = override(QUICK, {"film.pan": factor / 64, "film.lr_ratio": 0.0})
    asked = recipe("a red circle on a white background", width=64, height=64, steps=15)
    frames = filmed(film_of(sketch, asked.filmed(Film(Motion.RIGHT, MIN_FRAMES, 1)), pan))
    shift = 3 * factor
    inside = (slice(8, -8), slice(8, 64 - shift - 8))
    shifted = frames[0][:, 8:-8, 8 + shift : 64 - 8]
    assert (frames[3][:, *inside] - shifted).abs().mean() < 0.03
    assert (frames[3][:, *inside] - frames[0][:, *inside]).abs().mean() > 0.1


@pytest.mark.slow
def test_the_moving_mean_makes_a_film_smoother(sketch: Model, recipe: Recipes) -> None:
    def change(mean_weight: float) -> float:
        config = override(QUICK, {"film.zoom": 1.0, "film.mean_weight": mean_weight})
        asked = recipe("a red circle", steps=6).filmed(Film(Motion.ZOOM_IN, MIN_FRAMES, 2))
        frames = filmed(film_of(sketch, asked, config))
        return (frames[1:] - frames[:-1]).abs().mean().item()

    assert change(0.1) < 0.8 * change(1.0)


@pytest.mark.slow
def test_killed_at_any_step_a_film_goes_on_as_if_it_had_not_been(
    model: Model, recipe: Recipes
) -> None:
    asked = recipe(steps=3).filmed(FILM)
    uninterrupted = film_of(model, asked)
    assert [output.step for output in uninterrupted if output.filmed] == list(range(5, 24, 2))
    assert uninterrupted[-1].done
    renderer = Renderer(model, CPU, QUICK)
    renderer.add(RenderRequest(1, asked))
    for expected in uninterrupted:
        (output,) = renderer.step()
        assert output.filmed == expected.filmed
        assert torch.equal(output.pixels, expected.pixels)
        if not output.done:
            kept = Checkpoint.from_bytes(output.checkpoint().to_bytes())
            renderer = Renderer(model, CPU, QUICK)
            renderer.add(RenderRequest(1, asked, resume_from=kept))


def test_a_film_starts_with_the_very_image_and_ends_early_with_what_there_is(
    model: Model, recipe: Recipes
) -> None:
    image = recipe(steps=3)
    (*_, done) = film_of(model, image)
    travel = image.travel(1, 0, "a blue star", "", FILM, seed=5)
    assert travel.steps == FILM.steps
    still = override(QUICK, {"film.lr_ratio": 0.0})
    renderer = Renderer(model, CPU, still)
    renderer.add(RenderRequest(2, travel, source=done.checkpoint()))
    (first, second) = renderer.step() + renderer.step()
    assert (first.filmed, second.filmed) == (False, True)
    assert torch.equal(first.pixels, second.pixels)
    renderer.step()
    renderer.finish_early(2)
    (last,) = renderer.step()
    assert (last.filmed, last.done, last.step) == (True, True, 4)
    assert not renderer.step()


def test_the_film_is_part_of_what_is_left_to_do(model: Model, recipe: Recipes) -> None:
    plain, film = recipe(steps=3 + FILM.steps), recipe(steps=3).filmed(FILM)
    costs = []
    for asked in (plain, film):
        renderer = Renderer(model, CPU, QUICK)
        renderer.add(RenderRequest(1, asked))
        (first,) = renderer.step()
        costs.append(first.cost_left)
    assert film.work == plain.work
    assert costs[0] < costs[1] < 1.5 * costs[0]


def test_a_frame_keeps_nothing_for_a_backward_pass_so_a_film_needs_no_more_than_its_steps(
    model: Model, recipe: Recipes
) -> None:
    plain, film = recipe(steps=3), recipe(steps=3).filmed(FILM)
    renderer = Renderer(model, CPU, QUICK)
    assert renderer.memory.needed([film], QUICK) == renderer.memory.needed([plain], QUICK)
    renderer.add(RenderRequest(1, film))
    for _ in range(5):
        renderer.step()

    def pack(tensor: torch.Tensor) -> None:
        raise AssertionError("kept for a backward pass")

    job = renderer._jobs[1]
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda packed: packed):
        assert renderer._film_frame(job).shape == (1, 3, 32, 32)
