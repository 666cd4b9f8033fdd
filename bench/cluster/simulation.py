"""`python -m bench.cluster.simulation`: simulates 1 to 1,000 GPUs, and up to a million members.

The costs of a job for an engine process are measured (`--measure`) with the real database and files
at full size. The speed of a GPU is assumed, since none was available. With these numbers, SimPy
simulates a cluster that always has enough jobs. The tables say how many images per hour it renders
and what limits it; `--plot` plots them.
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
from engine.job_files import KEPT_FRAMES, JobFiles
from engine.media import Provenance
from engine.synthesis.checkpoint import Checkpoint

GPUS = (1, 2, 4, 8, 16, 64, 250, 1000)
ROWS, STEPS, STEPS_PER_SECOND = 16, 300, 10.0
"""Assumptions about a GPU: images of 256 × 256 in a batch, steps per image, steps per second."""
IMAGE_SECONDS = STEPS / STEPS_PER_SECOND
SYNC = 0.001
"""Assumed seconds per fsync, since on the measured machine an fsync took no time."""
REQUESTS = 50.0
"""Discord's limit for a bot, in requests per second."""
PARTS = 6
"""Parts in which an image is simulated; after each, the GPU waits for the engine."""
PACE = 1.5
"""Seconds between two frames of a message, as the poster shows them."""
CYCLES = 1
"""Images per batch slot before the measurement, and again during it."""

ACTIVE, IMAGES, PEAK = 0.1, 2.0, 3.0
"""Assumptions about members: the share active per day, images each, peak hour over mean hour."""
WRITES = 5
"""Transactions of a job: insert, job message, claim, finish, mark as posted."""
GUILD, SHARD = 100, 2500
"""Assumed members per server; Discord's limit of servers per shard."""


@dataclass(frozen=True, slots=True)
class Costs:
    """Seconds that an engine spends, as measured with `--measure` and `bench.cluster`."""

    write: float = 0.0003 + SYNC
    """One transaction, without other writers."""
    frame: float = 0.004 + 2 * SYNC
    """Writing a frame and a checkpoint."""
    finish: float = 1.3
    """Writing a finished image and its timelapse."""
    loop: float = 0.008
    """The event loop per step of a renderer: 1 ms, and 0.45 ms per image."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A cluster: its GPUs, engine processes, and cores per engine that write files (`savers`)."""

    gpus: int
    engines: int = 1
    savers: int = 8
    frames: int = KEPT_FRAMES
    """Frames kept of each image."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`utilisation` is the utilisation of each part, 0 to 1."""

    images_per_hour: float
    utilisation: Mapping[str, float]

    @property
    def frames_shown(self) -> float:
        """Frames shown of each image, within what results leave of Discord's limit."""
        images = self.images_per_hour / 3600
        return min(IMAGE_SECONDS / PACE, max(0.0, REQUESTS / images - 1))

    @property
    def limit(self) -> str:
        """The bottleneck: the part that is always busy, or `nothing`."""
        name, share = max(self.utilisation.items(), key=lambda part: part[1])
        return name if share > 0.95 else "nothing"


class Engines:
    """The parts of all engine processes as SimPy resources."""

    def __init__(self, setting: Setting, costs: Costs) -> None:
        self.environment = simpy.Environment()
        self.setting, self.costs = setting, costs
        self.parts = {
            "the event loops": simpy.Resource(self.environment, setting.engines),
            "files": simpy.Resource(self.environment, setting.engines * setting.savers),
            "the database": simpy.Resource(self.environment, 1),
            "Discord": simpy.Resource(self.environment, 1),
        }
        self.spent: Counter[str] = Counter()
        self.finished = 0
        self.measured_from = 0.0

    def use(self, part: str, seconds: float) -> Generator[simpy.Event, Any, None]:
        """Waits for a part and occupies it for a time."""
        with self.parts[part].request() as turn:
            yield turn
            yield self.environment.timeout(seconds)
        if self.environment.now > self.measured_from:
            self.spent[part] += seconds  # type: ignore[assignment]

    def render(self) -> Generator[simpy.Event, Any, None]:
        """One slot in a GPU's batch: image after image, forever."""
        costs, kept = self.costs, self.setting.frames / PARTS
        done = np.random.randint(PARTS)  # as if it had been running for a long time
        yield self.environment.timeout(IMAGE_SECONDS / PARTS * np.random.random())
        while True:
            yield from self.use("the database", 2 * costs.write)  # insert and job message
            yield from self.use("the database", costs.write)
            for _ in range(done, PARTS):
                yield self.environment.timeout(IMAGE_SECONDS / PARTS)
                yield from self.use("the event loops", costs.loop * STEPS / PARTS / ROWS)
                yield from self.use("files", kept * costs.frame)
            done = 0
            self.environment.process(self.end())

    def end(self) -> Generator[simpy.Event, Any, None]:
        """The end of an image, when its slot is already free."""
        yield from self.use("files", self.costs.finish)
        yield from self.use("the database", self.costs.write)
        yield from self.use("Discord", 1 / REQUESTS)
        yield from self.use("the database", self.costs.write)
        if self.environment.now > self.measured_from:
            self.finished += 1


def simulate(setting: Setting, costs: Costs) -> Outcome:
    """Simulates a cluster that always has enough jobs."""
    np.random.seed(7)
    engines = Engines(setting, costs)
    slots = setting.gpus * ROWS
    for _ in range(slots):
        engines.environment.process(engines.render())
    files = (setting.frames * costs.frame + costs.finish) / setting.engines / setting.savers
    slowest = max(files, WRITES * costs.write, 1 / REQUESTS)
    engines.measured_from = CYCLES * max(IMAGE_SECONDS, slots * slowest)
    engines.environment.run(2 * engines.measured_from)
    utilisation = {
        name: engines.spent[name] / engines.measured_from / part.capacity
        for name, part in engines.parts.items()
    }
    return Outcome(3600 * engines.finished / engines.measured_from, utilisation)


# -- the measured costs ----------------------------------------------------------------------


async def measure(turns: int) -> Costs:
    """Measures each cost on this machine at full size; takes the fastest of several turns.

    For the end of an image, which takes longer, it measures CPU time.
    """
    with tempfile.TemporaryDirectory(prefix="scale-") as folder:
        write = await _measure_write(Path(folder), turns)
        frame, finish = _measure_files(Path(folder), turns)
    return replace(Costs(), write=write, frame=frame, finish=finish)


async def _measure_write(folder: Path, turns: int) -> float:
    recipe = Recipe.make("a castle", width=256, height=256, steps=STEPS)
    spent = []
    async with Database.open(folder / "imagine.db") as database:
        messages = Messages(database)
        for member in range(turns):
            start = time.perf_counter()
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
            spent.append((time.perf_counter() - start) / WRITES)
    return min(spent)


def _measure_files(folder: Path, turns: int) -> tuple[float, float]:
    """Seconds to write a frame with its checkpoint, and to write the results."""
    recipe = Recipe.make("a castle", width=256, height=256, steps=STEPS)
    files = JobFiles(folder / "1", recipe, Provenance("imagenet", {}))
    rng = np.random.default_rng(7)
    rough = rng.integers(0, 256, (16, 16, 3), np.uint8)
    image = Image.fromarray(rough).resize((256, 256), Image.Resampling.BICUBIC)
    grain = rng.normal(0, 8, (256, 256, 3))
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
    for step in range(1, KEPT_FRAMES + 1):
        noisy = np.clip(np.asarray(image) + np.roll(grain, step, 0), 0, 255).astype(np.uint8)
        finished = [Image.fromarray(noisy)]
        start = time.perf_counter()
        files.write_frame(step, finished)
        files.write_checkpoint(saved)
        spent.append(time.perf_counter() - start)
    ends = []
    for _ in range(max(1, turns // 20)):
        start = time.process_time()
        files.write_results(finished)
        ends.append(time.process_time() - start)
    return min(spent), min(ends)


# -- the report ------------------------------------------------------------------------------


def settings() -> dict[str, Callable[[int], Setting]]:
    """The lines of the plot: from a number of GPUs to a cluster."""
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
            lines[name].append(outcome.images_per_hour)
            cells.append(
                f"{outcome.images_per_hour:,.0f}: {outcome.limit}, {outcome.frames_shown:.0f}"
            )
        rows.append((f"{gpus:,}", f"{capacity(gpus):,.0f}", *cells))
    return table(rows[0], rows[1:]), lines


def capacity(gpus: int) -> float:
    """Images per hour if only the GPUs took time."""
    return 3600 * gpus * ROWS / IMAGE_SECONDS


def member_load() -> str:
    """A Markdown table: the load of so many members in the peak hour, and what it requires."""
    rows: list[tuple[object, ...]] = [
        ("members", "images per hour", "GPUs", "requests per second", "servers", "shards")
    ]
    for count in (100, 10_000, 100_000, 250_000, 1_000_000):
        images = count * ACTIVE * IMAGES * PEAK / 24
        requests = images / 3600 * (1 + IMAGE_SECONDS / PACE)
        servers = max(1, count // GUILD)
        rows.append(
            (
                f"{count:,}",
                f"{images:,.0f}",
                f"{max(1, -(-images // capacity(1))):.0f}",
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
    axes.set(xscale="log", yscale="log", xlabel="GPUs", ylabel="images per hour")
    axes.legend(frameon=False, loc="lower right")
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.cluster.simulation", description=__doc__)
    parser.add_argument("--measure", action="store_true", help="measure the costs on this machine")
    parser.add_argument("--plot", type=Path, help="write a plot to this PNG file")
    chosen = parser.parse_args()
    costs = asyncio.run(measure(turns=200)) if chosen.measure else Costs()
    print(f"{costs}\n")
    text, lines = report(costs)
    print(f"{text}\n\n{member_load()}")
    if chosen.plot:
        plot(lines, chosen.plot)


if __name__ == "__main__":
    main()
