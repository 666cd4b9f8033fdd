"""Renderers on many machines, with Ray.

Each actor occupies one GPU or one CPU core. It holds a renderer (`engine.ray_renderer`), which the
worker drives like one in its own process. Ray does placement, transport, membership and
autoscaling. This module decides how many actors there should be, at most one per job, and adds
their renderers to the worker. An actor without a free GPU or core is pending in Ray, which makes
the autoscaler add a node, and starts the actor once one joins.

When a node or an actor is lost, its jobs go back to their places in the queue and resume elsewhere
from their last checkpoints. Ray's own restarts are not used: they wait until Ray is sure that a
node is dead, which takes about 20 seconds.

Ray's runtime environment contains the code, so that all nodes run the same version. Weights are
sent through the object store to nodes that lack them. Nodes only need the installed packages.
"""

import asyncio
import logging
import math
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ray
import structlog
from ray.exceptions import RayError, RayTaskError

import core
import engine
from core.database.connection import Database
from core.database.errors import StoreError
from core.database.queue import JobQueue
from core.settings import Settings
from engine.models.catalogue import find
from engine.models.weights_transfer import Manifest
from engine.ray_renderer import RayRenderer, RendererActor
from engine.renderer_handle import ClusterError, images_at_a_time
from engine.worker import Worker

log = structlog.stdlib.get_logger(__name__)

CONNECT_SECONDS = 60.0  #: timeout for joining a cluster
ADJUST_SECONDS = 1.0  #: between adjustments of the number of actors
RETRY_SECONDS = 5.0  #: before an actor that could not start is replaced
JOIN_SECONDS = 1800.0  #: timeout for sending weights and loading networks
IDLE_SECONDS = 600.0  #: after which an idle actor is ended, so that its node can be removed
HAND_OVER_SECONDS = 15.0  #: before the end of a draining node, when its jobs are moved
MAX_PENDING = 100  #: pending actors, each of which makes the autoscaler add resources


@dataclass(slots=True, eq=False)
class ActorSlot:
    """An actor and its renderer."""

    actor: Any
    node: str = ""
    """The id of its node; "" while the actor is pending."""
    process: int = 0
    renderer: RayRenderer | None = None
    """None until the networks are loaded."""
    idle_since: float = field(default_factory=time.monotonic)
    startup_task: "asyncio.Task[None]" = field(init=False)

    @property
    def jobs(self) -> frozenset[int]:
        """The jobs that it is rendering."""
        return self.renderer.jobs if self.renderer else frozenset()


@asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[None]:
    """Connects to the cluster of the settings during the block. Raises ClusterError."""
    logging.getLogger("ray").setLevel(logging.ERROR)
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            await asyncio.wrap_future(_in_daemon(lambda: _join(settings.ray_address)))
    except (ConnectionError, TimeoutError, ValueError, RuntimeError, RayError) as error:
        reason = str(error).strip().splitlines()[0].rstrip(".") if str(error) else "no response"
        raise ClusterError(
            f"The Ray cluster at {settings.ray_address} cannot be joined ({reason}): start a node "
            "of it on this machine with `ray start`."
        ) from error
    for number in (signal.SIGTERM, signal.SIGINT):  # Ray replaces Python's handlers
        signal.signal(number, signal.getsignal(number))
    try:
        yield
    finally:
        await asyncio.to_thread(ray.shutdown)


def _in_daemon(work: Callable[[], None]) -> Future[None]:
    """Runs in a daemon thread, because Ray keeps trying to reach a missing cluster.

    In the main thread, Ray would also make SIGTERM end the process immediately.
    """
    future: Future[None] = Future()

    def run() -> None:
        with suppress(InvalidStateError):  # the caller has stopped waiting
            try:
                work()
                future.set_result(None)
            except Exception as error:
                future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


def _join(address: str | None) -> None:
    """Joins a cluster with our code, which takes precedence over a node's own copy."""
    with tempfile.TemporaryDirectory(prefix="imagine-") as folder:
        for package in (engine, core):
            ignore = shutil.ignore_patterns("*.safetensors", "__pycache__")
            shutil.copytree(package.__path__[0], Path(folder) / package.__name__, ignore=ignore)
        ray.init(
            address=address,
            namespace="imagine",
            log_to_driver=False,
            configure_logging=False,
            runtime_env={"working_dir": folder, "env_vars": {"OMP_WAIT_POLICY": "passive"}},
        )


class Cluster:
    """Supplies the worker with renderers. One instance per engine process."""

    def __init__(self, settings: Settings, database: Database, worker: Worker) -> None:
        """Raises WeightsError if this machine lacks the model's files."""
        self._settings = settings
        self._data_dir = settings.data_dir.absolute()
        self._queue = JobQueue(database)
        self._worker = worker
        self._manifest = Manifest.of(find(settings.model), settings.data_dir, settings.perceptors)
        self.slots: list[ActorSlot] = []
        self._uploaded: dict[str, Any] = {}

    async def run(self) -> None:
        """Runs until cancelled."""
        try:
            while True:
                try:
                    await self._adjust()
                except (StoreError, RayError) as error:
                    log.warning("the cluster cannot be adjusted, trying again", error=str(error))
                await asyncio.sleep(ADJUST_SECONDS)
        finally:
            for slot in list(self.slots):
                self._end_actor(slot)

    async def _adjust(self) -> None:
        """Starts and ends actors to reach the desired number."""
        resources = await asyncio.to_thread(ray.cluster_resources)
        device = self._device(resources)
        waiting = await self._queue.unpaused_count()
        capacity = images_at_a_time(device, self._manifest.entry.side)
        desired = self._desired_actors(waiting, int(resources.get(_UNIT[device], 0)), capacity)
        while len(self.slots) < desired:
            self._start_actor(device)
        for slot in self._idle()[: len(self.slots) - desired]:
            self._end_actor(slot)
        await self._vacate_draining_nodes()
        if all(slot.renderer for slot in self.slots):
            self._uploaded.clear()

    def _desired_actors(self, waiting: int, units: int, capacity: int) -> int:
        """One actor per job, up to the cluster's `units`, plus pending ones that make it grow.

        `capacity` is how many images an actor renders at a time.
        """
        pending = min(math.ceil(waiting / capacity), MAX_PENDING)
        return max(1, min(self._worker.job_count + waiting, units + pending))

    def _device(self, resources: dict[str, float]) -> str:
        """`cpu` if the settings say so or the cluster has no GPU, otherwise `cuda`."""
        if self._settings.device == "auto":
            return "cuda" if resources.get("GPU") else "cpu"
        return self._settings.device.partition(":")[0]

    # -- actors ----------------------------------------------------------------------------

    def _start_actor(self, device: str) -> None:
        resources: dict[str, Any] = {"num_cpus": 1}
        if device == "cuda":
            resources["num_gpus"] = 1
        else:
            resources["memory"] = int(self._manifest.entry.memory * 1e9)
        slot = ActorSlot(ray.remote(RendererActor).options(**resources).remote())
        slot.startup_task = asyncio.create_task(self._serve(slot, device))
        self.slots.append(slot)

    def _end_actor(self, slot: ActorSlot) -> None:
        """Ends an actor; `_adjust` starts another one if necessary."""
        self.slots.remove(slot)
        if slot.startup_task is not asyncio.current_task():
            slot.startup_task.cancel()
        if slot.renderer:
            slot.renderer.mark_lost("It is no longer needed.", failed=False)
        ray.kill(slot.actor)

    def _idle(self) -> list[ActorSlot]:
        """Pending actors, then those that have been idle for longer than IDLE_SECONDS."""
        now = time.monotonic()
        for slot in self.slots:
            if slot.jobs:
                slot.idle_since = now
        return sorted(
            (
                slot
                for slot in self.slots
                if not slot.node or (now - slot.idle_since > IDLE_SECONDS and not slot.jobs)
            ),
            key=lambda slot: bool(slot.node),
        )

    async def _serve(self, slot: ActorSlot, device: str) -> None:
        """Waits until an actor is ready, and lets the worker use it until it is lost."""
        try:
            slot.node, slot.process = await slot.actor.location.remote()  # once it is placed
            async with asyncio.timeout(JOIN_SECONDS):
                renderer = await self._load(slot.actor, device)
        except Exception as error:
            cause = error.cause if isinstance(error, RayTaskError) else error
            log.warning("renderer cannot start", node=slot.node, error=str(cause))
            await asyncio.sleep(RETRY_SECONDS)
        else:
            slot.renderer, slot.idle_since = renderer, time.monotonic()
            self._worker.add_renderer(renderer)
            location = {"node": slot.node, "process": slot.process}
            log.info(
                "renderer joined", **location, device=renderer.device, capacity=renderer.capacity
            )
            log.warning("renderer left", reason=await renderer.until_lost(), **location)
        self._end_actor(slot)

    async def _load(self, actor: Any, device: str) -> RayRenderer:
        missing = await actor.missing_files.remote(self._manifest, self._data_dir)
        contents = [await self._upload(name) for name in missing]
        info = await actor.load.remote(
            self._manifest, self._data_dir, device, self._settings.perceptors, missing, *contents
        )
        return RayRenderer(actor, info)

    async def _upload(self, name: str) -> Any:
        """A reference to a weights file in Ray's object store; each node fetches it once."""
        if name not in self._uploaded:
            content = await asyncio.to_thread(self._manifest.read, name, self._data_dir)
            self._uploaded[name] = await asyncio.to_thread(ray.put, content)
        return self._uploaded[name]

    # -- draining nodes --------------------------------------------------------------------

    async def _vacate_draining_nodes(self) -> None:
        """Starts no more jobs on draining nodes, and moves those that would not finish in time."""
        draining = await asyncio.to_thread(draining_nodes)
        for slot in self.slots:
            renderer = slot.renderer
            if renderer is None or slot.node not in draining:
                continue
            renderer.capacity = 0
            deadline = draining[slot.node] / 1000
            if not renderer.jobs or 0 < deadline < time.time() + HAND_OVER_SECONDS:
                renderer.mark_lost("Its node is being drained.", failed=False)


_UNIT = {"cpu": "CPU", "cuda": "GPU"}
"""Ray's name for the resource that each actor occupies."""


def draining_nodes() -> dict[str, int]:
    """The deadline of each draining node, in milliseconds since 1970; 0 if it has none.

    Ray has no public function for this; its own libraries call this one, too. `constraints.txt`
    pins Ray, and `tests/engine/test_cluster.py` drains a node.
    """
    nodes: dict[str, int] = ray._private.state.state.get_draining_nodes()
    return nodes
