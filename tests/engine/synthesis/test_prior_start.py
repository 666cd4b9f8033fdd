"""How the embedded model starts an image: where things are, and in which style."""

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor

from bot.services.examples import EXAMPLES
from core.prompts import Prompt
from core.recipe import Recipe
from core.regions import Region
from core.repaint import Repaint
from core.understanding.composition import FAR, HALF, Place
from core.understanding.vocabulary import vocabulary_of
from engine.models.model import Model
from engine.synthesis.config import PICTUREBOOK, InitConfig, override
from engine.synthesis.initialisation import composition_of
from engine.synthesis.objective import Target, embed_target
from engine.synthesis.prior_guidance import (
    choose_styles,
    named_styles,
    sample_prior,
    scenery_styles,
    suitable_styles,
)
from engine.synthesis.prior_start import (
    best_prior_samples,
    compose_images,
    edge_colours,
    matte,
    part_targets,
    paste,
    shared_background,
    square_around,
)
from engine.synthesis.renderer import Renderer
from engine.synthesis.request import RenderRequest
from tests.engine.synthesis.conftest import CPU
from tests.engine.test_inpainting import BASE
from training.data.sources import STYLES

QUICK = override(PICTUREBOOK, {"init.prior_samples": 1, "cutouts.count": 2})


def make_recipe(include: str, exclude: str = "", **values: Any) -> Recipe:
    excludes = (Prompt(exclude),) if exclude else ()
    size = {"width": 128, "height": 128, "steps": 1, "seed": 0, **values}
    return Recipe(include=(Prompt(include),), exclude=excludes, **size)


def target_of(model: Model, recipe: Recipe) -> Target:
    return embed_target(recipe, {}, model.perceptor, PICTUREBOOK.loss, CPU)


def test_an_image_is_pasted_where_its_part_is_and_nothing_else_changes() -> None:
    canvas = torch.zeros(1, 3, 64, 96)
    paste(canvas, torch.ones(4, 128, 128), Place(FAR, 0.5, HALF))
    rows, columns = canvas[0, 0].nonzero().unbind(1)
    side = round(HALF * 64)
    assert canvas.sum() == 3 * side**2
    assert abs((columns.min() + columns.max() + 1) / 2 - FAR * 96) <= 1
    assert abs((rows.min() + rows.max() + 1) / 2 - 32) <= 1


def test_a_thing_is_cut_out_of_its_ground_with_what_it_encloses() -> None:
    image = torch.ones(3, 64, 64)
    image[:, 16:48, 16:48] = torch.tensor([0.8, 0.1, 0.1])[:, None, None]
    image[:, 28:36, 28:36] = 1.0  # white inside, like an eye
    ground = edge_colours(image[None])[0]
    assert torch.equal(ground, torch.ones(3))
    alpha = matte(image, ground, InitConfig())[0]
    assert alpha[17:47, 17:47].min() == 1
    assert alpha.sum() == pytest.approx(32**2)


@pytest.mark.parametrize("colour", [(0.8, 0.1, 0.1), (0.9, 0.9, 0.9)])
def test_no_fringe_of_the_ground_is_left_around_a_thing(colour: tuple[float, ...]) -> None:
    thing = torch.tensor(colour)[:, None, None]
    image = torch.ones(3, 64, 64)
    image[:, 14:50, 14:50] = 0.5 + thing / 2  # mixed half and half at its edge
    image[:, 16:48, 16:48] = thing
    alpha = matte(image, torch.ones(3), InitConfig())
    on_black = image - (1 - alpha)
    assert on_black.amax() <= thing.amax() + 0.01
    assert alpha[:, 16:48, 16:48].min() == 1
    assert alpha.sum() == pytest.approx(32**2 + (36**2 - 32**2) / 2, rel=0.02)


@given(
    top=st.integers(0, 60), left=st.integers(0, 60), height=st.integers(4, 64),
    width=st.integers(4, 64), margin=st.floats(0, 0.2),
)  # fmt: skip
def test_the_square_around_a_thing_holds_all_of_it_and_little_else(
    top: int, left: int, height: int, width: int, margin: float
) -> None:
    alpha = torch.zeros(1, 64, 64)
    alpha[:, top : top + height, left : left + width] = 1
    alpha[:, 0, 0] = 1  # a single stray pixel
    rows, columns = square_around(alpha, margin)
    kept = alpha[:, rows, columns]
    thing = alpha[:, top : top + height, left : left + width]
    assert kept.shape[1] == kept.shape[2]
    assert kept.sum() >= thing.sum()
    assert kept.shape[1] <= max(thing.shape[1:]) + 2 * round(margin * 64)


def test_the_square_around_nothing_is_the_whole_image() -> None:
    image = torch.rand(3, 16, 16)
    assert image[:, *square_around(torch.zeros(1, 16, 16), 0.1)].shape == image.shape


def test_a_part_keeps_the_excludes_and_has_one_include(picturebook: Model) -> None:
    whole = target_of(picturebook, make_recipe("a cat and a dog", "watermark"))
    parts = ("a cat", "a dog")
    for text, target in zip(parts, part_targets(picturebook, whole, parts), strict=True):
        assert target.texts == (text, "watermark")
        assert target.includes == 1
        assert torch.equal(target.embeddings[1], whole.embeddings[1])
        assert torch.equal(target.weights, torch.tensor([1.0, whole.weights[1]]))


def test_images_of_one_request_get_different_styles_each_by_its_own_seed(
    picturebook: Model,
) -> None:
    target = target_of(picturebook, make_recipe("an owl"))
    styles = choose_styles(picturebook, target, PICTUREBOOK.prior, range(10, 14))
    assert styles is not None
    assert len(set(styles.tolist())) > 1
    alone = choose_styles(picturebook, target, PICTUREBOOK.prior, [12])
    assert alone is not None
    assert alone.tolist() == styles[2:3].tolist()


@pytest.mark.parametrize("prompt", ["a cat", "a cat on a red background"])
def test_images_of_one_request_are_sampled_together_and_as_if_alone(
    picturebook: Model, prompt: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert picturebook.prior
    batches: list[int] = []
    forward = picturebook.prior.forward

    def counted(noisy: Tensor, *arguments: Any) -> Tensor:
        batches.append(len(noisy))
        return forward(noisy, *arguments)

    monkeypatch.setattr(picturebook.prior, "forward", counted)
    renderer = Renderer(picturebook, CPU, override(PICTUREBOOK, {"cutouts.count": 2}))
    renderer.add(RenderRequest(1, make_recipe(prompt, seed=3, count=3)))
    # A sample for each of 3 images, with and without the prompt.
    assert batches == [6] * PICTUREBOOK.prior.sampling_steps
    for row in range(3):
        renderer.add(RenderRequest(2, make_recipe(prompt, seed=3 + row)))
        together, alone = renderer._jobs[1].latents[row], renderer._jobs[2].latents[0]
        assert (together - alone).abs().max() < 1e-5


def test_what_the_best_samples_show_is_what_they_decode_to(picturebook: Model) -> None:
    assert picturebook.prior
    target = target_of(picturebook, make_recipe("a cat"))
    generators = [torch.Generator().manual_seed(seed) for seed in (1, 2)]
    with torch.no_grad():
        samples, images = best_prior_samples(picturebook, target, PICTUREBOOK, generators)
        decoded = picturebook.prior.to_images(samples, picturebook.vqgan)
    assert (images - decoded).abs().max() < 1e-5


def test_without_a_requested_style_images_are_in_the_best_ones_that_show_the_thing(
    picturebook: Model,
) -> None:
    target = target_of(picturebook, make_recipe("an owl"))
    styles = choose_styles(picturebook, target, PICTUREBOOK.prior, range(12))
    assert styles is not None
    shown = [STYLES[style] for style in styles.tolist()]
    assert shown == ["twemoji", "fluent-flat", "noto", "fluent-3d"] * 3


def test_a_requested_style_is_the_only_one(picturebook: Model) -> None:
    target = target_of(picturebook, make_recipe("an owl in 3d"))
    styles = choose_styles(picturebook, target, PICTUREBOOK.prior, range(4))
    assert styles is not None
    assert {STYLES[style] for style in styles.tolist()} == {"fluent-3d"}


def test_all_things_are_in_a_requested_style(picturebook: Model) -> None:
    whole = target_of(picturebook, make_recipe("a cat and a dog, glossy"))
    named = named_styles(picturebook, whole)
    assert [STYLES[style] for style in named] == ["fluent"]
    preferred = choose_styles(picturebook, whole, PICTUREBOOK.prior, range(2))
    for target in part_targets(picturebook, whole, ["a cat", "a dog, glossy"]):
        styles = suitable_styles(picturebook, target, PICTUREBOOK.prior, preferred, named)
        assert styles is not None
        assert {STYLES[style] for style in styles.tolist()} == {"fluent"}


def test_four_landscapes_in_a_row_differ_in_style_or_are_mirrored() -> None:
    generators = [torch.Generator().manual_seed(seed) for seed in range(8, 12)]
    others = torch.tensor([3, 3, 3, 3])
    styles = scenery_styles(PICTUREBOOK.prior, generators, others)
    assert styles is not None
    assert [STYLES[style] for style in styles.tolist()] == ["fluent-flat"] * 2 + ["noto"] * 2
    assert scenery_styles(PICTUREBOOK.prior, generators, None) is None
    assert (
        scenery_styles(
            override(PICTUREBOOK, {"prior.scenery_styles": ()}).prior, generators, others
        )
        is others
    )


def test_a_thing_that_only_one_maker_shows_is_rendered_in_that_style(picturebook: Model) -> None:
    target = target_of(picturebook, make_recipe("a lighthouse"))
    styles = choose_styles(picturebook, target, PICTUREBOOK.prior, range(4))
    assert styles is not None
    assert {STYLES[style] for style in styles.tolist()} == {"openclipart"}
    others = suitable_styles(picturebook, target, PICTUREBOOK.prior, torch.tensor([1, 2]))
    assert others is not None
    assert {STYLES[style] for style in others.tolist()} == {"openclipart"}


@pytest.mark.slow
def test_the_prior_renders_the_requested_colours(picturebook: Model) -> None:
    means = {}
    for prompt in ("a red apple", "a blue circle", "ein grüner Kreis"):
        target = target_of(picturebook, make_recipe(prompt))
        (x,) = sample_prior(
            picturebook, target, PICTUREBOOK.prior, 2, [torch.Generator().manual_seed(1)]
        )
        assert picturebook.prior
        image = picturebook.prior.to_images(x, picturebook.vqgan)[..., 48:80, 48:80]
        means[prompt] = int(image.mean((0, 2, 3)).argmax())
    assert means == {"a red apple": 0, "a blue circle": 2, "ein grüner Kreis": 1}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("prompt", "channel"),
    [("an owl on a red background", 0), ("a red apple in a meadow by day", 1),
     ("a dog on a blue background", 2)],
)  # fmt: skip
def test_a_thing_is_rendered_on_its_ground(picturebook: Model, prompt: str, channel: int) -> None:
    renderer = Renderer(picturebook, CPU, QUICK)
    renderer.add(RenderRequest(1, make_recipe(prompt)))
    (output,) = renderer.step()
    ground = output.pixels[0].float()[:, -12:, :12].mean((1, 2))
    assert ground.argmax() == channel


DEMO = ("a lighthouse in a storm, at night", "watermark")


@pytest.mark.parametrize(("include", "exclude"), [*EXAMPLES["picturebook"], DEMO])
@pytest.mark.slow
def test_every_example_is_understood_and_rendered(
    picturebook: Model, include: str, exclude: str
) -> None:
    vocabulary = vocabulary_of("picturebook")
    assert vocabulary
    for text in filter(None, (include, exclude)):
        assert not vocabulary.understand(text).empty
    renderer = Renderer(picturebook, CPU, QUICK)
    renderer.add(RenderRequest(1, make_recipe(include, exclude)))
    (output,) = renderer.step()
    assert output.done
    assert output.fault is None
    assert output.pixels.std() > 0.05


def test_a_story_starts_from_its_first_scene(picturebook: Model) -> None:
    for story, opening in (
        ("a seed -> a tree on a red background", "a seed"),
        (
            "left: a cat | on a blue background -> on a red background",
            "left: a cat | on a blue background",
        ),
    ):
        recipes = [
            Recipe.make(text, width=128, height=128, steps=1, seed=0) for text in (story, opening)
        ]
        first, only = (composition_of(recipe, picturebook) for recipe in recipes)
        assert first == only


def test_things_on_different_backgrounds_share_one_on_which_all_are_visible() -> None:
    def square(colour: float, ground: tuple[float, ...]) -> Tensor:
        image = torch.tensor(ground)[:, None, None].repeat(1, 32, 32)
        image[:, 8:24, 8:24] = colour
        return image

    white, orange = (1.0, 1.0, 1.0), (1.0, 0.5, 0.0)
    for light, expected in ((0.95, orange), (0.3, white)):
        images = [square(light, orange), square(0.2, white)]
        grounds = [torch.tensor(orange), torch.tensor(white)]
        mattes = [matte(*pair, InitConfig()) for pair in zip(images, grounds, strict=True)]
        shared = shared_background(images, mattes, grounds, InitConfig())
        assert torch.equal(shared, torch.tensor(expected))


def blueness(picturebook: Model, prompt: str, exclude: str = "", repaint: bool = False) -> float:
    """How much more blue than red the rendered image is, on average."""
    part = Repaint((Region(10, 10, 90, 90),))
    repainted = {"initial": BASE, "repaint": part} if repaint else {}
    recipe = make_recipe(prompt, exclude, seed=3, steps=4, **repainted)
    renderer = Renderer(picturebook, CPU, QUICK)
    renderer.add(RenderRequest(1, recipe, {BASE: Image.new("RGB", (512, 512), "white")}))
    pixels = [output for _ in range(4) for output in renderer.step()][-1].pixels[0]
    return (pixels[2] - pixels[0]).mean().item()


@pytest.mark.slow
@pytest.mark.parametrize("repaint", [False, True])
def test_a_thing_has_the_colour_that_the_prompt_names(picturebook: Model, repaint: bool) -> None:
    own = blueness(picturebook, "a cat", repaint=repaint)
    assert own < 0 < 0.1 < blueness(picturebook, "a blue cat", repaint=repaint)


@pytest.mark.slow
def test_a_thing_does_not_have_an_excluded_colour(picturebook: Model) -> None:
    assert blueness(picturebook, "a blue heart") > 0.1
    assert blueness(picturebook, "a blue heart", exclude="blue") < 0


def test_the_things_of_regions_have_the_colours_that_prompts_name(picturebook: Model) -> None:
    recipe = Recipe.make(
        "left: a blue cat | right: a dog", "orange", width=128, height=128, steps=1
    )
    composition = composition_of(recipe, picturebook)
    backgrounds = vocabulary_of("picturebook").backgrounds
    assert [part.colour for part in composition.parts] == [backgrounds["blue"], None]
    assert composition.excluded_colours == (backgrounds["orange"],)


@pytest.mark.slow
def test_an_outline_drawing_has_dark_lines_and_only_the_colours_that_the_prompt_names(
    picturebook: Model,
) -> None:
    def shares(prompt: str) -> tuple[float, float]:
        """How much is dark, and how much is coloured."""
        renderer = Renderer(picturebook, CPU, QUICK)
        renderer.add(RenderRequest(1, make_recipe(prompt, seed=3, steps=4)))
        pixels = [output for _ in range(4) for output in renderer.step()][-1].pixels
        lightest, darkest = pixels.amax(1), pixels.amin(1)
        dark, coloured = lightest < 0.3, lightest - darkest > 0.3
        return dark.float().mean().item(), coloured.float().mean().item()

    flat, lines, filled = map(
        shares, ("a flat lemon", "a lemon, line art", "a red lemon, line art")
    )
    assert min(lines[0], filled[0]) > 0.03 + flat[0]
    assert lines[1] < 0.02 < 0.1 < min(filled[1], flat[1])
    assert shares("a lemon on a black background, line art") == pytest.approx(lines, abs=0.02)


@pytest.mark.slow
def test_an_interrupted_outline_drawing_resumes_to_the_same_image(
    picturebook: Model,
) -> None:
    recipe = make_recipe("a lemon, outline drawing", seed=3, steps=4)
    uninterrupted = Renderer(picturebook, CPU, QUICK)
    uninterrupted.add(RenderRequest(1, recipe))
    outputs = [output for _ in range(2) for output in uninterrupted.step()]
    checkpoint = outputs[-1].checkpoint()
    resumed = Renderer(picturebook, CPU, QUICK)
    resumed.add(RenderRequest(1, recipe, resume_from=checkpoint))
    ends = [[o for _ in range(2) for o in each.step()][-1] for each in (uninterrupted, resumed)]
    assert ends[0].done
    assert torch.equal(ends[0].pixels, ends[1].pixels)


def test_a_landscape_without_a_thing_has_one_colour_below_its_sky(picturebook: Model) -> None:
    recipe = make_recipe("snowy hills at night")
    composition = composition_of(recipe, picturebook)
    assert (composition.parts, composition.landscape) == ((), "snow at night")
    target, generator = target_of(picturebook, recipe), torch.Generator().manual_seed(0)
    with torch.no_grad():
        (image,) = compose_images(
            picturebook, composition, target, QUICK, 128, 128, [generator], None
        )
    sky, snow = image[:, 8:40].mean((1, 2)), image[:, 100:120].mean((1, 2))
    assert sky.mean() < 0.4 < snow.mean()
    assert image[:, 100:120].std((1, 2)).max() < 0.1


def test_scenery_is_in_its_places_on_either_side(picturebook: Model) -> None:
    recipe = make_recipe("the moon over the sea")
    composition = composition_of(recipe, picturebook)
    (moon,) = composition.scenery
    target = target_of(picturebook, recipe)
    for seed, x in ((0, moon.x), (1, 1 - moon.x)):
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            (image,) = compose_images(
                picturebook, composition, target, QUICK, 128, 128, [generator], None
            )
        rows, columns = (image[:, :56].amin(0) > 0.2).nonzero().unbind(1)  # the sky is dark blue
        middle = float(columns.float().mean() / 128), float(rows.float().mean() / 128)
        assert middle == pytest.approx((x, moon.y), abs=moon.size / 4)


def test_a_ring_is_drawn_in_one_colour_and_the_background_shows_through_it(
    picturebook: Model,
) -> None:
    recipe = make_recipe("a purple ring on a green background")
    composition = composition_of(recipe, picturebook)
    (part,) = composition.parts
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        (image,) = compose_images(
            picturebook, composition, target_of(picturebook, recipe), QUICK, 128, 128,
            [generator], None,
        )  # fmt: skip
    purple, green = (torch.tensor(c) / 255 for c in (part.colour, composition.colour))
    for colour, least in ((purple, 0.1), (green, 0.4)):
        near = (image - colour[:, None, None]).abs().amax(0) < 0.02
        assert near.float().mean() > least
    assert (image[:, 60:68, 60:68] - green[:, None, None]).abs().max() < 0.02
