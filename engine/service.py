"""The engine as a process: settings, store, Discord, weights, worker, put together."""

import asyncio
from contextlib import suppress

import structlog
import torch

from engine.device import choose_device, use_cores
from engine.discord_rest import logged_in_at_last
from engine.media import Provenance
from engine.models.pair import Pair, load_pair
from engine.poster import Poster
from engine.synthesis.renderer import Renderer
from engine.worker import Worker
from jobs.settings import Settings
from jobs.store import Store, StoreError

log = structlog.stdlib.get_logger(__name__)

ROWS = {"cpu": 4, "cuda": 16}  #: pictures painted at a time
LAST_WORDS_SECONDS = 5.0  #: how long outcomes may still be shown once the engine is to stop


async def serve(settings: Settings) -> None:
    """Paints and posts until cancelled, then hands back what is not finished.

    Raises SettingsError, StoreError, DiscordError, DeviceError, WeightsError: one sentence each.
    """
    settings.token()  # before anything slow
    device = choose_device(settings.device)
    use_cores()
    async with (
        Store.open(settings.database_path) as store,
        logged_in_at_last(settings) as client,
    ):
        poster = Poster(client, store, settings)
        posting = asyncio.create_task(poster.run())
        working = asyncio.create_task(_work(settings, store, poster, device))
        try:
            await asyncio.wait({posting, working}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _end(working)
            if not posting.done():
                with suppress(TimeoutError, StoreError):
                    async with asyncio.timeout(LAST_WORDS_SECONDS):
                        await poster.drain()
            await _end(posting)
        for task in (posting, working):
            if not task.cancelled():
                task.result()


async def _work(settings: Settings, store: Store, poster: Poster, device: torch.device) -> None:
    pair = await asyncio.to_thread(
        load_pair, settings.pair, settings.data_dir, device, settings.perceptors
    )
    log.info("ready", pair=pair.name, device=str(device), threads=torch.get_num_threads())
    await Worker(
        store,
        Renderer(pair, device),
        poster,
        data_dir=settings.data_dir,
        made_by=provenance(pair),
        rows=ROWS[device.type],
    ).run()


def provenance(pair: Pair) -> Provenance:
    return Provenance(pair.name, pair.checksums)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})
