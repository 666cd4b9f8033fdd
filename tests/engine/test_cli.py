"""The host's commands: each does its job, and each mistake ends in one sentence."""

import asyncio
import io
import os
import signal
import sqlite3
import sys
from dataclasses import replace
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest
import torch
from PIL import Image

from core.health import Finding
from core.prompts import parse_prompts
from core.recipe import Recipe
from core.repaint import Repaint, parse_regions
from engine.cli.doctor import checklist_line, summary, supports_colour
from engine.cli.main import main
from engine.media import Provenance, png, read_metadata
from engine.models.catalogue import Entry
from engine.models.weights import SUMS
from engine.synthesis.config import CONFIGS
from engine.synthesis.output import StepOutput
from engine.synthesis.renderer import Renderer
from sandbox import Sandbox
from sandbox.discord.permissions import Permission
from tests.engine.random_pair import random_sketch
from tests.engine.synthesis.conftest import QUICK

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return random_sketch(tmp_path_factory.mktemp("sketch"))


@pytest.fixture(autouse=True)
def working_dir(tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, with a model to render with and no settings."""
    monkeypatch.chdir(tmp_path)
    for name in ("DISCORD_TOKEN", "DATA_DIR", "DATABASE_PATH", "PAIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MODEL", "sketch")
    monkeypatch.setenv("DEVICE", "cpu")
    monkeypatch.setattr(Entry, "folder", lambda entry, data_dir: weights)
    monkeypatch.setitem(CONFIGS, "sketch", QUICK)
    return tmp_path


def render(*options: str, out: str = "out", include: str = "a red circle") -> int:
    size = ("--size", "16x16", "--steps", "3", "--seed", "7")
    return main(["render", include, *size, "--out", out, *options])


@pytest.mark.slow
def test_render_writes_images_frames_and_a_timelapse(
    working_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert render("--exclude", "watermark", "--count", "2") == 0
    output = capsys.readouterr()
    printed = [Path(line) for line in output.out.splitlines()]
    assert [path.name for path in printed] == ["final-0.png", "final-1.png", "timelapse.mp4"]
    assert all(path.stat().st_size for path in printed)
    assert len(list((working_dir / "out").glob("frame-*.webp"))) == 3
    assert "step 3/3" in output.err
    recipe = read_metadata(printed[0]).recipe
    assert (recipe.seed, recipe.count, recipe.exclude[0].text) == (7, 2, "watermark")


@pytest.mark.parametrize(("model", "steps"), [("sketch", 40), ("picturebook", 30)])
def test_render_takes_the_models_number_of_steps_by_default(
    monkeypatch: pytest.MonkeyPatch, model: str, steps: int
) -> None:
    requested: list[Recipe] = []

    def only_record(recipe: Recipe, *rest: object) -> list[Path]:
        requested.append(recipe)
        return []

    monkeypatch.setattr("engine.render.render", only_record)
    assert main(["render", "a cat", "--model", model]) == 0
    assert main(["render", "a cat", "--model", model, "--steps", "7"]) == 0
    assert [recipe.steps for recipe in requested] == [steps, 7]


@pytest.mark.slow
def test_render_continues_with_a_film(
    working_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert render("--film", "zoom-in", "--frames", "10") == 0
    output = capsys.readouterr()
    printed = [Path(line).name for line in output.out.splitlines()]
    assert printed == ["final-0.png", "film.mp4", "timelapse.mp4"]
    assert "Film of 0.5 s: 20 of the steps" in output.err
    assert len(list((working_dir / "out").glob("film-*.webp"))) == 10
    before = (working_dir / "out" / "film-0023.webp").read_bytes()
    assert main(["render", "--again", "out/final-0.png", "--out", "again"]) == 0
    assert (working_dir / "again" / "film-0023.webp").read_bytes() == before
    assert render("--frames", "10") == 1
    assert render("--film", "zoom-in", "--frames", "9") == 1
    assert render("--film", "zoom-in", "--tile", "both") == 1


@pytest.mark.slow
def test_ctrl_c_stops_and_keeps_the_image_so_far(
    working_dir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    step = Renderer.step

    def interrupt_in_step_two(renderer: Renderer) -> list[StepOutput]:
        if any(rows.step == 1 for rows in renderer._jobs.values()):
            signal.raise_signal(signal.SIGINT)
        return step(renderer)

    monkeypatch.setattr(Renderer, "step", interrupt_in_step_two)
    assert render("--steps", "90") == 0
    output = capsys.readouterr()
    assert "Stopped at step 2 of 90." in output.err
    assert [Path(line).name for line in output.out.splitlines()] == ["final-0.png", "timelapse.mp4"]
    assert len(list((working_dir / "out").glob("frame-*.webp"))) == 2


@pytest.mark.slow
def test_an_image_that_no_longer_improves_ends_early_and_says_so(
    working_dir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    step = Renderer.step

    def finish_at_step_two(renderer: Renderer) -> list[StepOutput]:
        (output,) = step(renderer)
        return [replace(output, done=output.step == 2)]

    monkeypatch.setattr(Renderer, "step", finish_at_step_two)
    assert render("--steps", "90") == 0
    assert "Finished at step 2 of 90: more would not improve the image." in capsys.readouterr().err


@pytest.mark.slow
def test_the_same_seed_renders_the_same_image_and_another_does_not(working_dir: Path) -> None:
    rendered = {}
    for folder, seed in (("one", "7"), ("two", "7"), ("three", "8")):
        assert render("--seed", seed, out=folder) == 0
        rendered[folder] = pixels(working_dir / folder / "final-0.png")
    assert rendered["one"] == rendered["two"] != rendered["three"]


@pytest.mark.slow
def test_render_starts_from_an_image(working_dir: Path) -> None:
    Image.new("RGB", (40, 20), "navy").save(working_dir / "start.png")
    assert render("--init", "start.png", "--strength", "0.9") == 0


@pytest.mark.slow
def test_tiles_are_shown_repeated(working_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert render("--tile", "both", "--count", "2") == 0
    printed = [Path(line).name for line in capsys.readouterr().out.splitlines()]
    assert printed[2:4] == ["repeated-0.webp", "repeated-1.webp"]


@pytest.mark.slow
def test_a_part_of_an_image_is_repainted(
    working_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert render("--exclude", "fog") == 0
    first = "out/final-0.png"
    assert main(["render", "a blue star", "--from", first, "--repaint", "left", "--out", "b"]) == 0
    repainted = read_metadata(working_dir / "b" / "final-0.png").recipe
    assert (repainted.size, repainted.steps, repainted.repaint) == (
        "16x16",
        3,
        Repaint(parse_regions("left")),
    )
    assert ([p.text for p in repainted.include], repainted.exclude) == (["a blue star"], ())
    before, after = (
        np.asarray(Image.open(working_dir / path)) for path in (first, "b/final-0.png")
    )
    half = before.shape[1] // 2
    assert (before[:, half:] == after[:, half:]).all()
    assert (before[:, :half] != after[:, :half]).any()
    for number, option in enumerate((["--zoom-out"], ["--pan", "up"], ["--mask", first])):
        assert main(["render", "--from", first, *option, "--out", f"c{number}"]) == 0
    zoomed_out = read_metadata(working_dir / "c0" / "final-0.png").recipe
    assert [p.text for p in (*zoomed_out.include, *zoomed_out.exclude)] == ["a red circle", "fog"]
    again = ["render", "--again", "c1/final-0.png", "--out", "d"]
    assert main(again) == 0
    assert pixels(working_dir / "d" / "final-0.png") == pixels(working_dir / "c1" / "final-0.png")
    capsys.readouterr()
    assert main(["render", "a", "--repaint", "left"]) == 1
    assert "Give --from with one of" in capsys.readouterr().err
    assert main(["render", "a", "--from", first, "--repaint", "nose"]) == 1
    assert "A region is left" in capsys.readouterr().err


@pytest.fixture
def image_dir(working_dir: Path) -> Path:
    """A folder with `navy.png` and `pink.png`, for use as initial images and prompts."""
    for colour in ("navy", "pink"):
        Image.new("RGB", (40, 20), colour).save(working_dir / f"{colour}.png")
    return working_dir


def pixels(path: Path) -> bytes:
    with Image.open(path) as image:
        return image.tobytes()


@pytest.mark.slow
def test_images_and_presets_work_as_prompts(image_dir: Path) -> None:
    Image.new("RGB", (8, 8), "red").save(image_dir / "a=b.png")
    assert render("--like", "navy.png=0.5", "--like", "a=b.png", "--unlike", "pink.png") == 0
    recipe = read_metadata(image_dir / "out" / "final-0.png").recipe
    assert [prompt.weight for prompt in recipe.include_images] == [0.5, 1]
    assert {f"{name}.png" for name in recipe.image_names} == {
        path.name for path in (image_dir / "out" / "initial").iterdir()
    }
    arguments = ["--like", "navy.png", "--size", "16x16", "--steps", "3", "--out", "wordless"]
    assert main(["render", *arguments]) == 0
    assert read_metadata(image_dir / "wordless" / "final-0.png").recipe.include == ()
    assert render("--preset", "winter", out="styled") == 0
    assert read_metadata(image_dir / "styled" / "final-0.png").recipe.preset == "winter"


@pytest.mark.slow
def test_again_renders_one_image_of_two_and_repeats_it_byte_for_byte(
    image_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--like", "navy.png=0.5", "--exclude", "watermark", "--preset", "night")
    assert render(*options, "--init", "pink.png", "--count", "2") == 0
    first = image_dir / "out" / "final-1.png"
    capsys.readouterr()
    assert main(["render", "--again", str(first), "--out", "again"]) == 0
    assert "Warning" not in capsys.readouterr().err
    second = image_dir / "again" / "final-0.png"
    # Some processors multiply bfloat16 in another order in a batch of two images.
    one, other = (np.frombuffer(pixels(path), np.uint8).astype(int) for path in (first, second))
    assert np.abs(one - other).mean() < 2
    assert read_metadata(second).recipe == read_metadata(first).recipe.for_image(1)
    assert main(["render", "--again", str(second), "--out", "once-more"]) == 0
    assert (image_dir / "once-more" / "final-0.png").read_bytes() == second.read_bytes()


def test_describe_prints_three_prompts_with_their_similarity(
    working_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("RGB", (40, 30), "red").save("red.png")
    assert main(["describe", "red.png"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    for line in lines:
        similarity, prompt = line.split("  ", 1)
        assert -1 <= float(similarity) <= 1
        assert parse_prompts(prompt)


def test_describe_refuses_files_that_are_not_usable_images(
    working_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (working_dir / "text.png").write_text("no image")
    (working_dir / "large.png").write_bytes(bytes(11 * 2**20))
    for name, sentence in (
        ("text.png", "isn't a PNG"),
        ("large.png", "The limit is 10 MB"),
        ("missing.png", "missing.png: No such file"),
    ):
        assert main(["describe", name]) == 1
        assert sentence in capsys.readouterr().err


@pytest.mark.slow
def test_again_with_another_seed_or_more_steps_renders_another_image(working_dir: Path) -> None:
    assert render() == 0
    first = working_dir / "out" / "final-0.png"
    for name, value in (("seed", 8), ("steps", 4)):
        other = (f"--{name}", str(value), "--out", name)
        assert main(["render", "--again", str(first), *other]) == 0
        second = working_dir / name / "final-0.png"
        assert getattr(read_metadata(second).recipe, name) == value
        assert pixels(second) != pixels(first)


@pytest.mark.slow
def test_again_finds_images_in_the_data_folder_or_says_that_they_are_missing(
    image_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert render("--like", "navy.png") == 0
    again = ["render", "--again", "out/final-0.png", "--out", "again"]
    (image_dir / "elsewhere").mkdir()
    (image_dir / "out" / "initial").rename(image_dir / "elsewhere" / "initial")
    assert main(again) == 1
    assert "no longer exists" in capsys.readouterr().err
    monkeypatch.setenv("DATA_DIR", "elsewhere")
    assert main(again) == 0


@pytest.mark.slow
def test_again_warns_about_changed_weights(
    working_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert render() == 0
    other = random_sketch(working_dir / "other", seed=1)
    monkeypatch.setattr(Entry, "folder", lambda entry, data_dir: other)
    capsys.readouterr()
    assert main(["render", "--again", "out/final-0.png"]) == 0
    output = capsys.readouterr().err
    assert "Warning: vqgan.safetensors is not the file that was used then." in output


@pytest.mark.slow
def test_again_takes_everything_else_from_the_image(
    working_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert render() == 0
    for option in (["a circle"], ["--size", "64x64"], ["--count", "1"], ["--model", "sketch"]):
        assert main(["render", "--again", "out/final-0.png", *option]) == 1
        assert "With --again, give only" in capsys.readouterr().err


def test_again_refuses_an_image_that_starts_from_a_job(
    working_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = Recipe.make("a", width=16, height=16, steps=3).continue_from(12, 0, steps=3)
    content = png(Image.new("RGB", (16, 16)), recipe, 0, Provenance("sketch", {}))
    (working_dir / "a.png").write_bytes(content)
    assert main(["render", "--again", "a.png"]) == 1
    assert "starts from job 12" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["render"], "There is nothing to paint"),
        (["render", "--unlike", "navy.png"], "There is nothing to paint"),
        (["render", "--like", "navy.png=-1"], "A weight can't be negative"),
        (["render", "--like", "navy.png=20"], "A weight is a number above 0"),
        (["render", "--like", "nowhere.png"], "nowhere.png: No such file"),
        (["render", "a", "--preset", "vaporwave"], "There is no such style"),
        (["render", "--again", "navy.png"], "navy.png holds no recipe"),
        (["render", "--again", "broken.png"], "broken.png is not a PNG"),
        (["render", "--again", "nowhere.png"], "nowhere.png: No such file"),
        (["render", "a", "--size", "3"], "A size is width x height"),
        (["render", "a", "--size", "17x16"], "17x16 doesn't work"),
        (["render", " "], "There is nothing to paint"),
        (["render", "fog:-1"], "A weight can't be negative"),
        (["render", "a", "--count", "9"], "Count must be"),
        (["render", "a", "--steps", "0"], "Steps must be"),
        (["render", "a", "--model", "watercolour"], "There is no model"),
        (["render", "a", "--init", "nowhere.png"], "nowhere.png: No such file"),
        (["render", "a", "--init", "broken.png"], "isn't a PNG, JPEG, WebP or GIF"),
        (["weights", "pull", "watercolour"], "There is no model"),
        (["weights", "check", "imagenet"], "weights pull imagenet"),
    ],
)
def test_a_mistake_ends_in_a_sentence(
    arguments: list[str], sentence: str, image_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (image_dir / "broken.png").write_bytes(b"no picture")
    assert main(arguments) == 1
    output = capsys.readouterr().err
    assert sentence in output
    assert "Traceback" not in output


def test_a_worker_without_a_token_exits_with_the_status_for_wrong_settings(
    working_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([]) == os.EX_CONFIG
    assert "DISCORD_TOKEN is not set" in capsys.readouterr().err


def test_a_worker_reports_a_wrong_model_before_a_missing_token(
    working_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MODEL", "watercolour")
    assert main([]) == os.EX_CONFIG
    assert "watercolour" in capsys.readouterr().err


def test_a_missing_gpu_is_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DEVICE", "cuda:7")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert render() == 1
    assert "DEVICE is cuda:7" in capsys.readouterr().err


@pytest.mark.slow
def test_missing_and_damaged_weights_are_reported(
    working_dir: Path,
    weights: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = copytree(weights, working_dir / "sketch")
    monkeypatch.setattr(Entry, "folder", lambda entry, data_dir: folder)
    (folder / "clip.safetensors").write_bytes(b"half of it")
    assert render() == 1
    assert "clip.safetensors is damaged" in capsys.readouterr().err
    (folder / "clip.safetensors").unlink()
    assert render() == 1
    assert "clip.safetensors is missing" in capsys.readouterr().err


def test_a_database_of_a_newer_version_is_refused(
    working_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with sqlite3.connect(working_dir / "newer.db") as newer:
        newer.execute("PRAGMA user_version = 999")
    monkeypatch.setenv("DISCORD_TOKEN", "never-used")
    monkeypatch.setenv("DATABASE_PATH", "newer.db")
    assert main([]) == os.EX_CONFIG
    assert "newer version" in capsys.readouterr().err


def test_a_full_disk_is_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(path: Path, content: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("engine.job_files.write_atomic", full)
    assert render() == 1
    assert "No space left on device" in capsys.readouterr().err


def test_weights_are_listed_and_checked(weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["weights", "list"]) == 0
    listed = capsys.readouterr().out
    size = sum(file.stat().st_size for file in weights.iterdir() if file.name != SUMS)
    assert f"  {size / 1e6:,.1f} MB on disk; ready: set MODEL=sketch in .env\n" in listed
    hint = "to download: python -m engine weights pull"
    assert f" on disk; 1.33 GB {hint} imagenet\n" in listed
    assert f" on disk; at least 354.0 MB {hint} faces\n" in listed
    assert "980.1 MB  missing" in listed
    assert "0.7 kB  missing" in listed
    assert " on disk; incomplete: git checkout -- engine/models/picturebook\n" in listed
    assert " 0.0 " not in listed
    assert main(["weights", "check"]) == 0
    assert str(weights) in capsys.readouterr().out


@pytest.mark.slow
async def test_the_real_process_refuses_a_wrong_token(working_dir: Path) -> None:
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
        output, _ = await process.communicate()
    assert process.returncode == os.EX_CONFIG
    assert b"does not accept the token" in output
    assert b"a-wrong-token" not in output
    assert b"Traceback" not in output


async def doctor(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, **settings: str
) -> tuple[int, list[str]]:
    """Runs the doctor; returns its exit status and the lines that are not OK."""
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    status = await asyncio.to_thread(main, ["doctor"])
    *lines, blank, summary = capsys.readouterr().out.splitlines()
    assert {line.split()[0] for line in lines} <= {"✓", "!", "✗"}
    assert not blank
    problems = [line for line in lines if not line.startswith("✓")]
    assert summary.startswith(f"{len(lines) - len(problems)} checks passed")
    return status, problems


async def test_the_doctor_reports_a_wrong_server_and_a_wrong_token(
    working_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with Sandbox() as discord:
        connection = {"DISCORD_API_URL": discord.api_url, "DISCORD_TOKEN": discord.token}
        guild_id = str(discord.guild.id)
        assert await doctor(capsys, monkeypatch, **connection, DISCORD_GUILD_ID=guild_id) == (0, [])

        status, (line,) = await doctor(capsys, monkeypatch, **connection, DISCORD_GUILD_ID="1234")
        assert (status, line[0]) == (1, "✗")
        assert "DISCORD_GUILD_ID=1234: invite it" in line

        status, (line,) = await doctor(
            capsys, monkeypatch, **{**connection, "DISCORD_TOKEN": "a-wrong-token"}
        )
        assert (status, line[0]) == (1, "✗")
        assert "does not accept the token" in line


async def test_the_doctor_only_warns_about_channels_where_the_bot_lacks_permissions(
    working_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with Sandbox() as discord:
        world, everyone = discord.world, discord.guild.id
        for name, denied in (
            ("quiet", Permission.ATTACH_FILES),
            ("hidden", Permission.VIEW_CHANNEL),
        ):
            world.overwrite(world.add_channel(discord.guild, name), everyone, deny=denied)
        connection = {"DISCORD_API_URL": discord.api_url, "DISCORD_TOKEN": discord.token}
        status, lines = await doctor(
            capsys, monkeypatch, **connection, DISCORD_GUILD_ID=str(everyone)
        )
    assert status == 0
    assert [line[0] for line in lines] == ["!"]
    assert "lacks Attach Files in #quiet of the server Painters" in lines[0]


async def test_the_doctor_checks_the_perceptors(
    working_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PERCEPTORS", "own open_clip/ViT-B-32/nowhere.safetensors")
    assert await asyncio.to_thread(main, ["doctor"]) == 1
    (line,) = (line for line in capsys.readouterr().out.splitlines() if "open_clip" in line)
    assert line.startswith("✗")
    assert "ViT-B-32/nowhere.safetensors" in line


def test_the_doctors_summary_repeats_a_single_problem() -> None:
    ok, warning, error = Finding.ok("fine."), Finding.warning("low."), Finding.error("broken.")
    assert summary([ok, ok]) == "2 checks passed."
    assert summary([ok, warning, ok]) == "2 checks passed, 1 warning: low."
    assert summary([error, ok]) == "1 check passed, 1 error: broken."
    several = summary([warning, error, warning])
    assert several == "0 checks passed, 1 error, 2 warnings: see above."


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_colours_are_used_only_on_a_terminal_that_supports_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert supports_colour(Terminal())
    assert not supports_colour(io.StringIO())
    monkeypatch.setenv("TERM", "dumb")
    assert not supports_colour(Terminal())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    assert not supports_colour(Terminal())
    assert checklist_line(Finding.error("broken."), coloured=False) == "✗ broken."
    assert checklist_line(Finding.error("broken."), coloured=True) == "\x1b[31m✗\x1b[0m broken."
