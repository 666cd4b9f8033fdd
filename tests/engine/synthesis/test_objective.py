"""The objective: weights, signs, and images that do not affect each other."""

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


def make_target(model: Model, include: str, exclude: str = "") -> objective.Target:
    recipe = Recipe.make(include, exclude, width=32, height=32, steps=1, seed=0)
    return objective.embed_target(recipe, {}, model.perceptor, CONFIG, CPU)


def test_include_weights_add_up_to_one_and_exclude_weights_have_the_same_scale(
    model: Model,
) -> None:
    target = make_target(model, "a red circle:3 | the moon", "watermark:2")
    assert target.texts == ("a red circle", "the moon", "watermark")
    assert target.weights.tolist() == pytest.approx([0.75, 0.25, -0.5])


def test_images_are_prompts_like_texts(model: Model) -> None:
    square = Image.effect_noise((64, 64), 90).convert("RGB")
    wide = Image.new("RGB", (96, 64), "red")
    wide.paste(square, (16, 0))
    included, excluded = ImagePrompt("a" * 64, 3), ImagePrompt("b" * 64, 1)
    recipe = Recipe.make(
        "a red circle",
        width=32,
        height=32,
        steps=1,
        include_images=[included],
        exclude_images=[excluded],
    )
    images = {included.name: wide, excluded.name: Image.new("RGB", (9, 9))}
    target = objective.embed_target(recipe, images, model.perceptor, CONFIG, CPU)
    assert target.texts == ("a red circle", "an image", "an image")
    assert target.weights.tolist() == pytest.approx([0.25, 0.75, -0.25])
    assert target.floors.tolist() == pytest.approx(
        [CONFIG.exclude_text_floor] + 2 * [CONFIG.exclude_image_floor]
    )
    pixels = torch.frombuffer(bytearray(square.tobytes()), dtype=torch.uint8)
    embedded = model.perceptor.embed_images(pixels.view(1, 64, 64, 3).movedim(-1, 1) / 255)
    # Only the middle of a wide image counts.
    assert torch.allclose(target.embeddings[1:2], embedded, atol=1e-4)


@given(st.floats(0, 1))
@pytest.mark.slow
def test_the_scenes_of_a_story_fade_into_each_other(model: Model, progress: float) -> None:
    story = make_target(model, "red -> blue:2 -> green | the moon", "watermark")
    now = story.at(progress, fade=0.1)
    red, blue, green, moon, watermark = now.weights.tolist()
    assert red + blue + green + moon == pytest.approx(1, abs=1e-5)
    assert red / 1 + blue / 2 + green / 1 == pytest.approx(moon, abs=1e-5)  # together one scene
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
    target = make_target(model, "red | blue:2", "green")
    assert target.at(0.7, fade=0.1) is target
    assert target.active() is target


@given(st.floats(-0.5, 0.5), st.integers(2, 9))
def test_the_distance_of_images_counts_their_colours_and_their_edges(
    shift: float, side: int
) -> None:
    image = torch.rand(1, 3, side, side)
    shifted = objective.pixel_distance(image + shift, image)
    torch.testing.assert_close(shifted, torch.tensor([abs(shift)]), atol=1e-5, rtol=0)
    stripes = (torch.arange(side) % 2).float().expand(1, 3, side, side)
    distance = objective.pixel_distance(stripes, torch.full_like(stripes, 0.5))
    assert distance.item() == pytest.approx(0.5 + 1)  # all pixels by half, all edges across by 1


@given(st.integers(1, 4))
def test_the_total_variation_of_an_image_is_the_same_at_any_resolution(factor: int) -> None:
    edge = torch.zeros(1, 3, 8, 8)
    edge[..., 4:] = 1
    large = edge.repeat_interleave(factor, 2).repeat_interleave(factor, 3)
    expected = 8 * factor / (8 * factor - 1)  # one pair of neighbours fewer than pixels
    assert objective.total_variation(large).item() == pytest.approx(expected)


FLOOR = 0.1


@given(st.floats(-1, 1), st.floats(-1, 1), st.floats(0.01, 0.5))
def test_the_loss_falls_towards_includes_and_away_from_excludes(
    include: float, exclude: float, more: float
) -> None:
    floors = torch.full((2,), FLOOR)
    target = objective.Target(("a", "b"), torch.eye(2), torch.tensor([1.0, -0.5]), floors, 1)

    def loss(*similarity: float) -> float:
        return objective.clip_loss(torch.tensor(similarity), target).item()

    here = loss(include, exclude)
    assert loss(include + more, exclude) < here
    # An exclude counts only above the similarity that any unrelated text has.
    further = loss(include, exclude + more)
    assert further > here if exclude + more > FLOOR + 0.01 else further >= here
    assert loss(include, min(exclude, FLOOR)) == pytest.approx(loss(include, -1.0))


def test_similarities_are_means_over_each_images_own_cutouts(model: Model) -> None:
    one, two = make_target(model, "a red circle"), make_target(model, "the moon", "snow")
    embedded = torch.nn.functional.normalize(torch.randn(8, one.embeddings.shape[1]), dim=-1)
    first, second = objective.cosine_similarities(embedded, [one, two])
    assert first.tolist() == pytest.approx((embedded[:4] @ one.embeddings.t()).mean(0).tolist())
    assert second.tolist() == pytest.approx((embedded[4:] @ two.embeddings.t()).mean(0).tolist())


@given(st.integers(1, 40), st.integers(1, 9))
def test_cutouts_are_divided_evenly(count: int, views: int) -> None:
    counts = objective.split_evenly(count, views)
    assert (sum(counts), len(counts)) == (count, views)
    assert max(counts) - min(counts) <= 1


def test_a_region_is_judged_by_its_own_cutouts_and_the_rest_by_all(model: Model) -> None:
    target = make_target(model, "left: a red circle | right: the moon | a white background", "fog")
    assert [str(view) for view in target.views] == ["left", "right", "None"]
    cutouts = torch.nn.functional.normalize(torch.randn(8, target.embeddings.shape[1]), dim=1)
    scores, found = cutouts @ target.embeddings.t(), target.similarity(cutouts)
    expected = [scores[:3, 0].mean(), scores[3:6, 1].mean(), *scores[:, 2:].mean(0)]
    assert found.tolist() == pytest.approx([float(each) for each in expected], abs=1e-6)
    plain = make_target(model, "a red circle | the moon")
    assert plain.views == (None,)
    assert torch.equal(plain.similarity(cutouts), (cutouts @ plain.embeddings.t()).mean(0))


def test_the_regions_of_a_story_stay_with_their_prompts(model: Model) -> None:
    target = make_target(model, "top: a red circle -> the moon | left: fog")
    opening = target.at(0.0, 0.1).active()
    assert (opening.texts, [str(each) for each in opening.regions]) == (
        ("a red circle", "fog"),
        ["top", "left"],
    )
    assert opening.views == target.views
