"""A part of an image is rendered, and the rest stays as it was."""

import io

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from core.regions import Region
from core.repaint import Mask, Move, Repaint
from engine.media import Provenance, png
from engine.models.model import Model
from engine.synthesis.painted_part import filled
from engine.synthesis.renderer import Renderer
from engine.synthesis.request import RenderRequest
from engine.synthesis.validation import RecipeRefused
from tests.engine.synthesis.conftest import CPU, QUICK, run_job
from tests.engine.test_inpainting import BASE, MASK, noise, outside, recipe


@pytest.mark.parametrize(
    "repaint",
    [Repaint((Region(50, 0, 100, 100),)), Repaint((Region(0, 0, 40, 40), Region(60, 60, 90, 90)))],
)
def test_a_posted_result_keeps_every_other_pixel_of_the_posted_image(
    model: Model, repaint: Repaint
) -> None:
    base, repaint_recipe = noise(512, 512), recipe(repaint)
    renderer = Renderer(model, CPU, QUICK)
    renderer.add(RenderRequest(1, repaint_recipe, {BASE: base}))
    (image,) = run_job(renderer)[-1].images()
    shown = png(image, repaint_recipe, 0, Provenance("sketch", {}), images={BASE: base})
    posted = np.asarray(Image.open(io.BytesIO(shown)))
    kept = outside(repaint.regions, 512, 512)
    assert (posted[kept] == np.asarray(base)[kept]).all()
    assert (posted[~kept] != np.asarray(base)[~kept]).mean() > 0.9
    small = np.asarray(base.resize((32, 32), Image.Resampling.LANCZOS))
    kept = outside(repaint.regions, 32, 32)
    assert (np.asarray(image)[kept] == small[kept]).all()


def test_a_mask_selects_the_part(model: Model) -> None:
    mask = Image.new("L", (16, 16), 0)
    mask.paste(255, (0, 0, 16, 8))
    repaint_recipe, base = recipe(Repaint(mask=Mask(MASK))), noise(64, 64)
    renderer = Renderer(model, CPU, QUICK)
    renderer.add(RenderRequest(1, repaint_recipe, {BASE: base, MASK: mask}))
    (image,) = run_job(renderer)[-1].images()
    small = np.asarray(base.resize((32, 32), Image.Resampling.LANCZOS))
    assert (np.asarray(image)[17:] == small[17:]).all()
    assert (np.asarray(image)[:8] != small[:8]).mean() > 0.9


def test_a_black_mask_is_refused(model: Model) -> None:
    images = {BASE: noise(32, 32), MASK: Image.new("L", (8, 8))}
    with pytest.raises(RecipeRefused, match="empty_mask"):
        Renderer(model, CPU, QUICK).add(RenderRequest(1, recipe(Repaint(mask=Mask(MASK))), images))


def test_only_the_latents_of_the_part_change(model: Model) -> None:
    renderer = Renderer(model, CPU, QUICK)
    renderer.add(
        RenderRequest(1, recipe(Repaint((Region(50, 0, 100, 100),))), {BASE: noise(64, 64)})
    )
    before = renderer._jobs[1].latents.detach().clone()
    renderer.step()
    changed = (renderer._jobs[1].latents.detach() != before).any(1)[0].any(0)
    assert changed.tolist() == [False] * 4 + [True] * 4


def test_an_interrupted_repaint_resumes_to_the_same_image(model: Model) -> None:
    request = RenderRequest(1, recipe(Repaint(move=Move.UP)), {BASE: noise(64, 64)})
    renderer = Renderer(model, CPU, QUICK)
    renderer.add(request)
    (first,) = renderer.step()
    checkpoint = first.checkpoint()
    (uninterrupted,) = run_job(renderer)[-1].images()
    resumed = Renderer(model, CPU, QUICK)
    resumed.add(RenderRequest(1, request.recipe, request.images, resume_from=checkpoint))
    assert run_job(resumed)[-1].images()[0].tobytes() == uninterrupted.tobytes()


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_masked_pixels_are_filled_with_colours_from_around_them(
    height: int, width: int, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    image = torch.rand(1, 3, height, width, generator=generator)
    mask = (torch.rand(1, 1, height, width, generator=generator) > 0.6).float()
    result, known = filled(image, mask), mask.expand_as(image) == 0
    assert torch.equal(result[known], image[known])
    if known.any():
        for channel in range(3):
            around = image[:, channel][known[:, channel]]
            assert around.min() - 1e-5 <= result[:, channel].min()
            assert result[:, channel].max() <= around.max() + 1e-5
