"""Renderers in Ray's actors: they paint the same, come and go, and lose nothing."""

import asyncio
import os
import signal
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import torch
from PIL import Image

pytest.importorskip("ray", reason="Ray is not installed: pip install -e .[ray]")
from bench.cluster.local_cluster import LocalCluster, local_cluster
from core.database.blocks import Blocks
from core.database.connection import Database
from core.database.jobs import Jobs
from core.database.moderation_queue import ModerationQueue
from core.database.queue import JobQueue
from core.job import Job, NewJob, State
from core.recipe import Recipe
from core.settings import Settings
from core.storage.paths import folder_of
from engine import cluster as cluster_module
from engine import ray_renderer
from engine.delivery.frame import Frame
from engine.media import enlarged
from engine.models.catalogue import find
from engine.models.model import load_model
from engine.models.weights_transfer import Manifest
from engine.synthesis.renderer import Renderer
from engine.synthesis.request import RenderRequest
from engine.worker import Worker
from tests.engine import conftest

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

PATIENCE = 60.0
GUILD = 5
LONG = {"steps": 500, "include": "two yellow stars"}
"""A job that lasts for as long as a test may take."""


class RecordingSink:
    """Somebody looks at every frame."""

    def __init__(self) -> None:
        self.steps: dict[int, list[int]] = defaultdict(list)

    def show_frame(self, job: Job, frame: Frame) -> None:
        if frame.progress:
            self.steps[job.id].append(frame.progress.step)

    def drop_frames(self, job: Job) -> None: ...
    def job_ended(self) -> None: ...


@dataclass
class Engine:
    """All of the engine but Discord; its first node has a cache of its own for weights."""

    ray: LocalCluster
    cache: Path
    database: Database
    worker: Worker
    cluster: cluster_module.Cluster
    folder: Path
    frames: RecordingSink

    async def ask(self, guild_id: int | None = None, **values: Any) -> Job:
        options = {"include": "a red circle", "width": 64, "height": 64, "steps": 10, "seed": 7}
        return await Jobs(self.database).insert(
            NewJob(
                recipe=Recipe.make(**(options | values)),
                guild_id=guild_id,
                channel_id=1,
                message_id=None,
                member_id=1,
                member_name="Ada",
            )
        )

    async def ended(self, job: Job) -> Job:
        async def look() -> Job | None:
            now = await Jobs(self.database).get(job.id)
            return now if now and now.state.ended else None

        found: Job = await until(look)
        return found

    def steps(self, job: Job) -> int:
        """The last step whose frame is kept."""
        frames = folder_of(job.id, self.folder).glob("frame-*.webp")
        return max((int(path.stem.removeprefix("frame-")) for path in frames), default=0)

    async def goes_on(self, job: Job) -> None:
        """Waits until it has advanced by some steps from now."""
        now = self.steps(job)
        await until(lambda: self.steps(job) > now + 10)

    @property
    def nodes(self) -> list[str]:
        """Where there are renderers at work."""
        return [slot.node for slot in self.cluster.slots if slot.node and slot.renderer]


@pytest.fixture(scope="module")
def started() -> Iterator[LocalCluster]:
    with local_cluster(nodes=0) as cluster:
        yield cluster


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine(
    started: LocalCluster, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Engine]:
    folder, cache = tmp_path_factory.mktemp("engine"), tmp_path_factory.mktemp("cache")
    started.add(XDG_CACHE_HOME=str(cache))
    settings = Settings(ray_address=started.address, data_dir=folder, device="cpu")
    async with Database.open(folder / "imagine.db") as database, cluster_module.connected(settings):
        worker = Worker(database, frames := RecordingSink(), data_dir=folder)
        cluster = cluster_module.Cluster(settings, database, worker)
        working = [asyncio.create_task(worker.run()), asyncio.create_task(cluster.run())]
        yield Engine(started, cache, database, worker, cluster, folder, frames)
        for task in working:
            task.cancel()
            await asyncio.wait({task})


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def calm(engine: Engine) -> AsyncIterator[None]:
    """No job outlives its test."""
    yield
    for job in [
        *await JobQueue(engine.database).running(),
        *await JobQueue(engine.database).waiting(),
    ]:
        await Jobs(engine.database).cancel(job.id)
    await until(lambda: engine.worker.jobs == 0)


async def until(condition: Callable[[], Any]) -> Any:
    return await conftest.until(condition, PATIENCE)


async def test_a_node_without_weights_is_sent_them_and_renders_the_very_same_image(
    engine: Engine,
) -> None:
    job = await engine.ask(exclude="watermark", count=2)
    assert (await engine.ended(job)).state is State.DONE
    (sent,) = (engine.cache / "imagine" / "weights").iterdir()
    checksums = Manifest.of(find("sketch"), engine.folder).checksums
    assert {path.name for path in sent.iterdir()} == set(checksums)

    cpu = torch.device("cpu")
    renderer = Renderer(load_model("sketch", engine.folder, cpu), cpu)
    renderer.add(RenderRequest(1, job.recipe))
    while not (iteration := renderer.step()[0]).done:
        pass
    for row, picture in enumerate(iteration.images()):
        kept = Image.open(folder_of(job.id, engine.folder) / f"final-{row}.png")
        assert kept.tobytes() == enlarged(picture).tobytes()


@pytest.mark.parametrize("act", ["cancel", "block", "pause"])
async def test_a_job_that_is_called_off_leaves_its_actor_at_once(engine: Engine, act: str) -> None:
    called_off, other = await engine.ask(GUILD, **LONG), await engine.ask(**LONG)
    await engine.goes_on(called_off)
    if act == "cancel":
        await Jobs(engine.database).cancel(called_off.id)
    elif act == "block":
        await Blocks(engine.database).block(GUILD, 1, actor_id=9, reason=None, until=None)
    else:
        await ModerationQueue(engine.database).pause(GUILD, actor_id=9, reason=None)
    step = engine.steps(called_off)
    await until(lambda: engine.worker.jobs == 1)
    await engine.goes_on(other)
    assert engine.steps(called_off) <= step + 2
    if act == "pause":
        shown = engine.frames.steps[called_off.id]
        step, count = shown[-1], len(shown)
        await ModerationQueue(engine.database).resume(GUILD, actor_id=9)
        await engine.goes_on(called_off)
        # It resumes after its last output, which may have come too late to be shown.
        assert shown[count] in (step + 1, step + 2)
    else:
        assert (await engine.ended(called_off)).state is State.CANCELLED


async def test_a_node_that_joins_takes_work_and_hands_it_over_when_it_is_drained(
    engine: Engine,
) -> None:
    jobs = [await engine.ask(**LONG), await engine.ask(**LONG)]
    for job in jobs:
        await engine.goes_on(job)
    (first,) = engine.nodes
    joined = engine.ray.add()
    await until(lambda: joined in engine.nodes and busy(engine) == 2)
    steps = [engine.steps(job) for job in jobs]
    engine.ray.drain(joined, seconds=cluster_module.HAND_OVER_SECONDS - 1)
    await until(lambda: engine.nodes == [first] and engine.worker.jobs == 2)
    for job, step in zip(jobs, steps, strict=True):
        await engine.goes_on(job)
        assert engine.steps(job) > step
    ends = [await Jobs(engine.database).get(job.id) for job in jobs]
    assert [end.attempts for end in ends if end] == [1, 1]
    engine.ray.kill(joined)


async def test_an_actor_that_hangs_is_replaced(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_renderer, "STEP_SECONDS", 5.0)
    monkeypatch.setattr(ray_renderer, "PATIENCE", 0.0)
    job = await engine.ask(**LONG)
    await engine.goes_on(job)
    slot = next(slot for slot in engine.cluster.slots if slot.jobs)
    hanging = slot.process
    os.kill(hanging, signal.SIGSTOP)
    await until(lambda: slot not in engine.cluster.slots)
    await engine.goes_on(job)
    await until(lambda: is_gone(hanging))


def is_gone(process: int) -> bool:
    """Whether a process has ended, even if nobody has asked how."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes() == b""
    except FileNotFoundError:
        return True


DRIVER = """
import ray, sys
ray.init(address=sys.argv[1], configure_logging=False)

@ray.remote(num_cpus=0)
def task():
    return "it ran"

print(ray.get(task.remote()))
"""


async def test_only_who_knows_the_clusters_token_can_run_code_there(
    engine: Engine, tmp_path: Path
) -> None:
    plain = {name: value for name, value in os.environ.items() if "RAY_AUTH" not in name}
    plain["HOME"] = str(tmp_path)
    right = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": os.environ["RAY_AUTH_TOKEN"]}
    wrong = right | {"RAY_AUTH_TOKEN": "0" * 64}
    none = {"RAY_AUTH_MODE": "disabled"}

    async def output(access: dict[str, str]) -> str:
        driver = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", DRIVER, engine.ray.address),
            env=plain | access,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        return (await driver.communicate())[0].decode()

    async with asyncio.timeout(2 * PATIENCE):
        outputs = await asyncio.gather(*map(output, (right, wrong, none)))
    assert ["it ran" in each for each in outputs] == [True, False, False]
    assert all("AuthenticationError" in each for each in outputs[1:])


def busy(engine: Engine) -> int:
    """How many renderers have jobs."""
    return sum(bool(slot.jobs) for slot in engine.cluster.slots)
