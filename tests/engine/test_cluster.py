"""Renderers in Ray actors: they render the same images, join and leave, and lose no job."""

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
from engine.models.catalogue import find
from engine.models.model import load_model
from engine.models.weights_transfer import Manifest
from engine.synthesis.renderer import Renderer
from engine.synthesis.request import RenderRequest
from engine.upscaling import enlarged
from engine.worker import Worker
from tests.engine import conftest

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

TIMEOUT_SECONDS = 60.0
GUILD = 5
LONG = {"steps": 500, "include": "two yellow stars"}
"""A job that lasts longer than any test."""


class RecordingSink:
    """Records the step of every frame."""

    def __init__(self) -> None:
        self.steps: dict[int, list[int]] = defaultdict(list)

    def show_frame(self, job: Job, frame: Frame) -> None:
        if frame.progress:
            self.steps[job.id].append(frame.progress.step)

    def drop_frames(self, job: Job) -> None: ...
    def job_ended(self) -> None: ...


@dataclass
class Engine:
    """The engine without Discord; its first node has a separate cache for weights."""

    ray: LocalCluster
    cache: Path
    database: Database
    worker: Worker
    cluster: cluster_module.Cluster
    folder: Path
    frames: RecordingSink

    async def enqueue(self, guild_id: int | None = None, **values: Any) -> Job:
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

    async def wait_until_ended(self, job: Job) -> Job:
        async def ended_job() -> Job | None:
            now = await Jobs(self.database).get(job.id)
            return now if now and now.state.ended else None

        found: Job = await until(ended_job)
        return found

    def last_step(self, job: Job) -> int:
        """The last step whose frame is kept."""
        frames = folder_of(job.id, self.folder).glob("frame-*.webp")
        return max((int(path.stem.removeprefix("frame-")) for path in frames), default=0)

    async def wait_for_progress(self, job: Job) -> None:
        """Waits until it has advanced by more than ten steps."""
        now = self.last_step(job)
        await until(lambda: self.last_step(job) > now + 10)

    @property
    def nodes(self) -> list[str]:
        """The nodes with a loaded renderer."""
        return [slot.node for slot in self.cluster.slots if slot.node and slot.renderer]


@pytest.fixture(scope="module")
def ray_cluster() -> Iterator[LocalCluster]:
    with local_cluster(nodes=0) as cluster:
        yield cluster


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine(
    ray_cluster: LocalCluster, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Engine]:
    folder, cache = tmp_path_factory.mktemp("engine"), tmp_path_factory.mktemp("cache")
    ray_cluster.add(XDG_CACHE_HOME=str(cache))
    settings = Settings(ray_address=ray_cluster.address, data_dir=folder, device="cpu")
    async with Database.open(folder / "imagine.db") as database, cluster_module.connected(settings):
        worker = Worker(database, frames := RecordingSink(), data_dir=folder)
        cluster = cluster_module.Cluster(settings, database, worker)
        working = [asyncio.create_task(worker.run()), asyncio.create_task(cluster.run())]
        yield Engine(ray_cluster, cache, database, worker, cluster, folder, frames)
        for task in working:
            task.cancel()
            await asyncio.wait({task})


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def cancel_jobs_after_each_test(engine: Engine) -> AsyncIterator[None]:
    """No job outlives its test."""
    yield
    for job in [
        *await JobQueue(engine.database).running(),
        *await JobQueue(engine.database).waiting(),
    ]:
        await Jobs(engine.database).cancel(job.id)
    await until(lambda: engine.worker.job_count == 0)


async def until(condition: Callable[[], Any]) -> Any:
    return await conftest.until(condition, TIMEOUT_SECONDS)


async def test_a_node_without_weights_is_sent_them_and_renders_the_same_image(
    engine: Engine,
) -> None:
    job = await engine.enqueue(exclude="watermark", count=2)
    assert (await engine.wait_until_ended(job)).state is State.DONE
    (weights_folder,) = (engine.cache / "imagine" / "weights").iterdir()
    checksums = Manifest.of(find("sketch"), engine.folder).checksums
    assert {path.name for path in weights_folder.iterdir()} == set(checksums)

    cpu = torch.device("cpu")
    renderer = Renderer(load_model("sketch", engine.folder, cpu), cpu)
    renderer.add(RenderRequest(1, job.recipe))
    while not (output := renderer.step()[0]).done:
        pass
    for row, image in enumerate(output.images()):
        saved = Image.open(folder_of(job.id, engine.folder) / f"final-{row}.png")
        assert saved.tobytes() == enlarged(image).tobytes()


@pytest.mark.parametrize("action", ["cancel", "block", "pause"])
async def test_a_cancelled_blocked_or_paused_job_leaves_its_actor_at_once(
    engine: Engine, action: str
) -> None:
    interrupted, other = await engine.enqueue(GUILD, **LONG), await engine.enqueue(**LONG)
    await engine.wait_for_progress(interrupted)
    if action == "cancel":
        await Jobs(engine.database).cancel(interrupted.id)
    elif action == "block":
        await Blocks(engine.database).block(GUILD, 1, actor_id=9, reason=None, until=None)
    else:
        await ModerationQueue(engine.database).pause(GUILD, actor_id=9, reason=None)
    step = engine.last_step(interrupted)
    await until(lambda: engine.worker.job_count == 1)
    await engine.wait_for_progress(other)
    assert engine.last_step(interrupted) <= step + 2
    if action == "pause":
        shown = engine.frames.steps[interrupted.id]
        step, count = shown[-1], len(shown)
        await ModerationQueue(engine.database).resume(GUILD, actor_id=9)
        await engine.wait_for_progress(interrupted)
        # It shows its last output again, which may have arrived too late to be shown before.
        assert shown[count] in (step, step + 1)
    else:
        assert (await engine.wait_until_ended(interrupted)).state is State.CANCELLED


async def test_a_node_that_joins_takes_work_and_hands_it_over_when_it_is_drained(
    engine: Engine,
) -> None:
    jobs = [await engine.enqueue(**LONG), await engine.enqueue(**LONG)]
    for job in jobs:
        await engine.wait_for_progress(job)
    (first,) = engine.nodes
    joined = engine.ray.add()
    await until(lambda: joined in engine.nodes and busy_renderers(engine) == 2)
    steps = [engine.last_step(job) for job in jobs]
    engine.ray.drain(joined, seconds=cluster_module.HAND_OVER_SECONDS - 1)
    await until(lambda: engine.nodes == [first] and engine.worker.job_count == 2)
    for job, step in zip(jobs, steps, strict=True):
        await engine.wait_for_progress(job)
        assert engine.last_step(job) > step
    moved = [await Jobs(engine.database).get(job.id) for job in jobs]
    assert [job.attempts for job in moved if job] == [1, 1]
    engine.ray.kill(joined)


async def test_an_actor_that_hangs_is_replaced(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_renderer, "STEP_SECONDS", 5.0)
    monkeypatch.setattr(ray_renderer, "TIMEOUT_FACTOR", 0.0)
    job = await engine.enqueue(**LONG)
    await engine.wait_for_progress(job)
    slot = next(slot for slot in engine.cluster.slots if slot.jobs)
    process = slot.process
    os.kill(process, signal.SIGSTOP)
    await until(lambda: slot not in engine.cluster.slots)
    await engine.wait_for_progress(job)
    await until(lambda: has_ended(process))


def has_ended(process: int) -> bool:
    """Whether a process has ended, even if its parent has not yet waited for it."""
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


async def test_only_clients_with_the_clusters_token_can_run_code_there(
    engine: Engine, tmp_path: Path
) -> None:
    environment = {name: value for name, value in os.environ.items() if "RAY_AUTH" not in name}
    environment["HOME"] = str(tmp_path)
    right_token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": os.environ["RAY_AUTH_TOKEN"]}
    wrong_token = right_token | {"RAY_AUTH_TOKEN": "0" * 64}
    no_token = {"RAY_AUTH_MODE": "disabled"}

    async def run_driver(authentication: dict[str, str]) -> str:
        driver = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", DRIVER, engine.ray.address),
            env=environment | authentication,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        return (await driver.communicate())[0].decode()

    async with asyncio.timeout(2 * TIMEOUT_SECONDS):
        outputs = await asyncio.gather(*map(run_driver, (right_token, wrong_token, no_token)))
    assert ["it ran" in each for each in outputs] == [True, False, False]
    assert all("AuthenticationError" in each for each in outputs[1:])


def busy_renderers(engine: Engine) -> int:
    """The number of renderers with jobs."""
    return sum(bool(slot.jobs) for slot in engine.cluster.slots)
