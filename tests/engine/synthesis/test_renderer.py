"""The renderer: rows that come, go and fail without their neighbours noticing."""

from collections.abc import Callable

import pytest
import torch
from PIL import Image, ImageStat

from engine.models.pair import Pair
from engine.synthesis import cutouts
from engine.synthesis.cutouts import Cuts
from engine.synthesis.renderer import Iteration, RecipeRefused, Renderer
from jobs.recipe import Recipe
from tests.engine.synthesis.conftest import CPU, QUICK, paint
from training.judges.overlap import look

Recipes = Callable[..., Recipe]

SAME = 0.03
"""How far pixels (0 to 1) may drift in four steps because sums are taken in another order."""


def last(iterations: list[Iteration]) -> torch.Tensor:
    return iterations[-1].painted


def test_a_job_runs_for_its_steps_and_leaves(renderer: Renderer, recipe: Recipes) -> None:
    renderer.add(1, recipe(steps=3, exclude="watermark | blue:0.5"))
    iterations = paint(renderer)
    assert [(i.step, i.steps, i.done) for i in iterations] == [
        (1, 3, False),
        (2, 3, False),
        (3, 3, True),
    ]
    assert renderer.step() == []
    weights = [prompt.weight for prompt in iterations[0].prompts]
    assert weights == pytest.approx([1.0, -1.0, -0.5])
    shares = [prompt.similarity for prompt in iterations[0].prompts]
    assert iterations[0].include == pytest.approx(shares[0])
    assert iterations[0].exclude == pytest.approx((shares[1] + 0.5 * shares[2]) / 1.5)
    (picture,) = iterations[-1].pictures()
    assert (picture.mode, picture.size) == ("RGB", (32, 32))


def test_the_same_seed_paints_the_same_bytes(pair: Pair, recipe: Recipes) -> None:
    def picture(seed: int) -> bytes:
        renderer = Renderer(pair, CPU, QUICK)
        renderer.add(1, recipe(seed=seed))
        return paint(renderer)[-1].pictures()[0].tobytes()

    assert picture(0) == picture(0)
    assert picture(0) != picture(1)


def test_a_row_paints_alone_what_it_paints_in_company(pair: Pair, recipe: Recipes) -> None:
    alone, company = Renderer(pair, CPU, QUICK), Renderer(pair, CPU, QUICK)
    alone.add(1, recipe(seed=5))
    company.add(2, recipe("a blue star", seed=9, steps=2))
    company.step()
    company.add(1, recipe(seed=5))
    company.add(3, recipe("a moon", seed=9, width=48, steps=2))
    drift = (last(paint(alone)) - last(paint(company))).abs().max().item()
    assert drift < SAME


def test_company_does_not_change_the_random_draws(
    pair: Pair, recipe: Recipes, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: dict[str, list[Cuts]] = {"alone": [], "company": []}
    original = cutouts.draw

    def listening(to: str) -> Callable[..., Cuts]:
        def draw(*values: object) -> Cuts:
            cuts = original(*values)  # type: ignore[arg-type]
            drawn[to].append(cuts)
            return cuts

        return draw

    for where, company in (("alone", 0), ("company", 2)):
        monkeypatch.setattr(cutouts, "draw", listening(where))
        renderer = Renderer(pair, CPU, QUICK)
        renderer.add(1, recipe(seed=5, steps=2))
        for other in range(company):
            renderer.add(10 + other, recipe(seed=other, steps=2))
        paint(renderer)
    # Two trials for each job in each step; mine are the first.
    mine = [cuts for i, cuts in enumerate(drawn["company"]) if i % 6 < 2]
    assert len(mine) == len(drawn["alone"]) == 4
    for one, other in zip(drawn["alone"], mine, strict=True):
        assert torch.equal(one.affine, other.affine)
        assert torch.equal(one.noise, other.noise)


def test_the_first_of_four_is_the_one_of_one(pair: Pair, recipe: Recipes) -> None:
    one, four = Renderer(pair, CPU, QUICK), Renderer(pair, CPU, QUICK)
    one.add(1, recipe())
    four.add(1, recipe(count=4))
    pictures = last(paint(four))
    assert len(pictures) == 4
    assert (pictures[0] - last(paint(one))[0]).abs().max() < SAME
    assert (pictures[0] - pictures[1]).abs().max() > SAME


def test_the_nearest_trial_is_painted_on(
    pair: Pair, recipe: Recipes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.synthesis.renderer.TRIAL_STEPS", 3)
    renderer = Renderer(pair, CPU, QUICK)
    renderer.add(1, recipe(count=2, steps=6))
    job = renderer._running[1]
    for _ in range(2):
        (iteration,) = renderer.step()
        assert len(iteration.painted) == 2
        assert len(job.latents) == 4
    second, third = job.generators[1:3]
    before = job.latents.detach().flatten(1)
    job.losses = torch.tensor([0.0, -5.0, -5.0, 0.0])
    renderer.step()
    # The second trial of one picture and the first of the other go on, with their momentum.
    assert job.generators == [second, third]
    assert torch.cdist(job.latents.detach().flatten(1), before).argmin(1).tolist() == [1, 2]
    (moments,) = job.optimiser.state.values()
    assert moments["step"] == 3
    assert moments["exp_avg"].shape == job.latents.shape
    assert moments["exp_avg"].flatten(1).abs().sum(1).min() > 0
    assert paint(renderer)[-1].done


def test_the_trained_pair_paints_what_was_asked(sketch: Pair, recipe: Recipes) -> None:
    renderer = Renderer(sketch, CPU, QUICK)
    asked = recipe("a red circle on a white background", width=64, height=64, steps=40)
    renderer.add(1, asked)
    seen = look(paint(renderer)[-1].pictures()[0])
    assert seen.ground == "white"
    assert seen.figures[0].colour == "red"


def test_every_step_leads_nearer(sketch: Pair, recipe: Recipes) -> None:
    renderer = Renderer(sketch, CPU, QUICK)
    asked = recipe("the sea at sunset", width=64, height=64, steps=25, strength=0)
    renderer.add(1, asked, Image.new("RGB", (64, 64), "gray"))
    iterations = paint(renderer)
    assert iterations[-1].include > iterations[0].include + 0.15


def test_a_removed_job_is_gone_at_once(renderer: Renderer, recipe: Recipes) -> None:
    renderer.add(1, recipe())
    renderer.add(2, recipe())
    renderer.remove(1)
    renderer.remove(1)
    assert renderer.job_ids == {2}
    assert [i.job_id for i in renderer.step()] == [2]


def test_a_row_that_breaks_down_leaves_its_neighbours_alone(
    pair: Pair, recipe: Recipes, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone, company = Renderer(pair, CPU, QUICK), Renderer(pair, CPU, QUICK)
    alone.add(1, recipe())
    company.add(1, recipe())
    company.add(2, recipe(seed=8))
    broken = company._running[2].latents
    with torch.no_grad():
        broken.fill_(float("nan"))
    faults = {i.job_id: i.fault for i in company.step()}
    assert faults[1] is None
    assert faults[2] is not None
    assert company.job_ids == {1}
    assert (last(paint(alone)) - last(paint(company))).abs().max() < SAME


def test_an_initial_picture_is_where_painting_starts(sketch: Pair, recipe: Recipes) -> None:
    renderer = Renderer(sketch, CPU, QUICK)
    renderer.add(1, recipe(), Image.new("RGB", (50, 40), "orange"))
    (iteration,) = renderer.step()
    mean = ImageStat.Stat(iteration.pictures()[0]).mean
    assert mean == pytest.approx((255, 165, 0), abs=25)


def test_strength_holds_on_to_the_initial_picture(sketch: Pair, recipe: Recipes) -> None:
    def drift(strength: float) -> float:
        renderer = Renderer(sketch, CPU, QUICK)
        renderer.add(1, recipe(steps=20, strength=strength), Image.new("RGB", (32, 32), "teal"))
        iterations = paint(renderer)
        return float((iterations[-1].painted - iterations[0].painted).abs().mean())

    assert drift(1.0) < 0.8 * drift(0.0)


def test_sizes_that_do_not_fit_are_refused(renderer: Renderer, recipe: Recipes) -> None:
    with pytest.raises(RecipeRefused, match="multiples of 4"):
        renderer.add(1, recipe(width=34))
    assert renderer.job_ids == frozenset()


def test_prompts_without_a_known_word_are_refused_with_the_known_ones(
    renderer: Renderer, recipe: Recipes
) -> None:
    with pytest.raises(RecipeRefused, match="red"):
        renderer.add(1, recipe("an accordion"))


def test_the_member_is_told_what_was_not_seen(renderer: Renderer, recipe: Recipes) -> None:
    notes = renderer.add(1, recipe("a red accordion " + "circle " * 60, exclude="fog"))
    assert any("accordion" in note and "fog" in note for note in notes)
    assert renderer.add(2, recipe("a red circle")) == []
    long = renderer.add(3, recipe("red " * 80))
    assert any("not seen" in note for note in long)


def test_pictures_show_what_was_painted(renderer: Renderer, recipe: Recipes) -> None:
    renderer.add(1, recipe(width=32, height=48))
    (iteration,) = renderer.step()
    (picture,) = iteration.pictures()
    assert picture.size == (32, 48)
    mean = [value / 255 for value in ImageStat.Stat(picture).mean]
    assert mean == pytest.approx(iteration.painted[0].mean((1, 2)).tolist(), abs=0.01)
