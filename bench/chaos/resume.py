"""Whether jobs that a crash interrupted resumed from a checkpoint, and gave the same image."""

import asyncio
import json
import sqlite3
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops

from bench.chaos.environment import World
from core.prompts import format_prompts
from core.recipe import Recipe
from core.storage.paths import finished_images, folder_of

MAX_COMPARED = 3  #: jobs; each is rendered once more


@dataclass(frozen=True, slots=True)
class Resumed:
    """Jobs that were claimed more than once, and rendered again without a crash."""

    compared: int = 0
    same: int = 0
    """Those with the same image, pixel for pixel."""
    resumed: int = 0
    """Those that resumed from a checkpoint, after their first step."""


async def compare(world: World) -> Resumed:
    """Renders the recipes of a world's resumed jobs on the command line, one after another."""
    with closing(sqlite3.connect(world.database)) as db:
        found = db.execute(
            "SELECT id, recipe FROM jobs WHERE attempts > 1 AND state = 'done' LIMIT ?",
            (MAX_COMPARED,),
        ).fetchall()
    same = 0
    for job_id, recipe in found:
        again = world.folder / f"again-{job_id}"
        await _render(world, Recipe.model_validate_json(recipe), again)
        before = finished_images(folder_of(job_id, world.folder / "data"))
        same += await asyncio.to_thread(_are_same, before, finished_images(again))
    resumed = await asyncio.to_thread(_count_resumed, world.folder, {job_id for job_id, _ in found})
    return Resumed(len(found), same, resumed)


async def _render(world: World, recipe: Recipe, folder: Path) -> None:
    options = ("--seed", recipe.seed, "--steps", recipe.steps, "--size")
    size = f"{recipe.width}x{recipe.height}"
    command = ("render", format_prompts(recipe.include), *options, size, "--out", folder)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "engine", *map(str, command)),
        env=world.environment(),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    await process.wait()


def _are_same(some: list[Path], others: list[Path]) -> bool:
    if not some or len(some) != len(others):
        return False
    return all(
        ImageChops.difference(Image.open(one), Image.open(other)).getbbox() is None
        for one, other in zip(some, others, strict=True)
    )


def _count_resumed(folder: Path, job_ids: set[int]) -> int:
    """How many of these jobs resumed after their first step, according to the engines' logs."""
    found: set[int] = set()
    for log in folder.glob("engine-*.log"):
        for line in log.read_text().splitlines():
            entry: dict[str, Any] = json.loads(line) if line.endswith("}") else {}
            if entry.get("event") == "job started" and entry["step"] > 0:
                found.add(entry["job"])
    return len(found & job_ids)
