"""The objective: weights, signs, and rows that stay apart."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from core.recipe import ImagePrompt, Recipe
from engine.models.model import Model
from engine.synthesis import objective
from engine.synthesis.config import SKETCH
from tests.engine.synthesis.conftest import CPU

CONFIG = SKETCH.loss


def target(model: Model, include: str, exclude: str = "") -> objective.Target:
    recipe = Recipe.make(include, exclude, width=32, height=32, steps=1, seed=0)
    return objective.embed_target(recipe, {}, model.perceptor, CONFIG, CPU)


def test_includes_add_up_to_one_and_excludes_are_on_their_scale(model: Model) -> None:
    asked = target(model, "a red circle:3 | the moon", "watermark:2")
    assert asked.texts == ("a red circle", "the moon", "watermark")
    assert asked.weights.tolist() == pytest.approx([0.75, 0.25, -0.5])


def test_images_are_prompts_like_texts(model: Model) -> None:
    square = Image.effect_noise((64, 64), 90).convert("RGB")
    wide = Image.new("RGB", (96, 64), "red")
    wide.paste(square, (16, 0))
    liked, unliked = ImagePrompt("a" * 64, 3), ImagePrompt("b" * 64, 1)
    recipe = Recipe.make(
        "a red circle",
        width=32,
        height=32,
        steps=1,
        include_images=[liked],
        exclude_images=[unliked],
    )
    pictures = {liked.name: wide, unliked.name: Image.new("RGB", (9, 9))}
    asked = objective.embed_target(recipe, pictures, model.perceptor, CONFIG, CPU)
    assert asked.texts == ("a red circle", "an image", "an image")
    assert asked.weights.tolist() == pytest.approx([0.25, 0.75, -0.25])
    assert asked.floors.tolist() == pytest.approx(
        [CONFIG.exclude_text_floor] + 2 * [CONFIG.exclude_image_floor]
    )
    pixels = torch.frombuffer(bytearray(square.tobytes()), dtype=torch.uint8)
    seen = model.perceptor.embed_images(pixels.view(1, 64, 64, 3).movedim(-1, 1) / 255)
    # The middle of a wide picture is what counts.
    assert torch.allclose(asked.embeddings[1:2], seen, atol=1e-4)


@given(st.floats(0, 1))
@pytest.mark.slow
def test_the_scenes_of_a_story_fade_into_each_other(model: Model, progress: float) -> None:
    story = target(model, "red -> blue:2 -> green | the moon", "watermark")
    now = story.at(progress, fade=0.1)
    red, blue, green, moon, watermark = now.weights.tolist()
    assert red + blue + green + moon == pytest.approx(1, abs=1e-5)
    assert red / 1 + blue / 2 + green / 1 == pytest.approx(moon, abs=1e-5)  # one scene in all
    assert watermark == pytest.approx(-moon, abs=1e-5)
    for begin, end, weight in ((0.0, 1 / 3, red), (1 / 3, 2 / 3, blue), (2 / 3, 1.0, green)):
        if (begin == 0 or begin + 0.06 < progress) and (end == 1 or progress < end - 0.06):
            if begin <= progress <= end:
                assert weight > 0.4
        elif not begin - 0.06 < progress < end + 0.06:
            assert weight == 0
    active = now.active()
    assert 0 not in active.weights.tolist()
    assert active.texts[-1] == "watermark"
    assert active.includes == len(active.texts) - 1
    assert len(active.embeddings) == len(active.floors) == len(active.texts)


def test_without_a_story_the_target_never_changes(model: Model) -> None:
    asked = target(model, "red | blue:2", "green")
    assert asked.at(0.7, fade=0.1) is asked
    assert asked.active() is asked


@given(st.integers(1, 4))
def test_an_image_has_as_much_variation_at_any_resolution(factor: int) -> None:
    edge = torch.zeros(1, 3, 8, 8)
    edge[..., 4:] = 1
    large = edge.repeat_interleave(factor, 2).repeat_interleave(factor, 3)
    whole = 8 * factor / (8 * factor - 1)  # there is one pair of neighbours less than pixels
    assert objective.total_variation(large).item() == pytest.approx(whole)


INDIFFERENT = 0.1


@given(st.floats(-1, 1), st.floats(-1, 1), st.floats(0.01, 0.5))
def test_the_loss_falls_towards_includes_and_away_from_excludes(
    include: float, exclude: float, more: float
) -> None:
    floors = torch.full((2,), INDIFFERENT)
    asked = objective.Target(("a", "b"), torch.eye(2), torch.tensor([1.0, -0.5]), floors, 1)

    def loss(*similarity: float) -> float:
        return objective.clip_loss(torch.tensor(similarity), asked).item()

    here = loss(include, exclude)
    assert loss(include + more, exclude) < here
    # An exclude counts from the similarity on that any unrelated text has.
    further = loss(include, exclude + more)
    assert further > here if exclude + more > INDIFFERENT + 0.01 else further >= here
    assert loss(include, min(exclude, INDIFFERENT)) == pytest.approx(loss(include, -1.0))


def test_similarities_are_means_over_a_rows_own_cutouts(model: Model) -> None:
    one, two = target(model, "a red circle"), target(model, "the moon", "snow")
    embedded = torch.nn.functional.normalize(torch.randn(8, one.embeddings.shape[1]), dim=-1)
    first, second = objective.cosine_similarities(embedded, [one, two])
    assert first.tolist() == pytest.approx((embedded[:4] @ one.embeddings.t()).mean(0).tolist())
    assert second.tolist() == pytest.approx((embedded[4:] @ two.embeddings.t()).mean(0).tolist())


@given(st.integers(1, 40), st.integers(1, 9))
def test_cutouts_are_shared_out_evenly(count: int, views: int) -> None:
    counts = objective.share_out(count, views)
    assert (sum(counts), len(counts)) == (count, views)
    assert max(counts) - min(counts) <= 1


def test_a_region_is_judged_by_its_own_cutouts_and_the_rest_by_all(model: Model) -> None:
    asked = target(model, "left: a red circle | right: the moon | a white background", "fog")
    assert [str(view) for view in asked.views] == ["left", "right", "None"]
    cutouts = torch.nn.functional.normalize(torch.randn(8, asked.embeddings.shape[1]), dim=1)
    scores, found = cutouts @ asked.embeddings.t(), asked.similarity(cutouts)
    expected = [scores[:3, 0].mean(), scores[3:6, 1].mean(), *scores[:, 2:].mean(0)]
    assert found.tolist() == pytest.approx([float(each) for each in expected], abs=1e-6)
    plain = target(model, "a red circle | the moon")
    assert plain.views == (None,)
    assert torch.equal(plain.similarity(cutouts), (cutouts @ plain.embeddings.t()).mean(0))


def test_between_scenes_the_regions_stay_with_their_prompts(model: Model) -> None:
    asked = target(model, "top: a red circle -> the moon | left: fog")
    opening = asked.at(0.0, 0.1).active()
    assert (opening.texts, [str(each) for each in opening.regions]) == (
        ("a red circle", "fog"),
        ["top", "left"],
    )
    assert opening.views == asked.views
