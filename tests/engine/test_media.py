"""Pictures carry their recipe, previews are small, timelapses play."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from engine import media
from engine.album import KEPT_FRAMES, Album, finished_pictures
from engine.media import Provenance, enlarged, png, preview, side_by_side, write_whole
from jobs.recipe import MAX_SIDE, MIN_SIDE, Recipe

MADE_BY = Provenance("sketch", {"vqgan.safetensors": "ab" * 32})
sides = st.integers(MIN_SIDE, MAX_SIDE)


def noise(width: int, height: int) -> Image.Image:
    return Image.effect_noise((width, height), 90).convert("RGB")


@given(sides, sides)
def test_enlarged_keeps_the_shape_and_reaches_the_side(width: int, height: int) -> None:
    shown = enlarged(Image.new("RGB", (width, height)), side=64)
    assert max(shown.size) >= 64
    assert shown.width * height == shown.height * width
    assert max(width, height) >= 64 or max(shown.size) < 64 + max(width, height)


@pytest.mark.parametrize(
    ("count", "size"), [(1, (8, 6)), (2, (16, 6)), (3, (16, 12)), (4, (16, 12))]
)
def test_several_pictures_go_side_by_side(count: int, size: tuple[int, int]) -> None:
    colours = ["red", "lime", "blue", "black"][:count]
    sheet = side_by_side([Image.new("RGB", (8, 6), colour) for colour in colours])
    assert sheet.size == size
    assert len(sheet.getcolors() or []) == (4 if count > 2 else count)


def test_a_preview_is_small_and_large_enough_to_look_at() -> None:
    content = preview([noise(64, 64)] * 4)
    with Image.open(io.BytesIO(content)) as shown:
        assert (shown.format, shown.size) == ("WEBP", (512, 512))
    assert len(content) < 2**19


def test_a_picture_carries_all_that_is_needed_to_paint_it_again(
    recipe: Callable[..., Recipe],
) -> None:
    asked = recipe("zwei Bäume | 夜:0.5", "watermark", count=2, width=64, height=48)
    with Image.open(io.BytesIO(png(noise(64, 48), asked, 1, MADE_BY))) as picture:
        picture.load()
        assert picture.size == (512, 384)
        text = picture.text  # type: ignore[attr-defined]
    assert Recipe.model_validate_json(text["recipe"]) == asked
    assert (text["row"], text["pair"]) == ("1", "sketch")
    assert json.loads(text["weights"]) == MADE_BY.checksums
    assert "torch" in json.loads(text["versions"])
    assert text["parameters"] == (
        "include: zwei Bäume | 夜:0.5\nexclude: watermark\n"
        "size: 64x48, steps: 5, seed: 8, pair: sketch"
    )


def test_an_album_of_many_steps_has_a_bounded_number_of_frames_and_a_film(
    tmp_path: Path, recipe: Callable[..., Recipe]
) -> None:
    album = Album(tmp_path, recipe(steps=1999, width=18, height=17), MADE_BY)
    kept = [step for step in range(1, 2000) if album.wants(step)]
    assert kept[0] == 1
    assert kept[-1] == 1999
    assert len(kept) <= KEPT_FRAMES + 2
    for step in kept[:10]:
        album.keep_frame(step, [noise(18, 17)])
    assert album.finish([noise(18, 17)]) == finished_pictures(tmp_path)
    with av.open(str(album.timelapse)) as film:
        stream = film.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt) == ("h264", "yuv420p")
        assert (stream.width % 2, stream.height % 2) == (0, 0)
        linger = media.LINGER_SECONDS * media.FRAMES_PER_SECOND
        assert sum(1 for _ in film.decode(stream)) == 10 + linger
    content = album.timelapse.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")  # it plays while it loads


def test_a_timelapse_stays_below_the_limit_of_uploads(
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


def test_a_file_that_cannot_be_finished_leaves_the_old_one_and_no_litter(tmp_path: Path) -> None:
    write_whole(tmp_path / "picture.png", b"old")

    def breaks_off(path: Path) -> None:
        path.write_bytes(b"half of the ne")
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        write_whole(tmp_path / "picture.png", breaks_off)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]
