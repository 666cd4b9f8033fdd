"""What a host runs in a terminal: the demo, an image without Discord, and broken setups."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import av
import pytest
from PIL import Image

from sandbox import Sandbox
from tests.end_to_end.conftest import ROOT, recipe_in, until


async def run(folder: Path, *arguments: str, **settings: str) -> Process:
    """Starts `python -m …` in `folder` with a minimal environment and these settings."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
        "DEVICE": "cpu",
        "TMPDIR": str(folder),
        **settings,
    }
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", *arguments),
        env=environment,
        cwd=folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
    )


def processes_in(folder: Path) -> list[str]:
    """Command lines of the processes in a folder or below it: the demo and those it started."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink().is_relative_to(folder):
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:  # the process has just ended
            continue
    return found


async def test_the_demo_shows_the_whole_product_and_keeps_its_output(tmp_path: Path) -> None:
    request = {"INCLUDE": "a red circle on a white background", "EXCLUDE": "watermark", "SEED": "7"}
    process = await run(tmp_path, "sandbox.demo", **request, STEPS="40")
    stdout, stderr = await process.communicate()
    assert process.returncode == 0, stderr.decode()
    assert not stderr
    output = stdout.decode()
    out = tmp_path / "out"
    for path in ("picture.png", "frames", "timelapse.mp4", "transcript.md", "transcript.html"):
        assert f"out/{path}" in output
    with Image.open(out / "picture.png") as image:
        assert max(image.size) >= 512
        recipe = recipe_in(image)
    rendered = (recipe.include[0].text, recipe.exclude[0].text, str(recipe.seed))
    assert rendered == tuple(request.values())
    frames = sorted((out / "frames").iterdir())
    assert len(frames) >= 2
    assert all(f"frame {frame.name}" in output for frame in frames)
    with av.open(str(out / "timelapse.mp4")) as timelapse:
        assert next(timelapse.decode(video=0)).width >= 512
    assert "a red circle on a white background" in (out / "transcript.md").read_text()
    assert processes_in(tmp_path) == []


@pytest.mark.parametrize("moment", ["while its processes start", "while the picture forms"])
async def test_a_stopped_demo_leaves_no_process_behind(tmp_path: Path, moment: str) -> None:
    process = await run(tmp_path, "sandbox.demo", INCLUDE="a red circle")
    assert process.stdout
    if moment == "while its processes start":
        await until(lambda: len(processes_in(tmp_path)) >= 3)
    else:
        while not (await process.stdout.readline()).startswith(b"Painting"):
            assert not process.stdout.at_eof()
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)  # an impatient second Ctrl-C
    _, errors = await process.communicate()
    assert process.returncode == 130
    assert errors.decode().strip() == "Stopped; nothing is left running."
    assert processes_in(tmp_path) == []


async def test_the_same_seed_renders_the_same_bytes_in_another_process(tmp_path: Path) -> None:
    request = ("a red circle", "--model", "sketch", "--steps", "4", "--seed", "7", "--count", "2")
    names = ("one", "two")
    processes = [await run(tmp_path, "engine", "render", *request, "--out", name) for name in names]
    for process in processes:
        _, errors = await process.communicate()
        assert process.returncode == 0, errors.decode()
    rendered = [
        [(tmp_path / name / f"final-{row}.png").read_bytes() for row in (0, 1)] for name in names
    ]
    assert rendered[0] == rendered[1]
    assert rendered[0][0] != rendered[0][1]  # seeds 7 and 8


async def test_an_engine_without_usable_weights_says_how_to_fix_it(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged" / "weights" / "imagenet"
    damaged.mkdir(parents=True)
    files = ("model.yaml", "last.ckpt", "ViT-B-32.pt")
    for name in files:
        (damaged / name).write_bytes(b"half of it")
    async with Sandbox() as discord:
        processes = [
            await run(
                tmp_path,
                "engine",
                DISCORD_TOKEN=discord.token,
                DISCORD_API_URL=discord.api_url,
                MODEL="imagenet",
                DATA_DIR=folder,
                DATABASE_PATH=f"{folder}.db",
            )
            for folder in ("missing", "damaged")
        ]
        for process in processes:
            output, errors = await process.communicate()
            assert process.returncode == os.EX_CONFIG
            assert not output
            assert "Traceback" not in errors.decode()
            sentence = errors.decode().splitlines()[-1]
            assert any(name in sentence for name in files)
            assert "python -m engine weights pull imagenet" in sentence
            assert discord.token not in errors.decode()
