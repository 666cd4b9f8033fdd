"""`python -m bench.cluster.simulation`: from 1 to 1,000 GPUs and a million members, by simulation.

What one engine process does for a job is measured here (`--measure`), on the real store and the
real files, at full size; how fast a GPU renders is assumed, since none was at hand. With these
numbers SimPy plays a cluster that always has enough to do. Printed is how many images an hour
come out of it and what holds them up; `--plot` draws it.
"""

import argparse
import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import simpy
import torch
from PIL import Image

from bench.markdown import table
from core.database.claims import Claims
from core.database.connection import Database
from core.database.jobs import Jobs
from core.database.messages import Kind, Messages
from core.job import NewJob, State
from core.recipe import Recipe
from engine.job_files import MAX_FRAMES, JobFiles
from engine.media import Provenance
from engine.synthesis.checkpoint import Checkpoint

GPUS = (1, 2, 4, 8, 16, 64, 250, 1000)
ROWS, STEPS, STEPS_A_SECOND = 16, 300, 10.0
"""Assumed of a GPU: so many images of 256 × 256 at a time, each of so many steps."""
PICTURE_SECONDS = STEPS / STEPS_A_SECOND
SYNC = 0.001
"""Assumed seconds until a disk has safely kept a file; that of the machine here answers at once."""
REQUESTS = 50.0
"""Discord's limit for a bot, in requests a second."""
PARTS = 6
"""An image is simulated in so many parts, after each of which the engine has to have kept up."""
PACE = 1.5
"""Seconds between two frames of a message, as the poster shows them."""
CYCLES = 1
"""How often each image's place comes round before it counts, and while it does."""

ACTIVE, PICTURES, PEAK = 0.1, 2.0, 3.0
"""Assumed of members: the share that asks on a day, for how many, and the busiest hour over the
mean."""
WRITES = 5
"""Changes of the database for a job: asked for, its card, claimed, ended, shown."""
GUILD, SHARD = 100, 2500
"""Assumed members of a server; servers of a connection to the gateway, at most."""


@dataclass(frozen=True, slots=True)
class Costs:
    """Seconds that one engine spends, as measured with `--measure`, and by `bench.cluster`."""

    write: float = 0.0003 + SYNC
    """One change of the database; nobody else changes it meanwhile."""
    frame: float = 0.004 + 2 * SYNC
    """To keep a frame and the state of an image on the disk."""
    finish: float = 1.3
    """To keep a finished image and its timelapse."""
    loop: float = 0.008
    """Of the event loop, for a step of one renderer's images: 1 ms, and 0.45 ms for each."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A cluster, and how many engine processes drive it, with how many cores each for files."""

    gpus: int
    engines: int = 1
    savers: int = 8
    frames: int = MAX_FRAMES
    """Of each image that are kept."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`busy` is the share of its time for which each part is at work."""

    pictures_an_hour: float
    busy: Mapping[str, float]

    @property
    def frames_shown(self) -> float:
        """Of each image, with what outcomes leave of Discord's limit."""
        pictures = self.pictures_an_hour / 3600
        return min(PICTURE_SECONDS / PACE, max(0.0, REQUESTS / pictures - 1))

    @property
    def limit(self) -> str:
        """What is at work all the time."""
        name, share = max(self.busy.items(), key=lambda part: part[1])
        return name if share > 0.95 else "nothing"


class Engines:
    """What the engine processes share the work of, as SimPy's resources."""

    def __init__(self, setting: Setting, costs: Costs) -> None:
        self.world = simpy.Environment()
        self.setting, self.costs = setting, costs
        self.parts = {
            "the event loops": simpy.Resource(self.world, setting.engines),
            "files": simpy.Resource(self.world, setting.engines * setting.savers),
            "the database": simpy.Resource(self.world, 1),
            "Discord": simpy.Resource(self.world, 1),
        }
        self.spent: Counter[str] = Counter()
        self.painted = 0
        self.watched_from = 0.0

    def use(self, part: str, seconds: float) -> Generator[simpy.Event, Any, None]:
        """Waits for a part, and has it for so long."""
        with self.parts[part].request() as turn:
            yield turn
            yield self.world.timeout(seconds)
        if self.world.now > self.watched_from:
            self.spent[part] += seconds  # type: ignore[assignment]

    def paint(self) -> Generator[simpy.Event, Any, None]:
        """One place in a GPU's batch: image after image, for ever."""
        costs, kept = self.costs, self.setting.frames / PARTS
        done = np.random.randint(PARTS)  # as if it had been at work for long
        yield self.world.timeout(PICTURE_SECONDS / PARTS * np.random.random())
        while True:
            yield from self.use("the database", 2 * costs.write)  # asked, and its card
            yield from self.use("the database", costs.write)
            for _ in range(done, PARTS):
                yield self.world.timeout(PICTURE_SECONDS / PARTS)
                yield from self.use("the event loops", costs.loop * STEPS / PARTS / ROWS)
                yield from self.use("files", kept * costs.frame)
            done = 0
            self.world.process(self.end())

    def end(self) -> Generator[simpy.Event, Any, None]:
        """What follows an image; its place is free already."""
        yield from self.use("files", self.costs.finish)
        yield from self.use("the database", self.costs.write)
        yield from self.use("Discord", 1 / REQUESTS)
        yield from self.use("the database", self.costs.write)
        if self.world.now > self.watched_from:
            self.painted += 1


def simulate(setting: Setting, costs: Costs) -> Outcome:
    """Plays a cluster that always has enough to do."""
    np.random.seed(7)
    engines = Engines(setting, costs)
    places = setting.gpus * ROWS
    for _ in range(places):
        engines.world.process(engines.paint())
    files = (setting.frames * costs.frame + costs.finish) / setting.engines / setting.savers
    slowest = max(files, WRITES * costs.write, 1 / REQUESTS)
    engines.watched_from = CYCLES * max(PICTURE_SECONDS, places * slowest)
    engines.world.run(2 * engines.watched_from)
    busy = {
        name: engines.spent[name] / engines.watched_from / part.capacity
        for name, part in engines.parts.items()
    }
    return Outcome(3600 * engines.painted / engines.watched_from, busy)


# -- what one engine does --------------------------------------------------------------------


async def measure(turns: int) -> Costs:
    """On this machine, at full size, one thing at a time; of each the quickest turn counts.

    Of the end of an image, which lasts longer, the processor's time.
    """
    with tempfile.TemporaryDirectory(prefix="scale-") as folder:
        write = await _write(Path(folder), turns)
        frame, finish = _files(Path(folder), turns)
    return replace(Costs(), write=write, frame=frame, finish=finish)


async def _write(folder: Path, turns: int) -> float:
    recipe = Recipe.make("a castle", width=256, height=256, steps=STEPS)
    spent = []
    async with Database.open(folder / "imagine.db") as database:
        messages = Messages(database)
        for member in range(turns):
            began = time.perf_counter()
            job = await Jobs(database).insert(
                NewJob(
                    recipe=recipe,
                    guild_id=1,
                    channel_id=1,
                    message_id=None,
                    member_id=member,
                    member_name="somebody",
                )
            )
            await messages.sent(job.id, Kind.JOB, 1, member)
            await Claims(database).claim("engine", 60)
            await Claims(database).finish(job.id, "engine", State.DONE)
            await Jobs(database).mark_posted(job.id)
            spent.append((time.perf_counter() - began) / WRITES)
    return min(spent)


def _files(folder: Path, turns: int) -> tuple[float, float]:
    """Seconds to keep a frame with its state, and to keep the end."""
    recipe = Recipe.make("a castle", width=256, height=256, steps=STEPS)
    files = JobFiles(folder / "1", recipe, Provenance("imagenet", {}))
    drawn = np.random.default_rng(7)
    rough = drawn.integers(0, 256, (16, 16, 3), np.uint8)
    picture = Image.fromarray(rough).resize((256, 256), Image.Resampling.BICUBIC)
    grain = drawn.normal(0, 8, (256, 256, 3))
    latents = torch.zeros(1, 256, 16, 16)
    saved = Checkpoint(
        step=1,
        prior_steps=0,
        best=(0.0, 1),
        losses=torch.zeros(1),
        rng_states=torch.zeros(1, 5056, dtype=torch.uint8),
        latents=latents,
        moments={name: latents.clone() for name in ("exp_avg", "exp_avg_sq")},
    )
    spent = []
    for step in range(1, MAX_FRAMES + 1):
        noisy = np.clip(np.asarray(picture) + np.roll(grain, step, 0), 0, 255).astype(np.uint8)
        painted = [Image.fromarray(noisy)]
        began = time.perf_counter()
        files.write_frame(step, painted)
        files.write_checkpoint(saved)
        spent.append(time.perf_counter() - began)
    ends = []
    for _ in range(max(1, turns // 20)):
        began = time.process_time()
        files.write_results(painted)
        ends.append(time.process_time() - began)
    return min(spent), min(ends)


# -- the report ------------------------------------------------------------------------------


def settings() -> dict[str, Callable[[int], Setting]]:
    """How each line of the plot drives so many GPUs."""
    return {
        "one engine": lambda gpus: Setting(gpus),
        "one engine, 20 frames kept": lambda gpus: Setting(gpus, frames=20),
        "one engine per 8 GPUs": lambda gpus: Setting(gpus, engines=max(1, gpus // 8)),
    }


def report(costs: Costs) -> tuple[str, dict[str, list[float]]]:
    """A table as Markdown, and the lines of the plot."""
    lines: dict[str, list[float]] = {name: [] for name in settings()}
    rows: list[tuple[object, ...]] = [
        ("GPUs", "capacity", *(f"{name}: limit, frames shown" for name in settings()))
    ]
    for gpus in GPUS:
        cells = []
        for name, setting in settings().items():
            outcome = simulate(setting(gpus), costs)
            lines[name].append(outcome.pictures_an_hour)
            cells.append(
                f"{outcome.pictures_an_hour:,.0f}: {outcome.limit}, {outcome.frames_shown:.0f}"
            )
        rows.append((f"{gpus:,}", f"{capacity(gpus):,.0f}", *cells))
    return table(rows[0], rows[1:]), lines


def capacity(gpus: int) -> float:
    """Images an hour, if nothing else took time."""
    return 3600 * gpus * ROWS / PICTURE_SECONDS


def members() -> str:
    """What so many members ask for in the busiest hour, and what it takes."""
    rows: list[tuple[object, ...]] = [
        ("members", "images per hour", "GPUs", "requests per second", "servers", "shards")
    ]
    for count in (100, 10_000, 100_000, 250_000, 1_000_000):
        pictures = count * ACTIVE * PICTURES * PEAK / 24
        requests = pictures / 3600 * (1 + PICTURE_SECONDS / PACE)
        servers = max(1, count // GUILD)
        rows.append(
            (
                f"{count:,}",
                f"{pictures:,.0f}",
                f"{max(1, -(-pictures // capacity(1))):.0f}",
                f"{requests:.1f}",
                f"{servers:,}",
                -(-servers // SHARD),
            )
        )
    return table(rows[0], rows[1:])


def plot(lines: Mapping[str, list[float]], path: Path) -> None:
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4.2), layout="constrained")
    axes.plot(GPUS, [capacity(gpus) for gpus in GPUS], "k:", label="capacity of the GPUs")
    for name, values in lines.items():
        axes.plot(GPUS, values, marker="o", markersize=3, label=name)
    axes.axhline(3600 * REQUESTS, color="grey", linewidth=0.8)
    axes.text(1, 3600 * REQUESTS * 1.1, "Discord: 50 requests per second, all of them results")
    axes.set(xscale="log", yscale="log", xlabel="GPUs", ylabel="pictures an hour")
    axes.legend(frameon=False, loc="lower right")
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.cluster.simulation", description=__doc__)
    parser.add_argument("--measure", action="store_true", help="the costs of this machine")
    parser.add_argument("--plot", type=Path, help="a PNG")
    chosen = parser.parse_args()
    costs = asyncio.run(measure(turns=200)) if chosen.measure else Costs()
    print(f"{costs}\n")
    text, lines = report(costs)
    print(f"{text}\n\n{members()}")
    if chosen.plot:
        plot(lines, chosen.plot)


if __name__ == "__main__":
    main()
