"""Renderers on many machines, by Ray.

There is an actor for each GPU, or CPU core, that is needed. It holds the renderer that the engine
would otherwise hold itself (`engine.ray_renderer`), and the worker drives it in the same way.
Placement, transport, membership and autoscaling are Ray's; this file decides how many actors are
wanted, at most one for each job, and lets the worker know about them. An actor that finds no room
waits inside Ray, which places it once a node joins, and whose autoscaler sees that one is missing.

When a node or an actor is lost, its jobs go back to their places in the queue and resume elsewhere
from their last checkpoints. Ray's own restarts are not used: they wait until Ray is sure that a
node is dead, which takes about 20 seconds.

The code travels with Ray's runtime environment, so that it is the same everywhere; weights are sent
through the object store to nodes that lack them. Nodes need only the packages.
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

CONNECT_SECONDS = 60.0  #: until a cluster counts as unreachable
ADJUST_SECONDS = 1.0  #: between two comparisons of the queue and the cluster
RETRY_SECONDS = 5.0  #: before an actor that could not start is tried again
JOIN_SECONDS = 1800.0  #: for weights to arrive and networks to load
IDLE_SECONDS = 600.0  #: before an idle actor is ended, so that its node can be removed
HAND_OVER_SECONDS = 15.0  #: before the end of a draining node, that its jobs are moved
MAX_MISSING = 100  #: the most actors without room that ask the autoscaler for nodes


@dataclass(slots=True, eq=False)
class ActorSlot:
    """An actor, wherever Ray puts it."""

    actor: Any
    node: str = ""
    """Its node; "" while it waits for room."""
    process: int = 0
    renderer: RayRenderer | None = None
    """Its handle; None until the networks are read."""
    idle_since: float = field(default_factory=time.monotonic)
    startup_task: "asyncio.Task[None]" = field(init=False)

    @property
    def jobs(self) -> frozenset[int]:
        """The jobs that it is rendering."""
        return self.renderer.jobs if self.renderer else frozenset()


@asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[None]:
    """Connects to the cluster of the settings while the block runs. Raises ClusterError."""
    logging.getLogger("ray").setLevel(logging.ERROR)
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            await asyncio.wrap_future(_in_daemon(lambda: _join(settings.ray_address)))
    except (ConnectionError, TimeoutError, ValueError, RuntimeError, RayError) as error:
        reason = str(error).strip().splitlines()[0].rstrip(".") if str(error) else "no answer"
        raise ClusterError(
            f"The Ray cluster at {settings.ray_address} cannot be joined ({reason}): start a node "
            "of it on this machine with `ray start`."
        ) from error
    for number in (signal.SIGTERM, signal.SIGINT):  # Ray has replaced their handlers
        signal.signal(number, signal.getsignal(number))
    try:
        yield
    finally:
        await asyncio.to_thread(ray.shutdown)


def _in_daemon(work: Callable[[], None]) -> Future[None]:
    """Runs in a daemon thread, because Ray keeps trying to reach a missing cluster.

    In the main thread, it would also make SIGTERM end the process immediately.
    """
    future: Future[None] = Future()

    def run() -> None:
        with suppress(InvalidStateError):  # nobody is waiting any more
            try:
                work()
                future.set_result(None)
            except Exception as error:
                future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


def _join(address: str | None) -> None:
    """Ray's runtime environment with our code, which takes precedence over a node's own copy."""
    with tempfile.TemporaryDirectory(prefix="imagine-") as folder:
        for package in (engine, core):
            left_out = shutil.ignore_patterns("*.safetensors", "__pycache__")
            shutil.copytree(package.__path__[0], Path(folder) / package.__name__, ignore=left_out)
        ray.init(
            address=address,
            namespace="imagine",
            log_to_driver=False,
            configure_logging=False,
            runtime_env={"working_dir": folder, "env_vars": {"OMP_WAIT_POLICY": "passive"}},
        )


class Cluster:
    """Supplies the worker with renderers. One instance for each engine process."""

    def __init__(self, settings: Settings, database: Database, worker: Worker) -> None:
        """Raises WeightsError when the engine's own machine lacks the model's files."""
        self._settings = settings
        self._data_dir = settings.data_dir.absolute()
        self._queue = JobQueue(database)
        self._worker = worker
        self._manifest = Manifest.of(find(settings.model), settings.data_dir, settings.perceptors)
        self.slots: list[ActorSlot] = []
        self._shipped: dict[str, Any] = {}

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
                self._end(slot)

    async def _adjust(self) -> None:
        """Starts and ends actors to match the number wanted."""
        resources = await asyncio.to_thread(ray.cluster_resources)
        device = self._device(resources)
        waiting = await self._queue.unpaused_count()
        capacity = images_at_a_time(device, self._manifest.entry.side)
        wanted = self._wanted(waiting, int(resources.get(_UNIT[device], 0)), capacity)
        while len(self.slots) < wanted:
            self._begin(device)
        for slot in self._idle()[: len(self.slots) - wanted]:
            self._end(slot)
        await self._vacate_draining_nodes()
        if all(slot.renderer for slot in self.slots):
            self._shipped.clear()

    def _wanted(self, waiting: int, units: int, capacity: int) -> int:
        """As many actors as jobs that fit into the cluster, plus a few that ask it to grow."""
        missing = min(math.ceil(waiting / capacity), MAX_MISSING)
        return max(1, min(self._worker.jobs + waiting, units + missing))

    def _device(self, resources: dict[str, float]) -> str:
        """`cuda`, or `cpu` where the settings say so or the cluster has no GPU."""
        if self._settings.device == "auto":
            return "cuda" if resources.get("GPU") else "cpu"
        return self._settings.device.partition(":")[0]

    # -- actors ----------------------------------------------------------------------------

    def _begin(self, device: str) -> None:
        needs: dict[str, Any] = {"num_cpus": 1}
        if device == "cuda":
            needs["num_gpus"] = 1
        else:
            needs["memory"] = int(self._manifest.entry.memory * 1e9)
        slot = ActorSlot(ray.remote(RendererActor).options(**needs).remote())
        slot.startup_task = asyncio.create_task(self._serve(slot, device))
        self.slots.append(slot)

    def _end(self, slot: ActorSlot) -> None:
        """Ends an actor; `_adjust` starts another if one is wanted."""
        self.slots.remove(slot)
        if slot.startup_task is not asyncio.current_task():
            slot.startup_task.cancel()
        if slot.renderer:
            slot.renderer.give_up("It is no longer needed.", failed=False)
        ray.kill(slot.actor)

    def _idle(self) -> list[ActorSlot]:
        """The actors without jobs, those that never started first."""
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
        """Waits for an actor to be ready, and lets the worker use it until it is lost."""
        try:
            slot.node, slot.process = await slot.actor.where.remote()  # once there is room
            async with asyncio.timeout(JOIN_SECONDS):
                renderer = await self._load(slot.actor, device)
        except Exception as error:
            cause = error.cause if isinstance(error, RayTaskError) else error
            log.warning("renderer cannot start", node=slot.node, error=str(cause))
            await asyncio.sleep(RETRY_SECONDS)
        else:
            slot.renderer, slot.idle_since = renderer, time.monotonic()
            self._worker.join(renderer)
            where = {"node": slot.node, "process": slot.process}
            log.info("renderer joined", **where, device=renderer.device, capacity=renderer.capacity)
            log.warning("renderer left", reason=await renderer.until_lost(), **where)
        self._end(slot)

    async def _load(self, actor: Any, device: str) -> RayRenderer:
        missing = await actor.missing_files.remote(self._manifest, self._data_dir)
        contents = [await self._shipment(name) for name in missing]
        offer = await actor.load.remote(
            self._manifest, self._data_dir, device, self._settings.perceptors, missing, *contents
        )
        return RayRenderer(actor, offer)

    async def _shipment(self, name: str) -> Any:
        """A file of the weights in Ray's object store, from where each node gets it once."""
        if name not in self._shipped:
            content = await asyncio.to_thread(self._manifest.read, name, self._data_dir)
            self._shipped[name] = await asyncio.to_thread(ray.put, content)
        return self._shipped[name]

    # -- nodes that are to go --------------------------------------------------------------

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
                renderer.give_up("Its node is being drained.", failed=False)


_UNIT = {"cpu": "CPU", "cuda": "GPU"}
"""Ray's name of the resource that each actor occupies."""


def draining_nodes() -> dict[str, int]:
    """When each draining node will end, in milliseconds since 1970; 0 for no limit.

    Ray has no public name for it; its own libraries ask here, too. `constraints.txt` pins Ray, and
    `tests/engine/test_cluster.py` drains a node.
    """
    nodes: dict[str, int] = ray._private.state.state.get_draining_nodes()
    return nodes
