"""What a host types: each command does its work, each mistake ends in one sentence."""

import asyncio
import os
import sqlite3
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

from engine.__main__ import main
from engine.models.catalogue import Entry
from jobs.recipe import Recipe
from sandbox import Sandbox
from tests.engine.random_pair import random_sketch

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return random_sketch(tmp_path_factory.mktemp("sketch"))


@pytest.fixture(autouse=True)
def place(tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to stand in, with a pair to paint with and no settings."""
    monkeypatch.chdir(tmp_path)
    for name in ("DISCORD_TOKEN", "DATA_DIR", "DATABASE_PATH", "PAIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DEVICE", "cpu")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(Entry, "folder", lambda entry, data_dir: weights)
    return tmp_path


def render(*more: str, out: str = "out", include: str = "a red circle") -> int:
    size = ("--size", "16x16", "--steps", "3", "--seed", "7")
    return main(["render", include, *size, "--out", out, *more])


def test_render_leaves_pictures_frames_and_a_film(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert render("--exclude", "watermark", "--count", "2") == 0
    said = capsys.readouterr()
    printed = [Path(line) for line in said.out.splitlines()]
    assert [path.name for path in printed] == ["final-0.png", "final-1.png", "timelapse.mp4"]
    assert all(path.stat().st_size for path in printed)
    assert len(list((place / "out").glob("frame-*.webp"))) == 3
    assert "step 3/3" in said.err
    with Image.open(printed[0]) as picture:
        picture.load()
        recipe = Recipe.model_validate_json(picture.text["recipe"])  # type: ignore[attr-defined]
    assert (recipe.seed, recipe.count, recipe.exclude[0].text) == (7, 2, "watermark")


def test_the_same_seed_paints_the_same_picture_and_another_does_not(place: Path) -> None:
    pixels = {}
    for folder, seed in (("one", "7"), ("two", "7"), ("three", "8")):
        assert render("--seed", seed, out=folder) == 0
        pixels[folder] = Image.open(place / folder / "final-0.png").tobytes()
    assert pixels["one"] == pixels["two"] != pixels["three"]


def test_render_starts_from_a_picture(place: Path) -> None:
    Image.new("RGB", (40, 20), "navy").save(place / "start.png")
    assert render("--init", "start.png", "--strength", "0.9") == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["render", "a", "--size", "3"], "A size is width x height"),
        (["render", "a", "--size", "17x16"], "17x16 cannot be painted"),
        (["render", " "], "Nothing is asked for"),
        (["render", "fog:-1"], "A weight cannot be negative"),
        (["render", "a", "--count", "9"], "Count:"),
        (["render", "a", "--steps", "0"], "Steps:"),
        (["render", "a", "--pair", "watercolour"], "There is no pair"),
        (["render", "a", "--init", "nowhere.png"], "nowhere.png: No such file"),
        (["render", "a", "--init", "broken.png"], "not a PNG, JPEG, WebP or GIF"),
        (["weights", "pull", "watercolour"], "There is no pair"),
        (["weights", "check", "imagenet"], "weights pull imagenet"),
    ],
)
def test_a_mistake_ends_in_a_sentence(
    arguments: list[str], sentence: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "broken.png").write_bytes(b"no picture")
    assert main(arguments) == 1
    said = capsys.readouterr().err
    assert sentence in said
    assert "Traceback" not in said


def test_a_worker_without_a_token_tells_its_supervisor_to_wait_for_a_person(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([]) == os.EX_CONFIG
    assert "DISCORD_TOKEN is not set" in capsys.readouterr().err


def test_a_gpu_that_is_not_there_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DEVICE", "cuda:7")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert render() == 1
    assert "DEVICE is cuda:7" in capsys.readouterr().err


def test_missing_and_damaged_weights_are_named(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = random_sketch(place / "sketch")
    monkeypatch.setattr(Entry, "folder", lambda entry, data_dir: folder)
    (folder / "clip.safetensors").write_bytes(b"half of it")
    assert render() == 1
    assert "clip.safetensors is damaged" in capsys.readouterr().err
    (folder / "clip.safetensors").unlink()
    assert render() == 1
    assert "clip.safetensors is missing" in capsys.readouterr().err


def test_a_database_of_a_newer_version_is_refused(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with sqlite3.connect(place / "newer.db") as newer:
        newer.execute("PRAGMA user_version = 999")
    monkeypatch.setenv("DISCORD_TOKEN", "never-used")
    monkeypatch.setenv("DATABASE_PATH", "newer.db")
    assert main([]) == os.EX_CONFIG
    assert "newer version" in capsys.readouterr().err


def test_a_full_disk_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(path: Path, content: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("engine.album.write_whole", full)
    assert render() == 1
    assert "No space left on device" in capsys.readouterr().err


def test_weights_are_listed_and_checked(weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["weights", "list"]) == 0
    assert "imagenet" in capsys.readouterr().out
    assert main(["weights", "check"]) == 0
    assert str(weights) in capsys.readouterr().out


async def test_the_real_process_refuses_a_wrong_token(place: Path) -> None:
    async with Sandbox() as discord:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "engine"),
            env={
                "PYTHONPATH": str(ROOT),
                "DISCORD_TOKEN": "a-wrong-token",
                "DISCORD_API_URL": discord.api_url,
                "OMP_NUM_THREADS": "1",
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
    assert process.returncode == os.EX_CONFIG
    assert b"does not accept the token" in said
    assert b"a-wrong-token" not in said
    assert b"Traceback" not in said


async def test_the_doctor_says_what_is_well_and_what_is_not(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with Sandbox() as discord:
        monkeypatch.setenv("DISCORD_API_URL", discord.api_url)
        for token, status in ((discord.token, 0), ("a-wrong-token", 1)):
            monkeypatch.setenv("DISCORD_TOKEN", token)
            assert await asyncio.to_thread(main, ["doctor"]) == status
    lines = capsys.readouterr().out.splitlines()
    assert [line[:3] for line in lines] == ["ok "] * 5 + ["NOT"] + ["ok "] * 4
    assert "speaks as imagine" in lines[0]
    assert "does not accept the token" in lines[5]
