"""Looks whether an engine could work with these settings, and says what is missing."""

import asyncio
import os
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from engine.device import DeviceError, choose_device
from engine.discord_rest import DiscordError, logged_in
from engine.models import catalogue, weights
from engine.models.catalogue import WeightsError
from engine.models.open_clip import read_open_clip
from jobs.settings import Settings, SettingsError
from jobs.store import Store, StoreError

ROOM = 1e9  #: bytes that should be free for pictures


@dataclass(frozen=True, slots=True)
class Finding:
    """What one look found, in a sentence for the host."""

    well: bool
    sentence: str


async def examine(settings: Settings) -> list[Finding]:
    """One look after the other; a failure does not keep the rest from being looked at."""
    looks: list[Callable[[Settings], Awaitable[str]]] = [
        _discord,
        _database,
        _weights,
        _perceptors,
        _device,
        _disk,
    ]
    return [await _look(look, settings) for look in looks]


async def _look(look: Callable[[Settings], Awaitable[str]], settings: Settings) -> Finding:
    try:
        return Finding(True, await look(settings))
    except (SettingsError, DiscordError, StoreError, WeightsError, DeviceError, OSError) as error:
        return Finding(False, str(error))


async def _discord(settings: Settings) -> str:
    async with logged_in(settings) as client:
        name = client.user.name if client.user else "nobody"
        return f"Discord knows the token: it speaks as {name}."


async def _database(settings: Settings) -> str:
    async with Store.open(settings.database_path) as store:
        waiting = await store.waiting_count()
    return f"The database {settings.database_path} opens; {waiting} jobs wait in it."


async def _weights(settings: Settings) -> str:
    entry = catalogue.find(settings.pair)
    status = await asyncio.to_thread(weights.check, entry, settings.data_dir)
    for file in status.files:
        if file.state is not weights.State.WHOLE:
            path = status.folder / file.name
            raise WeightsError(f"{path} is {file.state}; mend it with `{entry.mend}`.")
    return f"The weights of the pair {entry.name} are whole."


async def _perceptors(settings: Settings) -> str:
    """Reads those of open_clip, which fetches what is not there yet."""
    chosen = settings.perceptors
    for choice in chosen:
        if model := choice.of_open_clip:
            await asyncio.to_thread(read_open_clip, *model)
    if not chosen:
        return "PERCEPTORS is not set: the pair's own CLIP looks at the pictures."
    return f"What PERCEPTORS names can be read: {', '.join(choice.name for choice in chosen)}."


async def _device(settings: Settings) -> str:
    device = await asyncio.to_thread(choose_device, settings.device)
    return f"DEVICE={settings.device} computes on {device}."


async def _disk(settings: Settings) -> str:
    folder = _existing(settings.data_dir.absolute())
    if not os.access(folder, os.W_OK):
        raise OSError(f"{folder} cannot be written: check its rights, or set DATA_DIR.")
    free = shutil.disk_usage(folder).free
    if free < ROOM:
        raise OSError(f"Only {free / 1e6:,.0f} MB are free for pictures in {settings.data_dir}.")
    return f"{free / 1e9:,.0f} GB are free for pictures in {settings.data_dir}."


def _existing(folder: Path) -> Path:
    """The folder, or the nearest above it that is there already."""
    return folder if folder.exists() else _existing(folder.parent)
