"""The renderer: jobs that join, leave and fail without affecting each other."""

import math
import pickle
from dataclasses import replace
from typing import Any, cast

import pytest
import torch
from PIL import Image, ImageStat

from core.pattern import Symmetry, Tile
from core.recipe import ImagePrompt, Recipe
from engine.models.model import Model
from engine.models.perceptor import Perceptor
from engine.synthesis.checkpoint import Checkpoint, CheckpointError
from engine.synthesis.config import override
from engine.synthesis.output import StepOutput
from engine.synthesis.renderer import Renderer
from engine.synthesis.request import RenderRequest
from engine.synthesis.validation import NoteCode, RecipeRefused, RefusalCode
from tests.engine.synthesis.conftest import CPU, QUICK, RecipeFactory, run_job
from training.data.drawing import draw
from training.data.drawn_scenes import Figure, Scene
from training.judges.overlap import analyse

NAME = "a" * 64

TOLERANCE = 0.003
"""How far pixels (0 to 1) may differ after four steps, because sums have another order."""


@pytest.fixture
def float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """Disables bfloat16, whose sums depend on the batch size so much that four steps show it."""
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)


def final_pixels(outputs: list[StepOutput]) -> torch.Tensor:
    return outputs[-1].pixels


def test_a_job_runs_for_its_steps_and_leaves(
    renderer: Renderer, make_recipe: RecipeFactory
) -> None:
    renderer.add(RenderRequest(1, make_recipe(steps=3, exclude="watermark | blue:0.5")))
    outputs = run_job(renderer)
    assert [(output.step, output.steps, output.done) for output in outputs] == [
        (1, 3, False),
        (2, 3, False),
        (3, 3, True),
    ]
    assert renderer.step() == []
    weights = [prompt.weight for prompt in outputs[0].prompts]
    assert weights == pytest.approx([1.0, -1.0, -0.5])
    similarities = [prompt.similarity for prompt in outputs[0].prompts]
    assert outputs[0].include == pytest.approx(similarities[0])
    assert outputs[0].exclude == pytest.approx((similarities[1] + 0.5 * similarities[2]) / 1.5)
    (image,) = outputs[-1].images()
    assert (image.mode, image.size) == ("RGB", (32, 32))


@pytest.mark.slow
def test_the_same_seed_renders_the_same_bytes(model: Model, make_recipe: RecipeFactory) -> None:
    def image_bytes(seed: int) -> bytes:
        renderer = Renderer(model, CPU, QUICK)
        renderer.add(RenderRequest(1, make_recipe(seed=seed)))
        return run_job(renderer)[-1].images()[0].tobytes()

    assert image_bytes(0) == image_bytes(0)
    assert image_bytes(0) != image_bytes(1)


def test_offloaded_networks_are_reloaded_for_the_next_job(
    model: Model, make_recipe: RecipeFactory
) -> None:
    renderer = Renderer(model, CPU, QUICK)
    renderer.add(RenderRequest(1, make_recipe(tile=Tile.BOTH, steps=2)))
    renderer.offload()
    assert not renderer.offloaded  # it has a job
    first = run_job(renderer)[-1].images()[0].tobytes()
    renderer.offload()
    assert renderer.offloaded
    assert len(model.vqgan.decoders) == 1  # copies would not be offloaded
    renderer.add(RenderRequest(2, make_recipe(tile=Tile.BOTH, steps=2)))
    assert not renderer.offloaded
    assert run_job(renderer, 2)[-1].images()[0].tobytes() == first


def test_outputs_are_of_the_jobs_that_were_there_when_the_step_started(
    model: Model, make_recipe: RecipeFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed = Renderer(model, CPU, QUICK)
    renderer = Renderer(model, CPU, QUICK)
    for each in (undisturbed, renderer):
        for job_id in (1, 2):
            each.add(RenderRequest(job_id, make_recipe(seed=job_id)))
    embed = renderer._embed

    def embed_while_jobs_come_and_go(cutouts: Any) -> Any:
        renderer.abort(1)
        renderer.add(RenderRequest(3, make_recipe(seed=3)))
        return embed(cutouts)

    monkeypatch.setattr(renderer, "_embed", embed_while_jobs_come_and_go)
    outputs = renderer.step()
    assert [output.job_id for output in outputs] == [1, 2]
    for output, expected in zip(outputs, undisturbed.step(), strict=True):
        assert torch.equal(output.pixels, expected.pixels)
    assert renderer.job_ids == {2, 3}


def test_a_preview_shows_what_a_job_starts_from_and_changes_nothing(
    model: Model, make_recipe: RecipeFactory
) -> None:
    watched, unwatched = Renderer(model, CPU, QUICK), Renderer(model, CPU, QUICK)
    for each in (watched, unwatched):
        each.add(RenderRequest(1, make_recipe(count=2)))
    preview = watched.preview(1)
    assert (preview.step, preview.done, preview.steps_left) == (0, False, 4)
    assert preview.cost > 0
    assert preview.pixels.shape == (2, 3, 32, 32)
    assert math.isnan(preview.include)
    assert [image.size for image in preview.images()] == [(32, 32)] * 2
    ends = [run_job(each)[-1].pixels for each in (watched, unwatched)]
    assert torch.equal(ends[0], ends[1])


def test_a_job_stays_close_to_the_images_it_starts_from(
    sketch: Model, make_recipe: RecipeFactory
) -> None:
    """The more, the higher the weight. After a restart it does, too, with the same image."""
    recipe, distances = make_recipe(steps=8, count=2), []
    for weight in (0.0, 100.0):
        renderer = Renderer(sketch, CPU, override(QUICK, {"loss.start_weight": weight}))
        renderer.add(RenderRequest(1, recipe))
        first = renderer.preview(1).pixels
        middle = [renderer.step()[0] for _ in range(3)][-1].checkpoint()
        last = run_job(renderer)[-1].pixels
        distances.append((last - first).abs().mean())
        renderer.add(RenderRequest(1, recipe, resume_from=middle))
        assert not torch.equal(renderer.preview(1).pixels, first), (
            "a preview goes back to the start"
        )
        assert torch.equal(run_job(renderer)[-1].pixels, last)
    assert distances[1] < 0.8 * distances[0]


@pytest.mark.parametrize(
    ("prompt", "options"),
    [
        ("a red circle", {"tile": Tile.BOTH}),
        ("a red circle", {"palette": ("#ff0000", "#ffffff")}),
        ("a red circle", {"symmetry": Symmetry.LEFT_RIGHT}),
        ("a red circle -> a blue star", {}),
    ],
)
def test_an_image_that_becomes_another_one_does_not_stay_close_to_its_start(
    model: Model, make_recipe: RecipeFactory, prompt: str, options: dict[str, Any]
) -> None:
    renderer = Renderer(model, CPU, override(QUICK, {"loss.start_weight": 1.0}))
    renderer.add(RenderRequest(1, make_recipe(prompt, **options)))
    assert renderer._jobs[1].start_images is None


def test_a_preview_after_a_step_shows_what_the_next_step_decodes(
    renderer: Renderer, make_recipe: RecipeFactory
) -> None:
    renderer.add(RenderRequest(1, make_recipe(steps=6)))
    renderer.step()
    preview = renderer.preview(1)
    (output,) = renderer.step()
    assert preview.step == 1
    assert (preview.pixels - output.pixels).abs().max() < TOLERANCE


@pytest.mark.usefixtures("float32")
@pytest.mark.slow
def test_a_job_renders_the_same_image_alone_and_in_a_batch(
    model: Model, make_recipe: RecipeFactory
) -> None:
    alone, batched = Renderer(model, CPU, QUICK), Renderer(model, CPU, QUICK)
    alone.add(RenderRequest(1, make_recipe(seed=5)))
    batched.add(RenderRequest(2, make_recipe("a blue star", seed=9, steps=2)))
    batched.step()
    batched.add(RenderRequest(1, make_recipe(seed=5)))
    batched.add(RenderRequest(3, make_recipe("a moon", seed=9, width=48, steps=2)))
    drift = (final_pixels(run_job(alone)) - final_pixels(run_job(batched))).abs().max().item()
    assert drift < TOLERANCE


@pytest.mark.slow
@pytest.mark.parametrize("tile", Tile)
def test_the_edges_of_a_tile_meet(sketch: Model, make_recipe: RecipeFactory, tile: Tile) -> None:
    """Pixels differ across the seam no more than elsewhere, even in the enlarged image."""
    recipe = make_recipe("a landscape at sunset", width=32, height=48, steps=3, tile=tile)
    renderer = Renderer(sketch, CPU, QUICK)
    renderer.add(RenderRequest(1, recipe))
    first = run_job(renderer)[-1]
    larger = recipe.upscale(1, 0, 1)
    assert larger.tile is tile
    renderer.add(RenderRequest(2, larger, source=first.checkpoint()))
    for output in (first, run_job(renderer, 2)[-1]):
        for axis, joined in ((3, tile.across), (2, tile.down)):
            step = (output.pixels - output.pixels.roll(1, axis)).abs().mean((0, 1, 5 - axis))
            assert not joined or step[0] < 3 * step[1:].max()
            assert not joined or step[0] < 2 * step[1:].mean() + 0.02


@pytest.mark.slow
@pytest.mark.usefixtures("float32")
def test_tiles_and_other_jobs_are_rendered_together(
    model: Model, make_recipe: RecipeFactory
) -> None:
    alone, batched = Renderer(model, CPU, QUICK), Renderer(model, CPU, QUICK)
    alone.add(RenderRequest(1, make_recipe(tile=Tile.BOTH)))
    batched.add(RenderRequest(2, make_recipe(seed=3)))
    batched.add(RenderRequest(1, make_recipe(tile=Tile.BOTH)))
    batched.add(RenderRequest(3, make_recipe(seed=4, tile=Tile.DOWN)))
    assert (
        final_pixels(run_job(alone)) - final_pixels(run_job(batched))
    ).abs().max().item() < TOLERANCE


REGIONS = "left: a red circle | right: a blue star"


@pytest.mark.slow
@pytest.mark.usefixtures("float32")
def test_prompts_with_regions_are_rendered_with_other_jobs(
    model: Model, make_recipe: RecipeFactory
) -> None:
    alone, batched = Renderer(model, CPU, QUICK), Renderer(model, CPU, QUICK)
    recipe = make_recipe(REGIONS + " | a white background", width=48, count=2)
    alone.add(RenderRequest(1, recipe))
    batched.add(RenderRequest(2, make_recipe(seed=3)))
    batched.add(RenderRequest(1, recipe))
    assert (
        final_pixels(run_job(alone)) - final_pixels(run_job(batched))
    ).abs().max().item() < TOLERANCE


def test_a_prompt_with_a_region_counts_only_there(model: Model, make_recipe: RecipeFactory) -> None:
    """Its score depends on pixels of the region alone, and so only they get a gradient."""
    renderer = Renderer(model, CPU, QUICK)
    renderer.add(RenderRequest(1, make_recipe(REGIONS)))
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


def test_a_story_goes_from_its_first_scene_to_its_last(
    model: Model, make_recipe: RecipeFactory
) -> None:
    """It never ends before its last scene, however little the loss improves."""
    impatient = override(
        QUICK, {"schedule.min_patience": 1, "schedule.patience": 0.0, "schedule.min_delta": 9.0}
    )
    renderer = Renderer(model, CPU, impatient)
    story = make_recipe("a red circle -> a blue star -> the moon", width=16, height=16, steps=12)
    renderer.add(RenderRequest(1, story))
    outputs = run_job(renderer)
    present = [[prompt.weight > 0 for prompt in output.prompts] for output in outputs]
    assert present[0] == [True, False, False]
    assert [True, True, False] in present
    assert present[6] == [False, True, False]
    assert present[-1] == [False, False, True]
    assert outputs[-1].step == 11
    assert outputs[0].include == pytest.approx(outputs[0].prompts[0].similarity)
    assert [prompt.weight for prompt in outputs[0].prompts][1:] == [0, 0]
    renderer.add(RenderRequest(2, story.continue_from(1, 0, 1), source=outputs[-1].checkpoint()))
    assert [prompt.weight for prompt in run_job(renderer, 2)[0].prompts] == [0, 0, 1]


def test_other_jobs_do_not_change_the_random_numbers_of_a_job(
    model: Model, make_recipe: RecipeFactory
) -> None:
    states = []
    for others in (0, 2):
        renderer = Renderer(model, CPU, QUICK)
        renderer.add(RenderRequest(1, make_recipe(seed=5, steps=3)))
        for other in range(others):
            renderer.add(RenderRequest(10 + other, make_recipe(seed=other, steps=3)))
        renderer.step()
        output = renderer.step()[0]
        assert output.job_id == 1
        states.append(output.checkpoint().rng_states)
    assert torch.equal(*states)


def test_a_step_that_runs_out_of_memory_changes_nothing(
    model: Model, make_recipe: RecipeFactory
) -> None:
    undisturbed = Renderer(model, CPU, QUICK)
    undisturbed.add(RenderRequest(1, make_recipe(steps=3)))

    class FailsOnce:
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
    retried.add(RenderRequest(1, make_recipe(steps=3)))
    retried.step()
    retried.model = replace(model, perceptor=cast(Perceptor, FailsOnce()))
    with pytest.raises(MemoryError):
        retried.step()
    assert torch.equal(final_pixels(run_job(undisturbed)), final_pixels(run_job(retried)))


@pytest.mark.usefixtures("float32")
@pytest.mark.slow
def test_the_first_of_four_images_is_the_same_as_a_single_one(
    model: Model, make_recipe: RecipeFactory
) -> None:
    one, four = Renderer(model, CPU, QUICK), Renderer(model, CPU, QUICK)
    one.add(RenderRequest(1, make_recipe()))
    four.add(RenderRequest(1, make_recipe(count=4)))
    images = final_pixels(run_job(four))
    assert len(images) == 4
    assert (images[0] - final_pixels(run_job(one))[0]).abs().max() < TOLERANCE
    assert (images[0] - images[1]).abs().max() > TOLERANCE


def test_an_image_is_rendered_from_coarse_to_fine(model: Model, make_recipe: RecipeFactory) -> None:
    renderer = Renderer(model, CPU, QUICK)
    renderer.add(RenderRequest(1, make_recipe(width=96, height=64, steps=6)))
    job = renderer._jobs[1]
    shapes = []
    while renderer.job_ids:
        (output,) = renderer.step()
        shapes.append(tuple(output.pixels.shape[2:]))
        assert output.images()[0].size == (96, 64)
        if output.step == 3:
            assert job.moments["exp_avg"].shape == job.latents.shape
            assert job.moments["exp_avg"].abs().sum() > 0
    assert shapes == 3 * [(32, 48)] + 3 * [(64, 96)]


@pytest.mark.slow
def test_a_job_that_resumes_from_a_checkpoint_renders_the_same_image(
    model: Model, make_recipe: RecipeFactory
) -> None:
    recipe = make_recipe(width=64, height=64, steps=8, count=2)
    renderer = Renderer(model, CPU, QUICK)
    renderer.add(RenderRequest(1, recipe))
    checkpoints = {}
    while renderer.job_ids:
        (output,) = renderer.step()
        checkpoints[output.step] = output.checkpoint().to_bytes()
    for crash in (2, 4, 6):
        resumed = Renderer(model, CPU, QUICK)
        resumed.add(RenderRequest(1, recipe, resume_from=Checkpoint.from_bytes(checkpoints[crash])))
        outputs = run_job(resumed)
        assert len(outputs) == 8 - crash
        assert torch.equal(outputs[-1].pixels, output.pixels)


def test_a_checkpoint_of_another_recipe_is_refused(
    model: Model, make_recipe: RecipeFactory
) -> None:
    renderer = Renderer(model, CPU, QUICK)
    renderer.add(RenderRequest(1, make_recipe(width=48)))
    (output,) = renderer.step()
    with pytest.raises(CheckpointError, match="another recipe"):
        renderer.add(RenderRequest(2, make_recipe(), resume_from=output.checkpoint()))
    assert renderer.job_ids == {1}


def render(model: Model, recipe: Recipe) -> StepOutput:
    renderer = Renderer(model, CPU, QUICK)
    renderer.add(RenderRequest(1, recipe))
    return run_job(renderer)[-1]


def test_more_steps_continue_an_earlier_image(model: Model, make_recipe: RecipeFactory) -> None:
    recipe = make_recipe(count=2)
    before = render(model, recipe)
    renderer = Renderer(model, CPU, QUICK)
    renderer.add(
        RenderRequest(2, recipe.continue_from(1, row=1, steps=3), source=before.checkpoint())
    )
    outputs = run_job(renderer, 2)
    assert len(outputs) == 3
    continued = outputs[0].pixels[0]
    assert (continued - before.pixels[1]).abs().mean() < 0.5 * (
        continued - before.pixels[0]
    ).abs().mean()


def test_steps_add_up_along_a_chain(model: Model, make_recipe: RecipeFactory) -> None:
    recipe = make_recipe(steps=3)
    output = render(model, recipe)
    for job_id in (2, 3):
        renderer = Renderer(model, CPU, QUICK)
        more = recipe.continue_from(job_id - 1, row=0, steps=3)
        renderer.add(RenderRequest(job_id, more, source=output.checkpoint()))
        output = run_job(renderer, job_id)[-1]
    assert output.checkpoint().prior_steps == 6


def test_a_job_resumes_without_its_source(model: Model, make_recipe: RecipeFactory) -> None:
    recipe = make_recipe(steps=3)
    source = render(model, recipe).checkpoint()
    more = recipe.continue_from(1, row=0, steps=3)
    renderer = Renderer(model, CPU, QUICK)
    renderer.add(RenderRequest(2, more, source=source))
    (first,) = renderer.step()
    interrupted = Checkpoint.from_bytes(first.checkpoint().to_bytes())
    resumed = Renderer(model, CPU, QUICK)
    resumed.add(RenderRequest(2, more, resume_from=interrupted))
    assert torch.equal(final_pixels(run_job(resumed, 2)), final_pixels(run_job(renderer, 2)))


@pytest.mark.slow
def test_a_larger_image_has_the_same_composition_at_twice_the_size(
    sketch: Model, make_recipe: RecipeFactory
) -> None:
    recipe = make_recipe("a red circle on a white background", steps=30)
    before = render(sketch, recipe)
    renderer = Renderer(sketch, CPU, QUICK)
    renderer.add(RenderRequest(2, recipe.upscale(1, row=0, steps=2), source=before.checkpoint()))
    (first, _) = run_job(renderer, 2)
    assert first.pixels.shape == (1, 3, 64, 64)
    small = torch.nn.functional.avg_pool2d(first.pixels, 2)
    assert (small - before.pixels).abs().mean() < 0.1


@pytest.mark.slow
def test_variations_differ_from_their_source_and_from_each_other(
    sketch: Model, make_recipe: RecipeFactory
) -> None:
    recipe = make_recipe("a red circle on a white background", steps=10)
    before = render(sketch, recipe)
    renderer = Renderer(sketch, CPU, QUICK)
    renderer.add(
        RenderRequest(2, recipe.vary(1, row=0, seed=5, count=3), source=before.checkpoint())
    )
    images = torch.cat([before.pixels, final_pixels(run_job(renderer, 2))]).flatten(1)
    assert len(images) == 4
    distances = torch.cdist(images, images, p=1) / images.shape[1]
    assert (distances + torch.eye(4)).min() > 0.01


def test_a_missing_source_is_refused(model: Model, make_recipe: RecipeFactory) -> None:
    recipe = make_recipe().continue_from(1, row=0, steps=3)
    with pytest.raises(RecipeRefused) as refused:
        Renderer(model, CPU, QUICK).add(RenderRequest(2, recipe))
    assert refused.value.code is RefusalCode.NO_SOURCE


def test_a_job_that_finishes_early_keeps_its_image(
    renderer: Renderer, make_recipe: RecipeFactory
) -> None:
    renderer.add(RenderRequest(1, make_recipe(steps=100)))
    renderer.step()
    renderer.finish_early(1)
    (output,) = renderer.step()
    assert (output.step, output.done, output.fault) == (2, True, None)
    assert renderer.job_ids == frozenset()
    assert output.checkpoint().latents is not None


def test_a_job_ends_when_its_loss_no_longer_improves(
    model: Model, make_recipe: RecipeFactory
) -> None:
    renderer = Renderer(
        model, CPU, override(QUICK, {"schedule.min_patience": 3, "schedule.patience": 0.01})
    )
    renderer.add(RenderRequest(1, make_recipe(steps=100)))
    renderer.step()
    renderer._jobs[1].best = -2.0, 1  # lower than any loss
    outputs = run_job(renderer)
    assert [output.step for output in outputs] == [2, 3, 4]
    assert outputs[-1].done


@pytest.mark.parametrize(
    ("missing", "steps"), [(-0.3, 4), (0.0, 4), (0.049, 6), (0.051, 7), (9.0, 12), (math.nan, 12)]
)
def test_the_first_loss_decides_how_many_steps_a_job_takes(
    model: Model, make_recipe: RecipeFactory, missing: float, steps: int
) -> None:
    """They are known from then on, and after a restart too, however the loss develops."""
    values = {"schedule.gain_per_step": 0.01, "schedule.min_steps": 4}
    renderer = Renderer(model, CPU, override(QUICK, values | {"schedule.sufficient_loss": 0.5}))
    recipe = make_recipe(steps=12)
    renderer.add(RenderRequest(1, recipe))
    renderer.step()
    renderer._jobs[1].first_loss = 0.5 + missing
    (second,) = renderer.step()
    assert second.steps_left == steps - 2
    resumed = Renderer(model, CPU, renderer.config)
    resumed.add(RenderRequest(1, recipe, resume_from=second.checkpoint()))
    for each in (renderer, resumed):
        outputs = run_job(each)
        assert [output.steps_left for output in outputs] == list(range(steps - 2))[::-1]
        assert outputs[-1].step == steps
    more = recipe.continue_from(1, 0, 6)
    renderer.add(RenderRequest(1, more, source=outputs[-1].checkpoint()))
    assert len(run_job(renderer)) == 6, "more steps are taken if a member asks for them"


@pytest.mark.slow
def test_no_job_ends_before_its_image_has_full_size(
    model: Model, make_recipe: RecipeFactory
) -> None:
    renderer = Renderer(
        model, CPU, override(QUICK, {"schedule.min_patience": 2, "schedule.patience": 0.0})
    )
    renderer.add(RenderRequest(1, make_recipe(width=64, height=64, steps=12)))
    renderer.step()
    renderer._jobs[1].best = -2.0, 1  # lower than any loss
    outputs = run_job(renderer)
    assert outputs[-1].pixels.shape[2:] == (64, 64)
    assert outputs[-1].step >= 6 + 2


@pytest.mark.slow
def test_an_image_can_be_the_only_prompt(sketch: Model, make_recipe: RecipeFactory) -> None:
    prompt = ImagePrompt("a" * 64)
    recipe = make_recipe("", include_images=[prompt], steps=30)
    renderer = Renderer(sketch, CPU, QUICK)
    star = draw(Scene((Figure("star", "blue", 0.5, 0.5, 0.3),), "yellow"))
    renderer.add(RenderRequest(1, recipe, {prompt.name: star}))
    seen = analyse(run_job(renderer)[-1].images()[0])
    assert (seen.ground, seen.figures[0].colour) == ("yellow", "blue")


@pytest.mark.slow
def test_the_trained_model_renders_what_was_requested(
    sketch: Model, make_recipe: RecipeFactory
) -> None:
    renderer = Renderer(sketch, CPU, QUICK)
    recipe = make_recipe("a red circle on a white background", width=64, height=64, steps=40)
    renderer.add(RenderRequest(1, recipe))
    seen = analyse(run_job(renderer)[-1].images()[0])
    assert seen.ground == "white"
    assert seen.figures[0].colour == "red"


@pytest.mark.slow
def test_steps_make_the_image_more_similar_to_its_prompt(
    sketch: Model, make_recipe: RecipeFactory
) -> None:
    renderer = Renderer(sketch, CPU, QUICK)
    recipe = make_recipe(
        "the sea at sunset", width=64, height=64, steps=25, strength=0, initial=NAME
    )
    renderer.add(RenderRequest(1, recipe, {NAME: Image.new("RGB", (64, 64), "gray")}))
    outputs = run_job(renderer)
    assert outputs[-1].include > outputs[0].include + 0.15


def test_an_aborted_job_leaves_at_once(renderer: Renderer, make_recipe: RecipeFactory) -> None:
    renderer.add(RenderRequest(1, make_recipe()))
    renderer.add(RenderRequest(2, make_recipe()))
    renderer.abort(1)
    renderer.abort(1)
    assert renderer.job_ids == {2}
    assert [output.job_id for output in renderer.step()] == [2]


@pytest.mark.slow
def test_a_job_that_fails_does_not_affect_the_others(
    model: Model, make_recipe: RecipeFactory
) -> None:
    alone, batched = Renderer(model, CPU, QUICK), Renderer(model, CPU, QUICK)
    alone.add(RenderRequest(1, make_recipe()))
    batched.add(RenderRequest(1, make_recipe()))
    batched.add(RenderRequest(2, make_recipe(seed=8, steps=2)))
    broken = batched._jobs[2].latents
    with torch.no_grad():
        broken.fill_(float("nan"))
    batched.step()
    faults = {output.job_id: output.fault for output in batched.step()}
    assert faults[1] is None
    assert faults[2] is not None
    assert batched.job_ids == {1}
    assert (final_pixels(run_job(alone)) - final_pixels(run_job(batched))).abs().max() < TOLERANCE


def test_rendering_starts_from_the_initial_image(sketch: Model, make_recipe: RecipeFactory) -> None:
    renderer = Renderer(sketch, CPU, QUICK)
    renderer.add(
        RenderRequest(1, make_recipe(initial=NAME), {NAME: Image.new("RGB", (50, 40), "orange")})
    )
    (output,) = renderer.step()
    mean = ImageStat.Stat(output.images()[0]).mean
    assert mean == pytest.approx((255, 165, 0), abs=25)


@pytest.mark.slow
def test_strength_keeps_the_image_close_to_the_initial_image(
    sketch: Model, make_recipe: RecipeFactory
) -> None:
    def drift(strength: float) -> float:
        renderer = Renderer(sketch, CPU, QUICK)
        recipe = make_recipe(steps=20, strength=strength, initial=NAME)
        renderer.add(RenderRequest(1, recipe, {NAME: Image.new("RGB", (32, 32), "teal")}))
        outputs = run_job(renderer)
        return float((outputs[-1].pixels - outputs[0].pixels).abs().mean())

    assert drift(1.0) < 0.8 * drift(0.0)


def test_sizes_that_do_not_suit_the_model_are_refused(
    renderer: Renderer, make_recipe: RecipeFactory
) -> None:
    with pytest.raises(RecipeRefused) as refused:
        renderer.add(RenderRequest(1, make_recipe(width=34)))
    assert refused.value.code is RefusalCode.SIZE
    assert refused.value.params == {"size": "34x32", "model": "sketch", "factor": 4}
    assert renderer.job_ids == frozenset()


def test_prompts_without_a_known_word_are_refused_with_the_known_ones(
    renderer: Renderer, make_recipe: RecipeFactory
) -> None:
    with pytest.raises(RecipeRefused) as refused:
        renderer.add(RenderRequest(1, make_recipe("an accordion")))
    assert refused.value.code is RefusalCode.NO_KNOWN_WORD
    assert "red" in str(refused.value.params["words"]).split(", ")


def test_a_refusal_can_be_sent_to_another_process() -> None:
    refused = RecipeRefused(RefusalCode.NO_SOURCE, {"size": "1x1"})
    received = pickle.loads(pickle.dumps(refused))
    assert (received.code, received.params) == (refused.code, refused.params)


def test_notes_name_the_words_that_are_ignored(
    renderer: Renderer, make_recipe: RecipeFactory
) -> None:
    notes = renderer.add(RenderRequest(1, make_recipe("a red accordion " + "circle " * 60, "fog")))
    params = {note.code: note.params for note in notes}
    assert params[NoteCode.UNKNOWN_WORDS] == {"model": "sketch", "words": "accordion, fog"}
    assert renderer.add(RenderRequest(2, make_recipe("a red circle"))) == []
    (long,) = renderer.add(RenderRequest(3, make_recipe("red " * 80)))
    assert long.code is NoteCode.TRUNCATED_WORDS


def test_outputs_can_be_sent_to_another_process(
    renderer: Renderer, make_recipe: RecipeFactory
) -> None:
    renderer.add(RenderRequest(1, make_recipe(exclude="blue")))
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


def test_images_show_what_was_rendered(renderer: Renderer, make_recipe: RecipeFactory) -> None:
    renderer.add(RenderRequest(1, make_recipe(width=32, height=48)))
    (output,) = renderer.step()
    (image,) = output.images()
    assert image.size == (32, 48)
    mean = [value / 255 for value in ImageStat.Stat(image).mean]
    assert mean == pytest.approx(output.pixels[0].mean((1, 2)).tolist(), abs=0.01)
