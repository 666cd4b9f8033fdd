"""Outlines are only drawn on the edges between different colours."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.synthesis.config import OutlineConfig
from engine.synthesis.outlines import draw_outlines

CONFIG = OutlineConfig()


@pytest.mark.parametrize("filled", [True, False])
def test_a_patch_of_colour_is_outlined_and_keeps_its_colour_if_filled(filled: bool) -> None:
    image = torch.full((1, 3, 64, 64), 0.8)
    image[:, :, 20:44, 20:44] = torch.tensor([0.9, 0.6, 0.1])[:, None, None]
    outlined = draw_outlines(image, CONFIG, filled)
    changed = (outlined != (image if filled else 1)).any(1)[0]
    assert outlined[:, :, 20, 20:44].max() < 0.1
    assert outlined[:, :, 20:44, 43].max() < 0.1
    assert not changed[24:40, 24:40].any()
    assert not changed[:18].any()


@given(st.floats(0, 1), st.floats(0, 0.06))
def test_shading_gets_no_outline(shade: float, contrast: float) -> None:
    ramp = torch.linspace(0, 1, 64).expand(1, 3, 64, 64)
    assert torch.equal(draw_outlines(ramp, CONFIG, filled=True), ramp)
    faint = torch.full((1, 3, 16, 16), shade)
    faint[..., 8:] += contrast
    assert torch.equal(draw_outlines(faint, CONFIG, filled=True), faint)
