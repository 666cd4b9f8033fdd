"""A part of an image is rendered, and the rest stays."""

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
from tests.engine.synthesis.conftest import CPU, QUICK, paint
from tests.engine.test_inpainting import BASE, MASK, noise, outside, recipe


@pytest.mark.parametrize(
    "repaint",
    [Repaint((Region(50, 0, 100, 100),)), Repaint((Region(0, 0, 40, 40), Region(60, 60, 90, 90)))],
)
def test_a_posted_result_has_every_other_pixel_of_the_posted_image(
    model: Model, repaint: Repaint
) -> None:
    base, asked = noise(512, 512), recipe(repaint)
    renderer = Renderer(model, CPU, QUICK)
    renderer.add(RenderRequest(1, asked, {BASE: base}))
    (image,) = paint(renderer)[-1].images()
    shown = png(image, asked, 0, Provenance("sketch", {}), images={BASE: base})
    posted = np.asarray(Image.open(io.BytesIO(shown)))
    stays = outside(repaint.regions, 512, 512)
    assert (posted[stays] == np.asarray(base)[stays]).all()
    assert (posted[~stays] != np.asarray(base)[~stays]).mean() > 0.9
    small = np.asarray(base.resize((32, 32), Image.Resampling.LANCZOS))
    stays = outside(repaint.regions, 32, 32)
    assert (np.asarray(image)[stays] == small[stays]).all()


def test_a_mask_says_where(model: Model) -> None:
    mask = Image.new("L", (16, 16), 0)
    mask.paste(255, (0, 0, 16, 8))
    asked, base = recipe(Repaint(mask=Mask(MASK))), noise(64, 64)
    renderer = Renderer(model, CPU, QUICK)
    renderer.add(RenderRequest(1, asked, {BASE: base, MASK: mask}))
    (image,) = paint(renderer)[-1].images()
    small = np.asarray(base.resize((32, 32), Image.Resampling.LANCZOS))
    assert (np.asarray(image)[17:] == small[17:]).all()
    assert (np.asarray(image)[:8] != small[:8]).mean() > 0.9


def test_a_black_mask_is_refused(model: Model) -> None:
    images = {BASE: noise(32, 32), MASK: Image.new("L", (8, 8))}
    with pytest.raises(RecipeRefused, match="empty_mask"):
        Renderer(model, CPU, QUICK).add(RenderRequest(1, recipe(Repaint(mask=Mask(MASK))), images))


def test_only_the_latents_of_the_part_move(model: Model) -> None:
    renderer = Renderer(model, CPU, QUICK)
    renderer.add(
        RenderRequest(1, recipe(Repaint((Region(50, 0, 100, 100),))), {BASE: noise(64, 64)})
    )
    before = renderer._jobs[1].latents.detach().clone()
    renderer.step()
    moved = (renderer._jobs[1].latents.detach() != before).any(1)[0].any(0)
    assert moved.tolist() == [False] * 4 + [True] * 4


def test_an_interrupted_repaint_resumes_to_the_same_image(model: Model) -> None:
    request = RenderRequest(1, recipe(Repaint(move=Move.UP)), {BASE: noise(64, 64)})
    renderer = Renderer(model, CPU, QUICK)
    renderer.add(request)
    (first,) = renderer.step()
    kept = first.checkpoint()
    (whole,) = paint(renderer)[-1].images()
    resumed = Renderer(model, CPU, QUICK)
    resumed.add(RenderRequest(1, request.recipe, request.images, resume_from=kept))
    assert paint(resumed)[-1].images()[0].tobytes() == whole.tobytes()


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_what_is_masked_is_filled_with_colours_from_around_it(
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
