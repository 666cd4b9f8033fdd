"""Symmetry and palettes, by construction."""

import io
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor

from core.palette import PALETTES, rgb
from core.pattern import Symmetry, Tile
from engine.media import Provenance, png
from engine.models.model import Model
from engine.synthesis.appearance import limit_to_palette, symmetrise
from engine.synthesis.config import PaletteConfig
from engine.synthesis.renderer import Renderer
from engine.synthesis.request import RenderRequest
from tests.engine.synthesis.conftest import CPU, QUICK, RecipeFactory, run_job

OPERATIONS: dict[Symmetry, list[Callable[[Tensor], Tensor]]] = {
    Symmetry.LEFT_RIGHT: [lambda x: x.flip(3)],
    Symmetry.TOP_BOTTOM: [lambda x: x.flip(2)],
    Symmetry.BOTH: [lambda x: x.flip(3), lambda x: x.flip(2)],
    Symmetry.HALF_TURN: [lambda x: x.rot90(2, (2, 3))],
    Symmetry.QUARTER_TURN: [lambda x: x.rot90(1, (2, 3))],
}


@given(st.sampled_from(Symmetry), st.integers(1, 9), st.integers(1, 9))
def test_a_symmetric_image_is_unchanged_by_its_symmetry(
    symmetry: Symmetry, height: int, width: int
) -> None:
    if symmetry is Symmetry.QUARTER_TURN:
        height = width
    values = torch.rand(2, 3, height, width)
    symmetric = symmetrise(values, symmetry)
    for operation in OPERATIONS[symmetry]:
        assert torch.equal(operation(symmetric), symmetric)
    assert torch.equal(symmetrise(symmetric, symmetry), symmetric)
    assert torch.equal(symmetric[..., 0, 0], values[..., 0, 0])


@pytest.mark.parametrize("symmetry", Symmetry)
@pytest.mark.slow
def test_a_result_is_exactly_symmetric_and_stays_so_when_enlarged(
    model: Model, make_recipe: RecipeFactory, symmetry: Symmetry
) -> None:
    renderer = Renderer(model, CPU, QUICK)
    renderer.add(RenderRequest(1, make_recipe(symmetry=symmetry, tile=Tile.BOTH, steps=1)))
    (image,) = run_job(renderer)[-1].images()
    recipe = make_recipe(symmetry=symmetry, tile=Tile.BOTH)
    posted = Image.open(io.BytesIO(png(image, recipe, 0, Provenance("sketch", {}))))
    assert posted.width >= 512
    for shown in (image, posted):
        pixels = torch.from_numpy(np.array(shown)).movedim(-1, 0)[None]
        for operation in OPERATIONS[symmetry]:
            assert torch.equal(operation(pixels), pixels)


@given(st.sampled_from(list(PALETTES.values())), st.integers(0, 2**32 - 1))
def test_pixels_are_mixtures_of_the_palette_and_mostly_one_colour(
    palette: tuple[str, ...], seed: int
) -> None:
    torch.manual_seed(seed)
    colours = torch.tensor([rgb(colour) for colour in palette])
    images = torch.rand(1, 3, 8, 8)
    limited = limit_to_palette(images, palette, PaletteConfig())
    pixels = limited[0].flatten(1).t()
    assert (pixels >= colours.min(0).values - 1e-5).all()
    assert (pixels <= colours.max(0).values + 1e-5).all()
    nearest = torch.cdist(pixels, colours).min(1).values
    before = torch.cdist(images[0].flatten(1).t(), colours).min(1).values
    assert nearest.mean() < 0.6 * before.mean()
    exact = limit_to_palette(colours.t()[None, :, :, None], palette, PaletteConfig())
    assert (exact[0, :, :, 0].t() - colours).abs().max() < 0.06


def test_a_gradient_leads_from_one_colour_to_another() -> None:
    images = torch.full((1, 3, 2, 2), 0.95, requires_grad=True)
    limit_to_palette(images, ("#000000", "#ffffff"), PaletteConfig()).sum().backward()
    assert images.grad is not None
    assert (images.grad > 1e-6).all()


def test_a_result_has_the_colours_of_its_palette(model: Model, make_recipe: RecipeFactory) -> None:
    renderer = Renderer(model, CPU, QUICK)
    renderer.add(RenderRequest(1, make_recipe(palette=("#102060", "#f0e0d0"), steps=3)))
    pixels = run_job(renderer)[-1].pixels[0].flatten(1).t()
    colours = torch.tensor([rgb("#102060"), rgb("#f0e0d0")])
    assert (torch.cdist(pixels, colours).min(1).values < 0.05).float().mean() > 0.8
