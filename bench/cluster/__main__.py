"""`python -m bench.cluster`: rendering on a Ray cluster, compared with the engine's process.

The cluster is several Ray nodes on this machine, each with one CPU slot, so actors share its cores.
It measures the overhead of Ray and the recovery from dead nodes, not the speed of a larger cluster.
The engine is the real one, with its database and files, but without Discord. `--only` selects
parts; the default is all. Measure on an idle machine.
"""

import argparse
import asyncio
import os
import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import ray
import structlog
import torch
from structlog.typing import EventDict

from bench.cluster.local_cluster import LocalCluster, local_cluster
from bench.markdown import table
from bench.speed.spread import Spread, ratio
from core.database.claims import Claims
from core.database.connection import Database
from core.database.jobs import Jobs
from core.image_check import Concept
from core.job import Job, NewJob, Reason, State
from core.recipe import Recipe
from core.settings import Settings
from core.storage.paths import finished_images, folder_of, state_of
from engine.cluster import ActorSlot, Cluster, connected
from engine.delivery.frame import Frame
from engine.device import choose_device, describe_machine, use_cores
from engine.models.model import load_model
from engine.renderer_handle import LocalRenderer
from engine.worker import Worker

PARTS = ("throughput", "overhead", "recovery", "kills")
TEXTS = ("a red circle", "a blue square", "a yellow star", "two green hearts")
SHORT, LONG = 5, 20
"""Steps of the jobs whose times are compared: too few for early stopping."""
POLL_SECONDS = 0.02
PATIENCE = 1800.0
"""Seconds after which a part gives up."""


class CountedClaims(Claims):
    """Counts how often each job ended."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.ends: Counter[int] = Counter()

    async def finish(
        self,
        job_id: int,
        engine: str,
        state: State,
        reason: Reason | None = None,
        step: int | None = None,
        match: Concept | None = None,
    ) -> bool:
        applied = await super().finish(job_id, engine, state, reason, step, match)
        self.ends[job_id] += applied
        return applied


class NullSink:
    """A `FrameSink` that shows nothing."""

    def show_frame(self, job: Job, frame: Frame) -> None: ...
    def drop_frames(self, job: Job) -> None: ...
    def job_ended(self) -> None: ...


@dataclass
class Engine:
    """The engine without Discord."""

    database: Database
    claims: CountedClaims
    worker: Worker
    folder: Path
    log: "LogRecorder"
    cluster: Cluster | None = None
    members: int = 0

    async def request(self, text: str, steps: int, seed: int = 7) -> Job:
        self.members += 1
        return await Jobs(self.database).insert(
            NewJob(
                recipe=Recipe.make(text, width=64, height=64, steps=steps, seed=seed),
                guild_id=None,
                channel_id=1,
                message_id=None,
                member_id=self.members,
                member_name="somebody",
            )
        )

    async def wait_until_ended(self, jobs: Sequence[Job]) -> list[Job]:
        """Waits, without queries, until all jobs have ended. Returns them in their final state."""
        await wait_until(lambda: all(self.claims.ends[job.id] for job in jobs))
        return [ended for job in jobs if (ended := await Jobs(self.database).get(job.id))]

    def are_rendering(self, jobs: Sequence[Job]) -> bool:
        """Whether each job has kept a few frames."""
        return all(len(self.frames(job)) > 5 for job in jobs)

    def frames(self, job: Job) -> list[Path]:
        return sorted(folder_of(job.id, self.folder).glob("frame-*.webp"))

    @property
    def slots(self) -> list[ActorSlot]:
        """The actors that render."""
        assert self.cluster
        return [slot for slot in self.cluster.slots if slot.renderer]


async def wait_until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(POLL_SECONDS)


@asynccontextmanager
async def in_process(threads: int) -> AsyncIterator[Engine]:
    """The engine with its own renderer."""
    torch.set_num_threads(threads)
    device = choose_device("cpu")
    async with _engine(Settings(device="cpu")) as engine:
        model = load_model("sketch", engine.folder, device)
        engine.worker.add_renderer(LocalRenderer.of(model, device))
        yield engine


@asynccontextmanager
async def on_cluster(address: str, renderers: int) -> AsyncIterator[Engine]:
    """The engine with this many actors, all ready."""
    settings = Settings(ray_address=address, device="cpu")
    async with connected(settings), _engine(settings) as engine:
        cluster = engine.cluster = Cluster(settings, engine.database, engine.worker)
        running = asyncio.create_task(cluster.run())
        # The cluster starts one actor per job.
        requested = [await engine.request("a red circle", SHORT) for _ in range(renderers)]
        await wait_until(lambda: engine.worker.renderer_count == renderers)
        await engine.wait_until_ended(requested)
        yield engine
        running.cancel()
        await asyncio.wait({running})


@asynccontextmanager
async def _engine(settings: Settings) -> AsyncIterator[Engine]:
    with tempfile.TemporaryDirectory(prefix="cluster-") as name:
        async with Database.open(Path(name) / "imagine.db") as database:
            structlog.configure(processors=[log := LogRecorder()])
            worker = Worker(database, NullSink(), data_dir=Path(name))
            worker._leases._claims = claims = CountedClaims(database)
            working = asyncio.create_task(worker.run())
            try:
                yield Engine(database, claims, worker, Path(name), log)
            finally:
                working.cancel()
                await asyncio.wait({working})


# -- throughput ----------------------------------------------------------------------------


async def throughput(cluster: LocalCluster, jobs: int) -> str:
    """Images per hour in the engine's process and with 1, 2 and 3 actors."""

    async def images_per_hour(engine: Engine) -> float:
        start = time.monotonic()
        requested = [await engine.request(TEXTS[i % len(TEXTS)], 100, seed=i) for i in range(jobs)]
        ended = await engine.wait_until_ended(requested)
        assert all(job.state is State.DONE for job in ended)
        return 3600 * jobs / (time.monotonic() - start)

    rows: list[tuple[object, ...]] = [
        ("", "images per hour", "relative to one thread in the process")
    ]
    async with in_process(1) as engine:
        await images_per_hour(engine)  # warm-up
        alone = await images_per_hour(engine)
    rows.append(("in the process, 1 thread", f"{alone:.0f}", "1.00"))
    async with in_process(2) as engine:
        two = await images_per_hour(engine)
    rows.append(("in the process, 2 threads", f"{two:.0f}", f"{two / alone:.2f}"))
    for renderers in (1, 2, 3):
        async with on_cluster(cluster.address, await resize(cluster, renderers)) as engine:
            many = await images_per_hour(engine)
        actors = f"{renderers} actor{'s' if renderers > 1 else ''} of 1 thread"
        rows.append((actors, f"{many:.0f}", f"{many / alone:.2f}"))
    return table(rows[0], rows[1:])


# -- overhead --------------------------------------------------------------------------------


async def overhead(cluster: LocalCluster, turns: int) -> str:
    """Seconds per step with its frame and per job, alternating between the process and an actor.

    The steps cost the difference between long and short jobs; the rest is the cost of the job.
    """

    async def seconds(engine: Engine, steps: int) -> tuple[float, float]:
        """Wall-clock time of a job, and CPU time of the event loop's thread."""
        start, busy = time.monotonic(), time.thread_time()
        job = await engine.request("a red circle", steps)
        await engine.wait_until_ended([job])
        assert len(engine.frames(job)) == steps
        return time.monotonic() - start, time.thread_time() - busy

    loops: Sides = {"process": [], "actor": []}
    frames: Sides = {"process": [], "actor": []}
    whole: Sides = {"process": [], "actor": []}
    async with (
        in_process(1) as local,
        on_cluster(cluster.address, await resize(cluster, 1)) as remote,
    ):
        for turn in range(turns + 1):
            for name, engine in (("process", local), ("actor", remote)):
                short, short_cpu = await seconds(engine, SHORT)
                long, long_cpu = await seconds(engine, LONG)
                if turn:  # the first turn is a warm-up
                    loops[name].append((long_cpu - short_cpu) / (LONG - SHORT))
                    frame = (long - short) / (LONG - SHORT)
                    frames[name].append(frame)
                    whole[name].append(short - SHORT * frame)
    rows = {
        "a step with its frame": frames,
        "a job, without its steps": whole,
        "the event loop's thread, per step": loops,
    }
    return table(
        ("", "in the process, ms", "in an actor, ms", "difference, ms", "actor / process"),
        [
            (name, *_medians(sides), _difference(sides), _ratio(sides))
            for name, sides in rows.items()
        ],
    )


Sides = dict[str, list[float]]
"""Seconds per turn in the `process` and in an `actor`."""


def _difference(sides: Sides) -> str:
    return _ms([b - a for a, b in zip(sides["process"], sides["actor"], strict=True)])


def _ratio(sides: Sides) -> Spread:
    return ratio(sides["actor"], sides["process"])


def _medians(sides: Sides) -> tuple[str, str]:
    return _ms(sides["process"]), _ms(sides["actor"])


def _ms(seconds: Sequence[float]) -> str:
    return str(Spread.of([1000 * each for each in seconds]))


# -- recovery --------------------------------------------------------------------------------


class LogRecorder:
    """Records log entries with their times, as the last of structlog's processors."""

    def __init__(self) -> None:
        self.entries: list[tuple[float, EventDict]] = []

    def __call__(self, logger: object, name: str, entry: EventDict) -> EventDict:
        self.entries.append((time.monotonic(), entry))
        raise structlog.DropEvent

    async def time_of(self, after: float, event: str, **values: object) -> float:
        """Waits for the first entry with these values after a time; returns its time."""

        def found() -> list[float]:
            return [
                when
                for when, entry in self.entries
                if when > after and entry.items() >= {"event": event, **values}.items()
            ]

        await wait_until(lambda: bool(found()))
        return found()[0]

    async def wait_for(self, event: str, count: int) -> None:
        """Waits until the event was logged this many times."""
        await wait_until(lambda: self.count(event) >= count)

    def count(self, event: str) -> int:
        return sum(entry["event"] == event for _, entry in self.entries)


async def recovery(cluster: LocalCluster, turns: int) -> str:
    """How long until the jobs of a killed node continue, and until a new node takes jobs."""
    noticed, resumed, joined, lost = [], [], [], []
    async with on_cluster(cluster.address, await resize(cluster, 2)) as engine:
        for _ in range(turns):
            jobs = [await engine.request("two yellow stars", 500, seed=seed) for seed in range(2)]
            await wait_until(partial(engine.are_rendering, jobs))
            victim = next(slot for slot in engine.slots if slot.jobs)
            job_id = max(victim.jobs)
            lost.append(time.time() - _saved_at(engine, job_id))
            start = time.monotonic()
            await asyncio.to_thread(cluster.kill, victim.node)
            noticed.append(await engine.log.time_of(start, "job given back", job=job_id) - start)
            again = await engine.log.time_of(start, "job started", job=job_id)
            resumed.append(again - start)
            start = time.monotonic()
            node = cluster.add()
            joined.append(await engine.log.time_of(start, "renderer joined", node=node) - start)
            for job in jobs:
                await Jobs(engine.database).cancel(job.id)
            await wait_until(lambda: engine.worker.job_count == 0)
    return table(
        ("", "seconds"),
        [
            ("from a node's death until its job is requeued", Spread.of(noticed)),
            ("until that job continues elsewhere", Spread.of(resumed)),
            ("from the start of a node until it takes jobs", Spread.of(joined)),
            ("rendering lost since the last checkpoint", Spread.of(lost)),
        ],
    )


def _saved_at(engine: Engine, job_id: int) -> float:
    """When the job's latest checkpoint was written, in seconds since 1970."""
    return state_of(folder_of(job_id, engine.folder)).stat().st_mtime


async def kills(cluster: LocalCluster, jobs: int) -> str:
    """Many jobs while nodes and actors are killed at random: none may be lost or duplicated.

    Each recipe is requested several times and must give the same image each time.
    """
    rng = random.Random(7)
    killed: Counter[str] = Counter()
    async with on_cluster(cluster.address, await resize(cluster, 2)) as engine:
        requested = [
            await engine.request(TEXTS[number % len(TEXTS)], 40, seed=number % len(TEXTS))
            for number in range(jobs)
        ]

        async def kill_at_random() -> None:
            ended = 0
            while True:
                ended += rng.randint(3, 8)  # jobs until the next kill
                await engine.log.wait_for("job ended", ended)
                await asyncio.sleep(rng.random())
                await wait_until(lambda: any(slot.jobs for slot in engine.slots))
                victim = rng.choice([slot for slot in engine.slots if slot.jobs])
                if rng.random() < 0.5:
                    killed["actors killed"] += 1
                    os.kill(victim.process, signal.SIGKILL)
                    continue
                killed["nodes killed"] += 1
                await asyncio.to_thread(cluster.kill, victim.node)
                cluster.add()

        killing = asyncio.create_task(kill_at_random())
        ended = await engine.wait_until_ended(requested)
        killing.cancel()
        await asyncio.wait({killing})
        images = {job.id: _image_bytes(engine, job) for job in ended}
        distinct = Counter((job.recipe.seed, images[job.id]) for job in ended)
        given_back = engine.log.count("job given back")
        ended_twice = sum(count > 1 for count in engine.claims.ends.values())
    return table(
        ("", "count"),
        [
            ("jobs requested", jobs),
            *killed.items(),
            ("times a job was requeued", given_back),
            ("jobs finished", sum(job.state is State.DONE for job in ended)),
            ("jobs lost", sum(job.state is not State.DONE for job in ended)),
            ("jobs ended more than once", ended_twice),
            ("recipes, and distinct images of them", f"{len(TEXTS)}, {len(distinct)}"),
        ],
    )


def _image_bytes(engine: Engine, job: Job) -> bytes:
    return b"".join(path.read_bytes() for path in finished_images(folder_of(job.id, engine.folder)))


async def resize(cluster: LocalCluster, count: int) -> int:
    """Adds or kills nodes until the cluster has this many."""
    while len(cluster.nodes) < count:
        cluster.add()
    while len(cluster.nodes) > count:
        await asyncio.to_thread(cluster.kill, cluster.nodes[-1])
    return count


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.cluster", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument(
        "--jobs", type=int, default=60, help="number of jobs for throughput and kills"
    )
    parser.add_argument(
        "--turns", type=int, default=5, help="number of repetitions for overhead and recovery"
    )
    chosen = parser.parse_args()
    use_cores()
    print(f"{describe_machine()}, Ray {ray.__version__}\n")
    parts = {
        "throughput": (throughput, chosen.jobs),
        "overhead": (overhead, chosen.turns),
        "recovery": (recovery, chosen.turns),
        "kills": (kills, chosen.jobs),
    }
    with local_cluster(nodes=1) as cluster:
        for name in chosen.only:
            part, size = parts[name]
            print(f"## {name}\n\n{asyncio.run(part(cluster, size))}\n", flush=True)


if __name__ == "__main__":
    main()
