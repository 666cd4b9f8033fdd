"""The image check, with the CLIP of `sketch`, on drawn images with known content."""

from pathlib import Path

import pytest
import torch
from PIL import Image, ImageDraw

from engine.image_check import ImageCheck
from engine.models.model import Model, load_model
from engine.phrases import phrase_bank
from engine.synthesis.latents import to_tensor

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def check() -> ImageCheck:
    model: Model = load_model("sketch", Path("data"), CPU)
    return ImageCheck(model.perceptor, phrase_bank("sketch").neutral, CPU)


def circle(colour: str, size: tuple[int, int] = (64, 64)) -> torch.Tensor:
    image = Image.new("RGB", (64, 64), "white")
    ImageDraw.Draw(image).ellipse((16, 16, 48, 48), fill=colour)
    return to_tensor(image.resize(size))


def test_a_concept_that_an_image_shows_scores_higher_than_others(check: ImageCheck) -> None:
    scores = check.scores(circle("red"), ["a red circle", "a blue star", "a green heart"])
    assert scores["a red circle"] > max(scores["a blue star"], scores["a green heart"]) + 0.1


def test_of_several_images_the_one_with_the_highest_score_counts(check: ImageCheck) -> None:
    red, blue = circle("red"), circle("blue")
    alone = check.scores(red, ["a red circle"])["a red circle"]
    together = check.scores(torch.cat([blue, red]), ["a red circle"])["a red circle"]
    assert together == pytest.approx(alone, abs=1e-5)
    assert check.scores(blue, ["a red circle"])["a red circle"] < alone


def test_scores_do_not_depend_on_the_order_or_number_of_concepts(check: ImageCheck) -> None:
    image = circle("red", (96, 48))
    both = check.scores(image, ["a red circle", "a blue star"])
    assert check.scores(image, ["a blue star"])["a blue star"] == pytest.approx(
        both["a blue star"], abs=1e-5
    )
