"""`python -m bench.cluster`: rendering on a Ray cluster, beside rendering in the engine's process.

The cluster is one of several raylets on this machine, each a node with one processor slot, so that
actors share its cores: what is measured is what Ray costs, and how it behaves when nodes die, not
how fast a larger cluster is. The engine is the real one, with its database and all that it writes,
but without Discord. `--only` names parts; without it all are run. Measure on a quiet machine.
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

from bench.cluster.raylets import Raylets, raylets
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
from engine.device import choose_device, description, use_cores
from engine.models.model import load_model
from engine.renderer_handle import LocalRenderer
from engine.worker import Worker

PARTS = ("throughput", "overhead", "recovery", "kills")
TEXTS = ("a red circle", "a blue square", "a yellow star", "two green hearts")
SHORT, LONG = 5, 20
"""Steps of the jobs whose times are compared: too few for any to end before."""
POLL_SECONDS = 0.02
PATIENCE = 1800.0
"""Seconds until a part gives up."""


class CountedClaims(Claims):
    """Counts how often each job was ended."""

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


class Nobody:
    """Looks at nothing."""

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
    diary: "Diary"
    cluster: Cluster | None = None
    members: int = 0

    async def ask(self, text: str, steps: int, seed: int = 7) -> Job:
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

    async def ended(self, jobs: Sequence[Job]) -> list[Job]:
        """Waits until all have ended, and says how; the database is left alone meanwhile."""
        await until(lambda: all(self.claims.ends[job.id] for job in jobs))
        return [ended for job in jobs if (ended := await Jobs(self.database).get(job.id))]

    def are_painted(self, jobs: Sequence[Job]) -> bool:
        """Whether each has begun to change."""
        return all(len(self.frames(job)) > 5 for job in jobs)

    def frames(self, job: Job) -> list[Path]:
        return sorted(folder_of(job.id, self.folder).glob("frame-*.webp"))

    @property
    def slots(self) -> list[ActorSlot]:
        """The actors that render."""
        assert self.cluster
        return [slot for slot in self.cluster.slots if slot.renderer]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(POLL_SECONDS)


@asynccontextmanager
async def in_process(threads: int) -> AsyncIterator[Engine]:
    """The engine with its own renderer."""
    torch.set_num_threads(threads)
    device = choose_device("cpu")
    async with _engine(Settings(device="cpu")) as engine:
        model = load_model("sketch", engine.folder, device)
        engine.worker.join(LocalRenderer.of(model, device))
        yield engine


@asynccontextmanager
async def on_cluster(address: str, renderers: int) -> AsyncIterator[Engine]:
    """The engine with so many actors, each of which is ready."""
    settings = Settings(ray_address=address, device="cpu")
    async with connected(settings), _engine(settings) as engine:
        cluster = engine.cluster = Cluster(settings, engine.database, engine.worker)
        looking = asyncio.create_task(cluster.run())
        # As many actors as there are jobs.
        asked = [await engine.ask("a red circle", SHORT) for _ in range(renderers)]
        await until(lambda: engine.worker.renderers == renderers)
        await engine.ended(asked)
        yield engine
        looking.cancel()
        await asyncio.wait({looking})


@asynccontextmanager
async def _engine(settings: Settings) -> AsyncIterator[Engine]:
    with tempfile.TemporaryDirectory(prefix="cluster-") as name:
        async with Database.open(Path(name) / "imagine.db") as database:
            structlog.configure(processors=[diary := Diary()])
            worker = Worker(database, Nobody(), data_dir=Path(name))
            worker._leases._claims = claims = CountedClaims(database)
            working = asyncio.create_task(worker.run())
            try:
                yield Engine(database, claims, worker, Path(name), diary)
            finally:
                working.cancel()
                await asyncio.wait({working})


# -- how many images -----------------------------------------------------------------------


async def throughput(cluster: Raylets, jobs: int) -> str:
    """Images an hour, in the engine's process and with 1, 2 and 3 actors."""

    async def pictures(engine: Engine) -> float:
        began = time.monotonic()
        asked = [await engine.ask(TEXTS[i % len(TEXTS)], 100, seed=i) for i in range(jobs)]
        ended = await engine.ended(asked)
        assert all(job.state is State.DONE for job in ended)
        return 3600 * jobs / (time.monotonic() - began)

    rows: list[tuple[object, ...]] = [
        ("", "images per hour", "relative to one thread in the process")
    ]
    async with in_process(1) as engine:
        await pictures(engine)  # warm
        alone = await pictures(engine)
    rows.append(("in the process, 1 thread", f"{alone:.0f}", "1.00"))
    async with in_process(2) as engine:
        two = await pictures(engine)
    rows.append(("in the process, 2 threads", f"{two:.0f}", f"{two / alone:.2f}"))
    for renderers in (1, 2, 3):
        async with on_cluster(cluster.address, await nodes(cluster, renderers)) as engine:
            many = await pictures(engine)
        actors = f"{renderers} actor{'s' if renderers > 1 else ''} of 1 thread"
        rows.append((actors, f"{many:.0f}", f"{many / alone:.2f}"))
    return table(rows[0], rows[1:])


# -- what Ray costs --------------------------------------------------------------------------


async def overhead(cluster: Raylets, turns: int) -> str:
    """Seconds a frame and a job take, in turns in the process and in an actor.

    Jobs of few and of more steps, one after the other: what their times have in common is the
    job's, what they differ by is the steps'.
    """

    async def seconds(engine: Engine, steps: int) -> tuple[float, float]:
        """By the clock, and of the processor in the thread of the event loop."""
        began, busy = time.monotonic(), time.thread_time()
        job = await engine.ask("a red circle", steps)
        await engine.ended([job])
        assert len(engine.frames(job)) == steps
        return time.monotonic() - began, time.thread_time() - busy

    loops: Sides = {"process": [], "actor": []}
    frames: Sides = {"process": [], "actor": []}
    whole: Sides = {"process": [], "actor": []}
    async with (
        in_process(1) as local,
        on_cluster(cluster.address, await nodes(cluster, 1)) as remote,
    ):
        for turn in range(turns + 1):
            for name, engine in (("process", local), ("actor", remote)):
                short, few = await seconds(engine, SHORT)
                long, many = await seconds(engine, LONG)
                if turn:  # the first warms up
                    loops[name].append((many - few) / (LONG - SHORT))
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
        [(name, *_both(sides), _more(sides), _ratio(sides)) for name, sides in rows.items()],
    )


Sides = dict[str, list[float]]
"""Seconds, turn by turn, in the `process` and in an `actor`."""


def _more(sides: Sides) -> str:
    return _ms([b - a for a, b in zip(sides["process"], sides["actor"], strict=True)])


def _ratio(sides: Sides) -> Spread:
    return ratio(sides["actor"], sides["process"])


def _both(sides: Sides) -> tuple[str, str]:
    return _ms(sides["process"]), _ms(sides["actor"])


def _ms(seconds: Sequence[float]) -> str:
    return str(Spread.of([1000 * each for each in seconds]))


# -- nodes that die --------------------------------------------------------------------------


class Diary:
    """What the engine logs, with the moment; the last of structlog's processors."""

    def __init__(self) -> None:
        self.entries: list[tuple[float, EventDict]] = []

    def __call__(self, logger: object, name: str, entry: EventDict) -> EventDict:
        self.entries.append((time.monotonic(), entry))
        raise structlog.DropEvent

    async def moment(self, after: float, event: str, **values: object) -> float:
        """When the first such entry after a moment was made, once it has been."""

        def found() -> list[float]:
            return [
                when
                for when, entry in self.entries
                if when > after and entry.items() >= {"event": event, **values}.items()
            ]

        await until(lambda: bool(found()))
        return found()[0]

    async def reach(self, event: str, count: int) -> None:
        """Waits for so many such entries."""
        await until(lambda: self.count(event) >= count)

    def count(self, event: str) -> int:
        return sum(entry["event"] == event for _, entry in self.entries)


async def recovery(cluster: Raylets, turns: int) -> str:
    """How long until what a killed node rendered goes on, and until a new node takes work."""
    noticed, resumed, joined, lost = [], [], [], []
    async with on_cluster(cluster.address, await nodes(cluster, 2)) as engine:
        for _ in range(turns):
            jobs = [await engine.ask("two yellow stars", 500, seed=seed) for seed in range(2)]
            await until(partial(engine.are_painted, jobs))
            victim = next(slot for slot in engine.slots if slot.jobs)
            painted = max(victim.jobs)
            lost.append(time.time() - _saved_at(engine, painted))
            began = time.monotonic()
            await asyncio.to_thread(cluster.kill, victim.node)
            noticed.append(await engine.diary.moment(began, "job given back", job=painted) - began)
            again = await engine.diary.moment(began, "job started", job=painted)
            resumed.append(again - began)
            began = time.monotonic()
            node = cluster.add()
            joined.append(await engine.diary.moment(began, "renderer joined", node=node) - began)
            for job in jobs:
                await Jobs(engine.database).cancel(job.id)
            await until(lambda: engine.worker.jobs == 0)
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
    """When its latest state was saved, in seconds since 1970."""
    return state_of(folder_of(job_id, engine.folder)).stat().st_mtime


async def kills(cluster: Raylets, jobs: int) -> str:
    """Many jobs while nodes and actors are killed at random: none may be lost or doubled.

    Each recipe is asked for several times, and must give the same image each time.
    """
    dice = random.Random(7)
    fates: Counter[str] = Counter()
    async with on_cluster(cluster.address, await nodes(cluster, 2)) as engine:
        asked = [
            await engine.ask(TEXTS[number % len(TEXTS)], 40, seed=number % len(TEXTS))
            for number in range(jobs)
        ]

        async def wreak_havoc() -> None:
            ended = 0
            while True:
                ended += dice.randint(3, 8)  # jobs until the next misfortune
                await engine.diary.reach("job ended", ended)
                await asyncio.sleep(dice.random())
                await until(lambda: any(slot.jobs for slot in engine.slots))
                victim = dice.choice([slot for slot in engine.slots if slot.jobs])
                if dice.random() < 0.5:
                    fates["actors killed"] += 1
                    os.kill(victim.process, signal.SIGKILL)
                    continue
                fates["nodes killed"] += 1
                await asyncio.to_thread(cluster.kill, victim.node)
                cluster.add()

        havoc = asyncio.create_task(wreak_havoc())
        ended = await engine.ended(asked)
        havoc.cancel()
        await asyncio.wait({havoc})
        pictures = {job.id: _bytes(engine, job) for job in ended}
        sorts = Counter((job.recipe.seed, pictures[job.id]) for job in ended)
        given_back = engine.diary.count("job given back")
        doubled = sum(count > 1 for count in engine.claims.ends.values())
    return table(
        ("", "count"),
        [
            ("jobs requested", jobs),
            *fates.items(),
            ("times a job was requeued", given_back),
            ("jobs finished", sum(job.state is State.DONE for job in ended)),
            ("jobs lost", sum(job.state is not State.DONE for job in ended)),
            ("jobs ended more than once", doubled),
            ("recipes, and distinct images of them", f"{len(TEXTS)}, {len(sorts)}"),
        ],
    )


def _bytes(engine: Engine, job: Job) -> bytes:
    return b"".join(path.read_bytes() for path in finished_images(folder_of(job.id, engine.folder)))


async def nodes(cluster: Raylets, count: int) -> int:
    """Brings the cluster to so many nodes."""
    while len(cluster.nodes) < count:
        cluster.add()
    while len(cluster.nodes) > count:
        await asyncio.to_thread(cluster.kill, cluster.nodes[-1])
    return count


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.cluster", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--jobs", type=int, default=60, help="for throughput and kills")
    parser.add_argument("--turns", type=int, default=5, help="for overhead and recovery")
    chosen = parser.parse_args()
    use_cores()
    print(f"{description()}, Ray {ray.__version__}\n")
    parts = {
        "throughput": (throughput, chosen.jobs),
        "overhead": (overhead, chosen.turns),
        "recovery": (recovery, chosen.turns),
        "kills": (kills, chosen.jobs),
    }
    with raylets(nodes=1) as cluster:
        for name in chosen.only:
            part, size = parts[name]
            print(f"## {name}\n\n{asyncio.run(part(cluster, size))}\n", flush=True)


if __name__ == "__main__":
    main()
