"""Images carry their recipe, previews are small, and timelapses play."""

import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from core.film import Film, Motion
from core.pattern import Tile
from core.recipe import ImagePrompt, Recipe
from core.sizes import MAX_SIDE, MIN_SIDE
from core.storage.paths import film_of, finished_images, tile_previews, timelapse_of
from core.storage.uploaded_images import MAX_BYTES, ImageError
from engine import media
from engine.job_files import KEPT_FRAMES, JobFiles, is_kept
from engine.media import (
    MAX_METADATA,
    Metadata,
    Provenance,
    png,
    preview,
    read_metadata,
    side_by_side,
    tile_preview,
)
from tests import any_recipe  # noqa: F401 - registers how hypothesis generates a recipe

MADE_BY = Provenance("sketch", {"vqgan.safetensors": "ab" * 32})
sides = st.integers(MIN_SIDE, MAX_SIDE)


def noise(width: int, height: int) -> Image.Image:
    return Image.effect_noise((width, height), 90).convert("RGB")


def test_a_tile_is_shown_repeated(tmp_path: Path) -> None:
    recipe = Recipe.make("moss", width=64, height=48, steps=5, tile=Tile.BOTH)
    path = tmp_path / "tile.png"
    path.write_bytes(png(noise(64, 48), recipe, 0, MADE_BY))
    assert read_metadata(path).recipe.tile is Tile.BOTH
    shown = Image.open(io.BytesIO(tile_preview(path)))
    assert shown.size == (1024, 768)
    quarters = [shown.crop((x, y, x + 512, y + 384)) for x in (0, 512) for y in (0, 384)]
    for quarter in quarters[1:]:
        assert np.abs(np.asarray(quarter, float) - np.asarray(quarters[0], float)).mean() < 3


@pytest.mark.parametrize(
    ("count", "size"), [(1, (8, 6)), (2, (16, 6)), (3, (16, 12)), (4, (16, 12))]
)
def test_several_images_are_placed_side_by_side(count: int, size: tuple[int, int]) -> None:
    colours = ["red", "lime", "blue", "black"][:count]
    sheet = side_by_side([Image.new("RGB", (8, 6), colour) for colour in colours])
    assert sheet.size == size
    assert len(sheet.getcolors() or []) == (4 if count > 2 else count)


def test_a_preview_is_a_small_file_but_a_large_enough_image() -> None:
    content = preview([noise(64, 64)] * 4)
    with Image.open(io.BytesIO(content)) as shown:
        assert (shown.format, shown.size) == ("WEBP", (512, 512))
    assert len(content) < 2**19


def test_an_image_carries_everything_needed_to_render_it_again(
    recipe: Callable[..., Recipe],
) -> None:
    original = recipe("zwei Bäume | 夜:0.5", "watermark", count=2, width=64, height=48)
    with Image.open(io.BytesIO(png(noise(64, 48), original, 1, MADE_BY))) as image:
        image.load()
        assert image.size == (512, 384)
        text = image.text  # type: ignore[attr-defined]
    assert Recipe.model_validate_json(text["recipe"]) == original
    assert (text["row"], text["seed"], text["model"]) == ("1", "8", "sketch")
    assert json.loads(text["weights"]) == MADE_BY.checksums
    assert "torch" in json.loads(text["versions"])
    assert text["parameters"] == (
        "include: zwei Bäume | 夜:0.5\nexclude: watermark\n"
        "size: 64x48, steps: 5, seed: 8, model: sketch"
    )


def test_parameters_also_list_image_prompts_preset_and_source(
    recipe: Callable[..., Recipe],
) -> None:
    like = ImagePrompt("a" * 64, 0.5)
    original = recipe("", "fog", preset="winter", include_images=[like], initial="b" * 64)
    lines = _metadata(png(noise(8, 8), original, 0, MADE_BY))["parameters"].splitlines()
    assert lines[1:3] == [f"include images: {'a' * 64}:0.5", "exclude: fog"]
    assert "strength: 0.5, preset: winter" in lines[3]
    variation = recipe().vary(12, 0, seed=1)
    lines = _metadata(png(noise(8, 8), variation, 0, MADE_BY))["parameters"].splitlines()
    assert "from job: 12, image: 1, spread: 0.5" in lines[1]


def _metadata(content: bytes) -> dict[str, str]:
    with Image.open(io.BytesIO(content)) as image:
        return dict(image.info)


@pytest.mark.slow
@settings(max_examples=50)  # each writes two images
@given(original=st.from_type(Recipe), data=st.data())
def test_a_recipe_survives_a_round_trip_through_a_png(
    original: Recipe, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    row = data.draw(st.integers(0, original.count - 1))
    path = tmp_path_factory.getbasetemp() / "asked.png"
    image, images = (
        Image.new("RGB", (512, 512)),
        {name: noise(8, 8) for name in original.image_names},
    )
    path.write_bytes(png(image, original, row, MADE_BY, images=images))
    read = read_metadata(path)
    assert (read.recipe, read.row, read.model) == (original, row, "sketch")
    assert list(read.differences(MADE_BY)) == []
    again = read.recipe.for_image(read.row)
    path.write_bytes(png(image, again, 0, MADE_BY, images=images))
    assert read_metadata(path).recipe.seeds == (original.seeds[row],)


def test_changed_weights_and_packages_are_listed(
    tmp_path: Path, recipe: Callable[..., Recipe]
) -> None:
    (tmp_path / "a.png").write_bytes(png(noise(8, 8), recipe(), 0, MADE_BY))
    read = read_metadata(tmp_path / "a.png")
    older = read.model_copy(update={"versions": read.versions | {"torch": "0.1"}})
    lines = list(older.differences(Provenance("sketch", {"vqgan.safetensors": "cd" * 32})))
    assert lines[0] == "vqgan.safetensors is not the file that was used then."
    assert re.fullmatch(r"torch was 0\.1 then and is \S+ now\.", lines[1])


GOOD = {"row": "0", "model": "sketch", "weights": "{}", "versions": "{}"}
RECIPE = '{"include":[{"text":"a"}],"width":64,"height":64,"steps":5,"seed":7}'


def _png_with(texts: dict[str, str]) -> bytes:
    chunks, buffer = PngImagePlugin.PngInfo(), io.BytesIO()
    for key, text in texts.items():
        chunks.add_itxt(key, text, zip=True)
    Image.new("RGB", (8, 8)).save(buffer, "PNG", pnginfo=chunks)
    return buffer.getvalue()


def test_images_made_until_2026_name_their_model_under_another_key(tmp_path: Path) -> None:
    texts = {key: text for key, text in GOOD.items() if key != "model"}
    (tmp_path / "a.png").write_bytes(_png_with(texts | {"recipe": RECIPE, "pair": "sketch"}))
    assert read_metadata(tmp_path / "a.png").model == "sketch"


def _as_jpeg() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "not a PNG"),
        (b"\x89PNG\r\n\x1a\n", "not a PNG"),
        (_as_jpeg(), "not a PNG"),
        (_png_with(GOOD | {"recipe": RECIPE})[:60], "not a PNG|no recipe"),
        (_png_with({"recipe": "x" * 50_000_000}), "not a PNG"),
        (b"\0" * (MAX_BYTES + 1), "too large"),
        (_png_with({}), "no recipe"),
        (_png_with({"parameters": "a cat, Steps: 20, Sampler: Euler"}), "no recipe"),
        (_png_with({"recipe": RECIPE}), "cannot be read"),
        (_png_with(GOOD | {"recipe": "flour, two eggs"}), "cannot be read"),
        (_png_with(GOOD | {"recipe": "[" * 50_000}), "cannot be read"),
        (_png_with(GOOD | {"recipe": RECIPE.replace("64", "1000000")}), "cannot be read"),
        (_png_with(GOOD | {"recipe": RECIPE[:-1] + ',"later":1}'}), "cannot be read"),
        (_png_with(GOOD | {"recipe": RECIPE + " " * MAX_METADATA}), "cannot be read"),
        (_png_with(GOOD | {"recipe": RECIPE, "row": "1"}), "cannot be read"),
        (_png_with(GOOD | {"recipe": RECIPE, "model": "../../etc"}), "cannot be read"),
        (_png_with(GOOD | {"recipe": RECIPE, "weights": '{"a":"\\u001b[2J"}'}), "cannot be read"),
        (_png_with(GOOD | {"recipe": RECIPE, "versions": "[]"}), "cannot be read"),
    ],
)
def test_a_foreign_or_broken_file_is_refused_with_a_sentence(
    content: bytes, sentence: str, tmp_path: Path
) -> None:
    (tmp_path / "a.png").write_bytes(_png_with(GOOD | {"recipe": RECIPE}))
    assert isinstance(read_metadata(tmp_path / "a.png"), Metadata)
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(ImageError, match=rf"a\.png.*({sentence}).*\.$"):
        read_metadata(tmp_path / "a.png")


def test_a_job_of_many_steps_has_a_bounded_number_of_frames_and_a_timelapse(
    tmp_path: Path, recipe: Callable[..., Recipe]
) -> None:
    files = JobFiles(tmp_path, recipe(steps=1999, width=18, height=17), MADE_BY)
    kept = [step for step in range(1, 2000) if is_kept(step, 1999)]
    assert kept[0] == 1
    assert len(kept) <= KEPT_FRAMES + 2
    for step in kept[:10]:
        files.write_frame(step, [noise(18, 17)])
    assert files.write_results([noise(18, 17)]) == finished_images(tmp_path)
    with av.open(str(timelapse_of(tmp_path))) as film:
        stream = film.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt) == ("h264", "yuv420p")
        assert (stream.width % 2, stream.height % 2) == (0, 0)
        linger = media.LINGER_SECONDS * media.FRAMES_PER_SECOND
        assert sum(1 for _ in film.decode(stream)) == 10 + linger
    content = timelapse_of(tmp_path).read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")  # it plays while it loads


def test_a_timelapse_stays_below_the_upload_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media, "MAX_UPLOAD", 300_000)
    frames = []
    for number in range(20):
        frames.append(tmp_path / f"frame-{number}.webp")
        noise(256, 256).save(frames[-1], "WEBP", quality=85)
    assert sum(frame.stat().st_size for frame in frames) > 300_000
    media.write_timelapse(tmp_path / "timelapse.mp4", frames)
    assert (tmp_path / "timelapse.mp4").stat().st_size <= 300_000


def test_every_tile_of_a_job_gets_a_preview(tmp_path: Path, recipe: Callable[..., Recipe]) -> None:
    JobFiles(tmp_path / "one", recipe(), MADE_BY).write_results([noise(16, 16)])
    assert tile_previews(tmp_path / "one") == []
    files = JobFiles(tmp_path / "tiles", recipe(count=2, tile=Tile.BOTH), MADE_BY)
    files.write_results([noise(16, 16), noise(16, 16)])
    previews = tile_previews(tmp_path / "tiles")
    assert [path.name for path in previews] == ["repeated-0.webp", "repeated-1.webp"]
    with Image.open(previews[0]) as shown:
        assert shown.size == (1024, 1024)


def test_a_resumed_film_has_the_frames_up_to_its_checkpoint_and_the_new_ones(
    tmp_path: Path, recipe: Callable[..., Recipe]
) -> None:
    filmed = recipe(steps=3).with_film(Film(Motion.ZOOM_IN, 10, 1))
    before = JobFiles(tmp_path, filmed, MADE_BY)
    for step in range(4, 10):
        before.write_film_frame(step, [noise(16, 16)])
    files = JobFiles(tmp_path, filmed, MADE_BY, start_step=7)
    for step in range(8, 14):
        files.write_film_frame(step, [noise(16, 16)])
    (path,) = files.write_results([noise(16, 16)])
    with av.open(str(film_of(tmp_path))) as film:
        assert sum(1 for _ in film.decode(film.streams.video[0])) == 10
    metadata = read_metadata(path)
    assert metadata.recipe.film == filmed.film
    with Image.open(path) as image:
        assert "film: zoom-in, frames: 10 of 1 steps" in image.info["parameters"]
