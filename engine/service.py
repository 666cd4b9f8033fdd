"""The engine process: connects settings, database, Discord, weights and worker."""

import asyncio
import importlib.util
import time
from contextlib import suppress
from dataclasses import dataclass

import structlog
import torch

from core.database.connection import Database
from core.database.errors import StoreError
from core.metrics import serve_metrics
from core.settings import Settings, SettingsError
from engine.delivery.message_writer import MessageWriter
from engine.delivery.poster import Poster
from engine.delivery.rest import logged_in_when_reachable
from engine.device import add_memory_metrics, choose_device, use_cores
from engine.models.model import load_model
from engine.presence import reported
from engine.renderer_handle import LocalRenderer
from engine.retention import delete_hourly
from engine.worker import Worker

log = structlog.stdlib.get_logger(__name__)

DRAIN_SECONDS = 5.0  #: for posting outcomes after a signal to stop
STUCK_SECONDS = 300.0  #: a render loop without a tick for this long counts as stuck


@dataclass(slots=True)
class _Health:
    """The health of the engine. `worker` is None until the networks are loaded."""

    worker: Worker | None = None

    def problem(self) -> str:
        """One sentence; "" if the engine works."""
        if self.worker is None:
            return "The engine has not started: it is waiting for Discord or loading its networks."
        if not self.worker.renderer_count:
            return "The engine has no renderer: it is waiting for a node of the cluster."
        seconds = time.monotonic() - self.worker.last_tick
        if seconds > STUCK_SECONDS:
            return f"The engine hangs: a render loop has not advanced for {seconds:.0f} seconds."
        return ""


async def serve(settings: Settings) -> None:
    """Renders and posts until cancelled, then requeues unfinished jobs.

    Raises SettingsError, StoreError, DiscordError, DeviceError, WeightsError and ClusterError, each
    with a message of one sentence.
    """
    settings.token()  # before anything slow
    work = _work_on_cluster if settings.ray_address else _work_locally
    if settings.ray_address:
        _require_ray()
    else:
        add_memory_metrics(choose_device(settings.device))
    health = _Health()
    async with (
        Database.open(settings.database_path) as database,
        serve_metrics("ENGINE_METRICS", settings.engine_metrics, database, health.problem),
        logged_in_when_reachable(settings) as client,
    ):
        poster = Poster(MessageWriter(client, database, settings), database, settings)
        posting = asyncio.create_task(poster.run())
        deleting = asyncio.create_task(delete_hourly(settings, database))
        working = asyncio.create_task(work(settings, database, poster, health))
        try:
            await asyncio.wait({posting, working}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _cancel(deleting)
            await _cancel(working)
            if not posting.done():
                with suppress(TimeoutError, StoreError):
                    async with asyncio.timeout(DRAIN_SECONDS):
                        await poster.drain()
            await _cancel(posting)
        for task in (posting, working):
            if not task.cancelled():
                task.result()


async def _work_locally(
    settings: Settings, database: Database, poster: Poster, health: _Health
) -> None:
    use_cores()
    device = choose_device(settings.device)
    model = await asyncio.to_thread(
        load_model, settings.model, settings.data_dir, device, settings.perceptors
    )
    log.info("ready", model=model.name, device=str(device), threads=torch.get_num_threads())
    idle = settings.gpu_idle_minutes if device.type == "cuda" else None
    idle_seconds = 60 * idle if idle else None
    worker = health.worker = Worker(
        database,
        poster,
        data_dir=settings.data_dir,
        model=settings.model,
        idle_seconds=idle_seconds,
        check=settings.check_policy,
    )
    worker.add_renderer(LocalRenderer.of(model, device))
    async with reported(database, worker.name, settings.model, lambda: worker.renderer_count):
        await worker.run()


async def _work_on_cluster(
    settings: Settings, database: Database, poster: Poster, health: _Health
) -> None:
    from engine.cluster import Cluster, connected

    async with connected(settings):
        worker = health.worker = Worker(
            database,
            poster,
            data_dir=settings.data_dir,
            model=settings.model,
            check=settings.check_policy,
        )
        cluster = await asyncio.to_thread(Cluster, settings, database, worker)
        log.info("ready", model=settings.model, ray=settings.ray_address)
        async with reported(database, worker.name, settings.model, lambda: worker.renderer_count):
            adjusting = asyncio.create_task(cluster.run())
            working = asyncio.create_task(worker.run())
            try:
                await asyncio.wait({adjusting, working}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                await _cancel(working)  # first, because its last steps need the actors
                await _cancel(adjusting)
        for task in (adjusting, working):
            if not task.cancelled():
                task.result()


def _require_ray() -> None:
    if importlib.util.find_spec("ray") is None:
        raise SettingsError(
            "RAY_ADDRESS is set, but Ray is not installed here: install it with "
            "`pip install --require-hashes -r constraints.txt`."
        )


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})
