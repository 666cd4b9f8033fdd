"""The renderer: rows that come, go and fail without their neighbours noticing."""

import pickle
from dataclasses import replace
from typing import Any, cast

import pytest
import torch
from PIL import Image, ImageStat

from core.pattern import Tile
from core.recipe import ImagePrompt, Recipe
from engine.models.model import Model
from engine.models.perceptor import Perceptor
from engine.synthesis.checkpoint import Checkpoint, CheckpointError
from engine.synthesis.config import override
from engine.synthesis.output import StepOutput
from engine.synthesis.renderer import Renderer
from engine.synthesis.request import RenderRequest
from engine.synthesis.validation import NoteCode, RecipeRefused, RefusalCode
from tests.engine.synthesis.conftest import CPU, QUICK, Recipes, paint
from training.data.drawing import draw
from training.data.drawn_scenes import Figure, Scene
from training.judges.overlap import look

NAME = "a" * 64

SAME = 0.003
"""How far pixels (0 to 1) may drift in four steps because float32 sums have another order."""


@pytest.fixture
def float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """No bfloat16: its sums depend so much on the size of a batch that four steps show it."""
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)


def last(iterations: list[StepOutput]) -> torch.Tensor:
    return iterations[-1].pixels


def test_a_job_runs_for_its_steps_and_leaves(renderer: Renderer, recipe: Recipes) -> None:
    renderer.add(RenderRequest(1, recipe(steps=3, exclude="watermark | blue:0.5")))
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
    (picture,) = iterations[-1].images()
    assert (picture.mode, picture.size) == ("RGB", (32, 32))


@pytest.mark.slow
def test_the_same_seed_renders_the_same_bytes(model: Model, recipe: Recipes) -> None:
    def picture(seed: int) -> bytes:
        renderer = Renderer(model, CPU, QUICK)
        renderer.add(RenderRequest(1, recipe(seed=seed)))
        return paint(renderer)[-1].images()[0].tobytes()

    assert picture(0) == picture(0)
    assert picture(0) != picture(1)


def test_offloaded_networks_come_back_for_the_next_job(model: Model, recipe: Recipes) -> None:
    renderer = Renderer(model, CPU, QUICK)
    renderer.add(RenderRequest(1, recipe(tile=Tile.BOTH, steps=2)))
    renderer.offload()
    assert not renderer.offloaded  # a job is in it
    first = paint(renderer)[-1].images()[0].tobytes()
    renderer.offload()
    assert renderer.offloaded
    assert len(model.vqgan.decoders) == 1  # copies would stay behind
    renderer.add(RenderRequest(2, recipe(tile=Tile.BOTH, steps=2)))
    assert not renderer.offloaded
    assert paint(renderer, 2)[-1].images()[0].tobytes() == first


def test_outputs_are_of_the_jobs_that_were_there_when_the_step_began(
    model: Model, recipe: Recipes, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed = Renderer(model, CPU, QUICK)
    renderer = Renderer(model, CPU, QUICK)
    for each in (undisturbed, renderer):
        for job_id in (1, 2):
            each.add(RenderRequest(job_id, recipe(seed=job_id)))
    embed = renderer._embed

    def embed_while_jobs_come_and_go(cutouts: Any) -> Any:
        renderer.abort(1)
        renderer.add(RenderRequest(3, recipe(seed=3)))
        return embed(cutouts)

    monkeypatch.setattr(renderer, "_embed", embed_while_jobs_come_and_go)
    outputs = renderer.step()
    assert [output.job_id for output in outputs] == [1, 2]
    for output, expected in zip(outputs, undisturbed.step(), strict=True):
        assert torch.equal(output.pixels, expected.pixels)
    assert renderer.job_ids == {2, 3}


@pytest.mark.usefixtures("float32")
@pytest.mark.slow
def test_a_row_renders_alone_what_it_renders_in_company(model: Model, recipe: Recipes) -> None:
    alone, company = Renderer(model, CPU, QUICK), Renderer(model, CPU, QUICK)
    alone.add(RenderRequest(1, recipe(seed=5)))
    company.add(RenderRequest(2, recipe("a blue star", seed=9, steps=2)))
    company.step()
    company.add(RenderRequest(1, recipe(seed=5)))
    company.add(RenderRequest(3, recipe("a moon", seed=9, width=48, steps=2)))
    drift = (last(paint(alone)) - last(paint(company))).abs().max().item()
    assert drift < SAME


@pytest.mark.slow
@pytest.mark.parametrize("tile", Tile)
def test_the_edges_of_a_tile_meet(sketch: Model, recipe: Recipes, tile: Tile) -> None:
    """A step over the seam is no larger than one elsewhere; enlarging a tile keeps it so."""
    asked = recipe("a landscape at sunset", width=32, height=48, steps=3, tile=tile)
    renderer = Renderer(sketch, CPU, QUICK)
    renderer.add(RenderRequest(1, asked))
    first = paint(renderer)[-1]
    larger = asked.larger(1, 0, 1)
    assert larger.tile is tile
    renderer.add(RenderRequest(2, larger, source=first.checkpoint()))
    for output in (first, paint(renderer, 2)[-1]):
        for axis, joined in ((3, tile.across), (2, tile.down)):
            step = (output.pixels - output.pixels.roll(1, axis)).abs().mean((0, 1, 5 - axis))
            assert not joined or step[0] < 3 * step[1:].max()
            assert not joined or step[0] < 2 * step[1:].mean() + 0.02


@pytest.mark.slow
@pytest.mark.usefixtures("float32")
def test_tiles_and_other_jobs_are_rendered_together(model: Model, recipe: Recipes) -> None:
    alone, company = Renderer(model, CPU, QUICK), Renderer(model, CPU, QUICK)
    alone.add(RenderRequest(1, recipe(tile=Tile.BOTH)))
    company.add(RenderRequest(2, recipe(seed=3)))
    company.add(RenderRequest(1, recipe(tile=Tile.BOTH)))
    company.add(RenderRequest(3, recipe(seed=4, tile=Tile.DOWN)))
    assert (last(paint(alone)) - last(paint(company))).abs().max().item() < SAME


REGIONS = "left: a red circle | right: a blue star"


@pytest.mark.slow
@pytest.mark.usefixtures("float32")
def test_prompts_with_regions_are_rendered_with_other_jobs(model: Model, recipe: Recipes) -> None:
    alone, company = Renderer(model, CPU, QUICK), Renderer(model, CPU, QUICK)
    asked = recipe(REGIONS + " | a white background", width=48, count=2)
    alone.add(RenderRequest(1, asked))
    company.add(RenderRequest(2, recipe(seed=3)))
    company.add(RenderRequest(1, asked))
    assert (last(paint(alone)) - last(paint(company))).abs().max().item() < SAME


def test_a_prompt_with_a_region_is_seen_there_only(model: Model, recipe: Recipes) -> None:
    """Its score does not depend on a pixel outside, and neither does what the pixel is moved by."""
    renderer = Renderer(model, CPU, QUICK)
    renderer.add(RenderRequest(1, recipe(REGIONS)))
    job = renderer._jobs[1]
    images = torch.rand(1, 3, 32, 32, requires_grad=True)
    features = renderer._embed(renderer._make_cutouts([job], [images]))
    for prompt, (inside, outside) in enumerate(
        [(slice(0, 16), slice(16, 32)), (slice(16, 32), slice(0, 16))]
    ):
        score = job.target.similarity(features)[prompt]
        (gradient,) = torch.autograd.grad(score, images, retain_graph=True)
        assert gradient[..., outside].abs().max() == 0
        assert gradient[..., inside].abs().max() > 0


def test_a_story_is_told_from_its_first_scene_to_its_last(model: Model, recipe: Recipes) -> None:
    """It never ends before its last scene, however little there is to gain."""
    impatient = override(
        QUICK, {"schedule.min_patience": 1, "schedule.patience": 0.0, "schedule.min_delta": 9.0}
    )
    renderer = Renderer(model, CPU, impatient)
    story = recipe("a red circle -> a blue star -> the moon", width=16, height=16, steps=12)
    renderer.add(RenderRequest(1, story))
    outputs = paint(renderer)
    present = [[prompt.weight > 0 for prompt in output.prompts] for output in outputs]
    assert present[0] == [True, False, False]
    assert [True, True, False] in present
    assert present[6] == [False, True, False]
    assert present[-1] == [False, False, True]
    assert outputs[-1].step == 11
    assert outputs[0].include == pytest.approx(outputs[0].prompts[0].similarity)
    assert [prompt.weight for prompt in outputs[0].prompts][1:] == [0, 0]
    renderer.add(RenderRequest(2, story.more(1, 0, 1), source=outputs[-1].checkpoint()))
    assert [prompt.weight for prompt in paint(renderer, 2)[0].prompts] == [0, 0, 1]


def test_company_does_not_change_the_random_draws(model: Model, recipe: Recipes) -> None:
    states = []
    for company in (0, 2):
        renderer = Renderer(model, CPU, QUICK)
        renderer.add(RenderRequest(1, recipe(seed=5, steps=3)))
        for other in range(company):
            renderer.add(RenderRequest(10 + other, recipe(seed=other, steps=3)))
        renderer.step()
        output = renderer.step()[0]
        assert output.job_id == 1
        states.append(output.checkpoint().rng_states)
    assert torch.equal(*states)


def test_a_step_that_ran_out_of_memory_changes_nothing(model: Model, recipe: Recipes) -> None:
    undisturbed = Renderer(model, CPU, QUICK)
    undisturbed.add(RenderRequest(1, recipe(steps=3)))

    class Forgetful:
        """A perceptor that runs out of memory once."""

        failed = False

        def __getattr__(self, name: str) -> Any:
            return getattr(model.perceptor, name)

        def embed_images(self, cutouts: torch.Tensor) -> torch.Tensor:
            if not self.failed:
                self.failed = True
                raise MemoryError
            return model.perceptor.embed_images(cutouts)

    retried = Renderer(model, CPU, QUICK)
    retried.add(RenderRequest(1, recipe(steps=3)))
    retried.step()
    retried.model = replace(model, perceptor=cast(Perceptor, Forgetful()))
    with pytest.raises(MemoryError):
        retried.step()
    assert torch.equal(last(paint(undisturbed)), last(paint(retried)))


@pytest.mark.usefixtures("float32")
@pytest.mark.slow
def test_the_first_of_four_is_the_one_of_one(model: Model, recipe: Recipes) -> None:
    one, four = Renderer(model, CPU, QUICK), Renderer(model, CPU, QUICK)
    one.add(RenderRequest(1, recipe()))
    four.add(RenderRequest(1, recipe(count=4)))
    pictures = last(paint(four))
    assert len(pictures) == 4
    assert (pictures[0] - last(paint(one))[0]).abs().max() < SAME
    assert (pictures[0] - pictures[1]).abs().max() > SAME


def test_an_image_is_rendered_from_coarse_to_fine(model: Model, recipe: Recipes) -> None:
    renderer = Renderer(model, CPU, QUICK)
    renderer.add(RenderRequest(1, recipe(width=96, height=64, steps=6)))
    job = renderer._jobs[1]
    shapes = []
    while renderer.job_ids:
        (iteration,) = renderer.step()
        shapes.append(tuple(iteration.pixels.shape[2:]))
        assert iteration.images()[0].size == (96, 64)
        if iteration.step == 3:
            assert job.moments["exp_avg"].shape == job.latents.shape
            assert job.moments["exp_avg"].abs().sum() > 0
    assert shapes == 3 * [(32, 48)] + 3 * [(64, 96)]


@pytest.mark.slow
def test_a_saved_job_goes_on_to_the_very_same_image(model: Model, recipe: Recipes) -> None:
    asked = recipe(width=64, height=64, steps=8, count=2)
    renderer = Renderer(model, CPU, QUICK)
    renderer.add(RenderRequest(1, asked))
    kept = {}
    while renderer.job_ids:
        (iteration,) = renderer.step()
        kept[iteration.step] = iteration.checkpoint().to_bytes()
    for crash in (2, 4, 6):
        resumed = Renderer(model, CPU, QUICK)
        resumed.add(RenderRequest(1, asked, resume_from=Checkpoint.from_bytes(kept[crash])))
        again = paint(resumed)
        assert len(again) == 8 - crash
        assert torch.equal(again[-1].pixels, iteration.pixels)


def test_the_state_of_another_image_is_refused(model: Model, recipe: Recipes) -> None:
    renderer = Renderer(model, CPU, QUICK)
    renderer.add(RenderRequest(1, recipe(width=48)))
    (iteration,) = renderer.step()
    with pytest.raises(CheckpointError, match="another recipe"):
        renderer.add(RenderRequest(2, recipe(), resume_from=iteration.checkpoint()))
    assert renderer.job_ids == {1}


def finished(model: Model, asked: Recipe) -> StepOutput:
    renderer = Renderer(model, CPU, QUICK)
    renderer.add(RenderRequest(1, asked))
    return paint(renderer)[-1]


def test_more_steps_go_on_from_an_earlier_image(model: Model, recipe: Recipes) -> None:
    asked = recipe(count=2)
    before = finished(model, asked)
    renderer = Renderer(model, CPU, QUICK)
    renderer.add(RenderRequest(2, asked.more(1, row=1, steps=3), source=before.checkpoint()))
    iterations = paint(renderer, 2)
    assert len(iterations) == 3
    gone_on = iterations[0].pixels[0]
    assert (gone_on - before.pixels[1]).abs().mean() < 0.5 * (
        gone_on - before.pixels[0]
    ).abs().mean()


def test_steps_add_up_along_a_chain(model: Model, recipe: Recipes) -> None:
    asked = recipe(steps=3)
    output = finished(model, asked)
    for job_id in (2, 3):
        renderer = Renderer(model, CPU, QUICK)
        more = asked.more(job_id - 1, row=0, steps=3)
        renderer.add(RenderRequest(job_id, more, source=output.checkpoint()))
        output = paint(renderer, job_id)[-1]
    assert output.checkpoint().prior_steps == 6


def test_a_job_resumes_without_its_source(model: Model, recipe: Recipes) -> None:
    asked = recipe(steps=3)
    source = finished(model, asked).checkpoint()
    more = asked.more(1, row=0, steps=3)
    renderer = Renderer(model, CPU, QUICK)
    renderer.add(RenderRequest(2, more, source=source))
    (first,) = renderer.step()
    interrupted = Checkpoint.from_bytes(first.checkpoint().to_bytes())
    resumed = Renderer(model, CPU, QUICK)
    resumed.add(RenderRequest(2, more, resume_from=interrupted))
    assert torch.equal(last(paint(resumed, 2)), last(paint(renderer, 2)))


@pytest.mark.slow
def test_larger_has_the_same_composition_at_twice_the_size(sketch: Model, recipe: Recipes) -> None:
    asked = recipe("a red circle on a white background", steps=30)
    before = finished(sketch, asked)
    renderer = Renderer(sketch, CPU, QUICK)
    renderer.add(RenderRequest(2, asked.larger(1, row=0, steps=2), source=before.checkpoint()))
    (first, _) = paint(renderer, 2)
    assert first.pixels.shape == (1, 3, 64, 64)
    small = torch.nn.functional.avg_pool2d(first.pixels, 2)
    assert (small - before.pixels).abs().mean() < 0.1


@pytest.mark.slow
def test_variations_differ_from_their_source_and_from_each_other(
    sketch: Model, recipe: Recipes
) -> None:
    asked = recipe("a red circle on a white background", steps=10)
    before = finished(sketch, asked)
    renderer = Renderer(sketch, CPU, QUICK)
    renderer.add(
        RenderRequest(2, asked.vary(1, row=0, seed=5, count=3), source=before.checkpoint())
    )
    pictures = torch.cat([before.pixels, last(paint(renderer, 2))]).flatten(1)
    assert len(pictures) == 4
    distances = torch.cdist(pictures, pictures, p=1) / pictures.shape[1]
    assert (distances + torch.eye(4)).min() > 0.01


def test_a_missing_source_is_refused(model: Model, recipe: Recipes) -> None:
    asked = recipe().more(1, row=0, steps=3)
    with pytest.raises(RecipeRefused) as refused:
        Renderer(model, CPU, QUICK).add(RenderRequest(2, asked))
    assert refused.value.code is RefusalCode.NO_SOURCE


def test_a_stopped_job_keeps_what_is_there(renderer: Renderer, recipe: Recipes) -> None:
    renderer.add(RenderRequest(1, recipe(steps=100)))
    renderer.step()
    renderer.finish_early(1)
    (iteration,) = renderer.step()
    assert (iteration.step, iteration.done, iteration.fault) == (2, True, None)
    assert renderer.job_ids == frozenset()
    assert iteration.checkpoint().latents is not None


def test_a_job_ends_when_nothing_improves_any_more(model: Model, recipe: Recipes) -> None:
    renderer = Renderer(
        model, CPU, override(QUICK, {"schedule.min_patience": 3, "schedule.patience": 0.01})
    )
    renderer.add(RenderRequest(1, recipe(steps=100)))
    renderer.step()
    renderer._jobs[1].best = -2.0, 1  # no loss is so low
    iterations = paint(renderer)
    assert [i.step for i in iterations] == [2, 3, 4]
    assert iterations[-1].done


def test_a_job_ends_once_its_image_is_similar_enough(model: Model, recipe: Recipes) -> None:
    values = {"schedule.check_every": 2, "schedule.sufficient_loss": 9.0}
    renderer = Renderer(model, CPU, override(QUICK, values))
    asked = recipe(steps=6)
    renderer.add(RenderRequest(1, asked))
    (_, second) = paint(renderer)
    assert (second.step, second.done) == (2, True)
    more = asked.more(1, 0, 6)
    renderer.add(RenderRequest(1, more, source=second.checkpoint()))
    assert len(paint(renderer)) == 6, "more steps are taken if a member asks for them"


@pytest.mark.slow
def test_no_job_ends_while_its_image_is_small(model: Model, recipe: Recipes) -> None:
    renderer = Renderer(
        model, CPU, override(QUICK, {"schedule.min_patience": 2, "schedule.patience": 0.0})
    )
    renderer.add(RenderRequest(1, recipe(width=64, height=64, steps=12)))
    renderer.step()
    renderer._jobs[1].best = -2.0, 1  # no loss is so low
    iterations = paint(renderer)
    assert iterations[-1].pixels.shape[2:] == (64, 64)
    assert iterations[-1].step >= 6 + 2


@pytest.mark.slow
def test_an_image_can_be_the_only_prompt(sketch: Model, recipe: Recipes) -> None:
    liked = ImagePrompt("a" * 64)
    asked = recipe("", include_images=[liked], steps=30)
    renderer = Renderer(sketch, CPU, QUICK)
    star = draw(Scene((Figure("star", "blue", 0.5, 0.5, 0.3),), "yellow"))
    renderer.add(RenderRequest(1, asked, {liked.name: star}))
    seen = look(paint(renderer)[-1].images()[0])
    assert (seen.ground, seen.figures[0].colour) == ("yellow", "blue")


@pytest.mark.slow
def test_the_trained_pair_renders_what_was_asked(sketch: Model, recipe: Recipes) -> None:
    renderer = Renderer(sketch, CPU, QUICK)
    asked = recipe("a red circle on a white background", width=64, height=64, steps=40)
    renderer.add(RenderRequest(1, asked))
    seen = look(paint(renderer)[-1].images()[0])
    assert seen.ground == "white"
    assert seen.figures[0].colour == "red"


@pytest.mark.slow
def test_every_step_leads_nearer(sketch: Model, recipe: Recipes) -> None:
    renderer = Renderer(sketch, CPU, QUICK)
    asked = recipe("the sea at sunset", width=64, height=64, steps=25, strength=0, initial=NAME)
    renderer.add(RenderRequest(1, asked, {NAME: Image.new("RGB", (64, 64), "gray")}))
    iterations = paint(renderer)
    assert iterations[-1].include > iterations[0].include + 0.15


def test_a_removed_job_is_gone_at_once(renderer: Renderer, recipe: Recipes) -> None:
    renderer.add(RenderRequest(1, recipe()))
    renderer.add(RenderRequest(2, recipe()))
    renderer.abort(1)
    renderer.abort(1)
    assert renderer.job_ids == {2}
    assert [i.job_id for i in renderer.step()] == [2]


@pytest.mark.slow
def test_a_row_that_breaks_down_leaves_its_neighbours_alone(model: Model, recipe: Recipes) -> None:
    alone, company = Renderer(model, CPU, QUICK), Renderer(model, CPU, QUICK)
    alone.add(RenderRequest(1, recipe()))
    company.add(RenderRequest(1, recipe()))
    company.add(RenderRequest(2, recipe(seed=8, steps=2)))
    broken = company._jobs[2].latents
    with torch.no_grad():
        broken.fill_(float("nan"))
    company.step()
    faults = {i.job_id: i.fault for i in company.step()}
    assert faults[1] is None
    assert faults[2] is not None
    assert company.job_ids == {1}
    assert (last(paint(alone)) - last(paint(company))).abs().max() < SAME


def test_an_initial_image_is_where_rendering_starts(sketch: Model, recipe: Recipes) -> None:
    renderer = Renderer(sketch, CPU, QUICK)
    renderer.add(
        RenderRequest(1, recipe(initial=NAME), {NAME: Image.new("RGB", (50, 40), "orange")})
    )
    (iteration,) = renderer.step()
    mean = ImageStat.Stat(iteration.images()[0]).mean
    assert mean == pytest.approx((255, 165, 0), abs=25)


@pytest.mark.slow
def test_strength_holds_on_to_the_initial_image(sketch: Model, recipe: Recipes) -> None:
    def drift(strength: float) -> float:
        renderer = Renderer(sketch, CPU, QUICK)
        asked = recipe(steps=20, strength=strength, initial=NAME)
        renderer.add(RenderRequest(1, asked, {NAME: Image.new("RGB", (32, 32), "teal")}))
        iterations = paint(renderer)
        return float((iterations[-1].pixels - iterations[0].pixels).abs().mean())

    assert drift(1.0) < 0.8 * drift(0.0)


def test_sizes_that_do_not_fit_are_refused(renderer: Renderer, recipe: Recipes) -> None:
    with pytest.raises(RecipeRefused) as refused:
        renderer.add(RenderRequest(1, recipe(width=34)))
    assert refused.value.code is RefusalCode.SIZE
    assert refused.value.params == {"size": "34x32", "model": "sketch", "factor": 4}
    assert renderer.job_ids == frozenset()


def test_prompts_without_a_known_word_are_refused_with_the_known_ones(
    renderer: Renderer, recipe: Recipes
) -> None:
    with pytest.raises(RecipeRefused) as refused:
        renderer.add(RenderRequest(1, recipe("an accordion")))
    assert refused.value.code is RefusalCode.NO_KNOWN_WORD
    assert "red" in str(refused.value.params["words"]).split(", ")


def test_a_refusal_survives_its_way_between_processes() -> None:
    refused = RecipeRefused(RefusalCode.NO_SOURCE, {"size": "1x1"})
    again = pickle.loads(pickle.dumps(refused))
    assert (again.code, again.params) == (refused.code, refused.params)


def test_words_that_are_ignored_are_noted(renderer: Renderer, recipe: Recipes) -> None:
    notes = renderer.add(RenderRequest(1, recipe("a red accordion " + "circle " * 60, "fog")))
    params = {note.code: note.params for note in notes}
    assert params[NoteCode.UNKNOWN_WORDS] == {"model": "sketch", "words": "accordion, fog"}
    assert renderer.add(RenderRequest(2, recipe("a red circle"))) == []
    (long,) = renderer.add(RenderRequest(3, recipe("red " * 80)))
    assert long.code is NoteCode.TRUNCATED_WORDS


def test_outputs_can_be_sent_to_another_process(renderer: Renderer, recipe: Recipes) -> None:
    renderer.add(RenderRequest(1, recipe(exclude="blue")))
    (output,) = renderer.step()
    before = output.checkpoint()
    host = output.to_host()
    renderer.step()
    sent = pickle.loads(pickle.dumps(host))
    assert [image.tobytes() for image in sent.images()] == [
        image.tobytes() for image in output.images()
    ]
    assert sent.prompts == output.prompts
    assert sent.checkpoint().to_bytes() == before.to_bytes()


def test_images_show_what_was_rendered(renderer: Renderer, recipe: Recipes) -> None:
    renderer.add(RenderRequest(1, recipe(width=32, height=48)))
    (iteration,) = renderer.step()
    (picture,) = iteration.images()
    assert picture.size == (32, 48)
    mean = [value / 255 for value in ImageStat.Stat(picture).mean]
    assert mean == pytest.approx(iteration.pixels[0].mean((1, 2)).tolist(), abs=0.01)
