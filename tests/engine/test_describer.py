"""Descriptions: the included models recognise what they have rendered."""

from pathlib import Path

import pytest
import torch
from PIL import Image

from core.description import MAX_DESCRIPTIONS, Description
from core.recipe import Recipe
from engine.describer import CANDIDATES, Describer
from engine.models.model import Model, load_model
from engine.phrases import FULL, PhraseBank, phrase_bank
from engine.synthesis.renderer import Renderer
from engine.synthesis.request import RenderRequest
from tests.engine.conftest import THINGS

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def sketch() -> Model:
    return load_model("sketch", Path("data"), CPU)


@pytest.fixture(scope="module")
def red_circle(sketch: Model) -> Image.Image:
    renderer = Renderer(sketch, CPU)
    recipe = Recipe.make("a red circle", width=64, height=64, steps=25, seed=3)
    renderer.add(RenderRequest(1, recipe))
    while not (output := renderer.step()[0]).done:
        pass
    return output.to_host().images()[0]


def top_prompts(found: list[Description]) -> list[str]:
    return [each.prompt for each in found[:MAX_DESCRIPTIONS]]


@pytest.mark.slow
def test_sketch_describes_what_it_has_rendered(sketch: Model, red_circle: Image.Image) -> None:
    describer = Describer(sketch.perceptor, phrase_bank("sketch"), CPU)
    found = describer.describe(red_circle)
    assert any("a red circle" in prompt for prompt in top_prompts(found)), found
    assert len(found) == CANDIDATES
    similarities = [each.similarity for each in found]
    assert similarities == sorted(similarities, reverse=True)
    assert found == describer.describe(red_circle)


@pytest.mark.slow
def test_refused_phrases_are_in_no_prompt(sketch: Model, red_circle: Image.Image) -> None:
    bank = phrase_bank("sketch")
    refused = {phrase for phrase in bank.phrases if "red" in phrase or "white" in phrase}
    found = Describer(sketch.perceptor, bank, CPU).describe(red_circle, refused)
    assert len(found) == CANDIDATES
    assert not [each for each in found if "red" in each.prompt or "white" in each.prompt]


def test_with_every_subject_refused_there_is_no_description(sketch: Model) -> None:
    bank = PhraseBank(("a red circle", "a blue star"), ())
    grey = Image.new("RGB", (40, 20), "gray")
    describer = Describer(sketch.perceptor, bank, CPU)
    assert describer.describe(grey, set(bank.subjects)) == []
    assert len(describer.describe(grey)) == 2


@pytest.mark.slow
def test_picturebook_describes_what_it_has_rendered() -> None:
    """One describer for all images: embedding its phrases takes most of the time."""
    model = load_model("picturebook", Path("data"), CPU)
    describer = Describer(model.perceptor, phrase_bank("picturebook"), CPU)
    things = {"tractor": (0, 2), "cupcake": (5, 3), "penguin": (2, 3), "lemon": (8, 3)}
    with Image.open(THINGS, formats=["PNG"]) as sheet:
        for name, (column, row) in things.items():
            left, top = 128 * column, 128 * row
            image = sheet.convert("RGB").crop((left, top, left + 128, top + 128))
            found = describer.describe(image)
            assert any(name in prompt for prompt in top_prompts(found)), (name, found)


def test_the_full_bank_works_with_any_perceptor(sketch: Model) -> None:
    """Here with that of `sketch`. A prompt has at most one phrase of each slot."""
    bank = phrase_bank(FULL)
    small = PhraseBank(bank.subjects[:8], bank.slots)
    for each in Describer(sketch.perceptor, small, CPU).describe(Image.new("RGB", (64, 64))):
        assert each.prompt.count("|") <= len(bank.slots) - 1
