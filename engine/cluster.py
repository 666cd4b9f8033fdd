"""The same renderer on many machines, by Ray.

There is an actor for each GPU (or processor core) that is needed: it holds the renderer that the
engine would hold itself (`engine.remote`), and the worker drives it as it would drive that one,
with a loop and a batch for each. Placement, transport, membership and autoscaling are Ray's: here
stands only how many actors are wanted, as many as there are jobs, and what the worker is told of
them. An actor that finds no room waits within Ray, which places it once a node joins,
and lets Ray's autoscaler know that one is missing. When a node or an actor is lost, its jobs go
back to their places in the queue, and on elsewhere from what was last saved here. Ray's own
restarts are not used: they wait until Ray is sure of a node's death, which takes some 20 seconds.

The code travels with Ray's runtime environment, so that it is the engine's own everywhere; weights
are sent through the object store to nodes that lack them. Nodes need only the packages.
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
from core.database.jobs import Store, StoreError
from core.settings import Settings
from engine.models.catalogue import find
from engine.models.shipping import Manifest
from engine.painter import ClusterError, rows_at_a_time
from engine.remote import RemotePainter, RendererActor
from engine.worker import Worker

log = structlog.stdlib.get_logger(__name__)

CONNECT_SECONDS = 60.0  #: until a cluster counts as unreachable
LOOK_SECONDS = 1.0  #: between two looks at the queue and the cluster
RETRY_SECONDS = 5.0  #: until an actor that could not begin is tried again
JOIN_SECONDS = 1800.0  #: for weights to arrive and networks to be read
IDLE_SECONDS = 600.0  #: until an actor without work is ended, so that its node may go
HAND_OVER_SECONDS = 15.0  #: before a draining node's end, jobs still painted there are taken away
MOST_MISSING = 100  #: so many actors for which there is no room, at most, ask for more nodes


@dataclass(slots=True, eq=False)
class Place:
    """An actor, wherever Ray puts it."""

    actor: Any
    node: str = ""
    """Where it is; "" while it waits for room."""
    process: int = 0
    painter: RemotePainter | None = None
    """What paints there; None until the networks are read."""
    idle_since: float = field(default_factory=time.monotonic)
    filling: "asyncio.Task[None]" = field(init=False)

    @property
    def jobs(self) -> frozenset[int]:
        """What is painted there."""
        return self.painter.jobs if self.painter else frozenset()


@asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[None]:
    """Belongs to the cluster of the settings while the block runs. Raises ClusterError."""
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
    for number in (signal.SIGTERM, signal.SIGINT):  # Ray has taken them from Python
        signal.signal(number, signal.getsignal(number))
    try:
        yield
    finally:
        await asyncio.to_thread(ray.shutdown)


def _in_daemon(work: Callable[[], None]) -> Future[None]:
    """In a thread that nobody waits for: Ray tries for ever to reach a cluster that is not there.

    In the main one it would besides make SIGTERM end the process where it stands.
    """
    future: Future[None] = Future()

    def run() -> None:
        with suppress(InvalidStateError):  # nobody wants to know any more
            try:
                work()
                future.set_result(None)
            except Exception as error:
                future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


def _join(address: str | None) -> None:
    """Brings the code along: whatever else a node has of it is not looked at."""
    with tempfile.TemporaryDirectory(prefix="imagine-") as folder:
        for package in (core, engine):
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
    """Sees to it that the worker has renderers; one for each engine process."""

    def __init__(self, settings: Settings, store: Store, worker: Worker) -> None:
        """Raises WeightsError when the engine's own machine lacks the pair's files."""
        self._settings = settings
        self._data_dir = settings.data_dir.absolute()
        self._store = store
        self._worker = worker
        self._manifest = Manifest.of(find(settings.model), settings.data_dir, settings.perceptors)
        self.places: list[Place] = []
        self._shipped: dict[str, Any] = {}

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                try:
                    await self._look()
                except (StoreError, RayError) as error:
                    log.warning("the cluster cannot be looked after", error=str(error))
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            for place in list(self.places):
                self._end(place)

    async def _look(self) -> None:
        resources = await asyncio.to_thread(ray.cluster_resources)
        device = self._device(resources)
        waiting = await self._store.unpaused_count()
        rows = rows_at_a_time(device, self._manifest.entry.side)
        wanted = self._wanted(waiting, int(resources.get(_UNIT[device], 0)), rows)
        while len(self.places) < wanted:
            self._begin(device)
        for place in self._idle()[: len(self.places) - wanted]:
            self._end(place)
        await self._heed_draining()
        if all(place.painter for place in self.places):
            self._shipped.clear()

    def _wanted(self, waiting: int, slots: int, rows: int) -> int:
        """As many actors as jobs, within the cluster; and what is missing of a larger one."""
        missing = min(math.ceil(waiting / rows), MOST_MISSING)
        return max(1, min(self._worker.jobs + waiting, slots + missing))

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
        place = Place(ray.remote(RendererActor).options(**needs).remote())
        place.filling = asyncio.create_task(self._fill(place, device))
        self.places.append(place)

    def _end(self, place: Place) -> None:
        """Ends an actor, or what is left of it; the next look begins another if one is wanted."""
        self.places.remove(place)
        if place.filling is not asyncio.current_task():
            place.filling.cancel()
        if place.painter:
            place.painter.give_up("It is no longer needed.", failed=False)
        ray.kill(place.actor)

    def _idle(self) -> list[Place]:
        """Those that may end, first those that never began; all but the busy ones."""
        now = time.monotonic()
        for place in self.places:
            if place.jobs:
                place.idle_since = now
        return sorted(
            (
                place
                for place in self.places
                if not place.node or (now - place.idle_since > IDLE_SECONDS and not place.jobs)
            ),
            key=lambda place: bool(place.node),
        )

    async def _fill(self, place: Place, device: str) -> None:
        """Lets the worker have what paints in a place, until it is lost."""
        try:
            place.node, place.process = await place.actor.where.remote()  # once there is room
            async with asyncio.timeout(JOIN_SECONDS):
                painter = await self._ready(place.actor, device)
        except Exception as error:
            cause = error.cause if isinstance(error, RayTaskError) else error
            log.warning("a renderer cannot begin", node=place.node, error=str(cause))
            await asyncio.sleep(RETRY_SECONDS)
        else:
            place.painter, place.idle_since = painter, time.monotonic()
            self._worker.join(painter)
            where = {"node": place.node, "process": place.process}
            log.info("joined", **where, device=painter.device, rows=painter.rows)
            log.warning("left", reason=await painter.until_lost(), **where)
        self._end(place)

    async def _ready(self, actor: Any, device: str) -> RemotePainter:
        lacking = await actor.lacking.remote(self._manifest, self._data_dir)
        contents = [await self._shipment(name) for name in lacking]
        capacity = await actor.load.remote(
            self._manifest, self._data_dir, device, self._settings.perceptors, lacking, *contents
        )
        return RemotePainter(actor, capacity)

    async def _shipment(self, name: str) -> Any:
        """A file of the weights in the object store, from where each node gets it once."""
        if name not in self._shipped:
            content = await asyncio.to_thread(self._manifest.read, name, self._data_dir)
            self._shipped[name] = await asyncio.to_thread(ray.put, content)
        return self._shipped[name]

    # -- nodes that are to go --------------------------------------------------------------

    async def _heed_draining(self) -> None:
        """On a node that is drained no job begins; those that last too long are handed over."""
        draining = await asyncio.to_thread(_draining_nodes)
        for place in self.places:
            painter = place.painter
            if painter is None or place.node not in draining:
                continue
            painter.rows = 0
            deadline = draining[place.node] / 1000
            if not painter.jobs or 0 < deadline < time.time() + HAND_OVER_SECONDS:
                painter.give_up("Its node is being drained.", failed=False)


_UNIT = {"cpu": "CPU", "cuda": "GPU"}
"""What Ray calls that of which an actor needs one."""


def _draining_nodes() -> dict[str, int]:
    """When each node that is drained will end, in milliseconds since 1970; 0 for no limit.

    Ray has no public name for it; its own libraries ask here, too.
    """
    nodes: dict[str, int] = ray._private.state.state.get_draining_nodes()
    return nodes
