"""Checks whether an engine could run with the settings, and says how to fix what is wrong."""

import asyncio
import platform
from collections.abc import AsyncIterator, Callable
from importlib.metadata import version
from pathlib import Path

import discord
import torch

from core.database.connection import Database
from core.database.errors import StoreError
from core.health import (
    Finding,
    check_access,
    check_application,
    check_database,
    check_disk,
    check_permissions,
)
from core.settings import Settings, SettingsError
from engine.delivery.rest import DiscordError, logged_in
from engine.device import DeviceError, choose_device, free_memory
from engine.models import catalogue, weights
from engine.models.catalogue import WeightsError
from engine.models.open_clip import read_open_clip

FEW_SESSIONS = 20  #: of the 1,000 that Discord allows per day; with fewer left, the bot waits
DRIVER = Path("/sys/module/nvidia/version")

Check = Callable[[Settings], AsyncIterator[Finding]]


async def examine(settings: Settings) -> list[Finding]:
    """Runs all checks, even if some fail."""
    checks: list[Check] = [_discord, _database, _weights, _perceptors, _device, _disk, _versions]
    return [finding for check in checks async for finding in _run(check, settings)]


async def _run(check: Check, settings: Settings) -> AsyncIterator[Finding]:
    """The findings of one check; an error that would stop the engine is a finding, too."""
    try:
        async for finding in check(settings):
            yield finding
    except (SettingsError, DiscordError, StoreError, WeightsError, DeviceError, OSError) as error:
        yield Finding.error(str(error))


async def _discord(settings: Settings) -> AsyncIterator[Finding]:
    async with logged_in(settings) as client:
        name = client.user.name if client.user else "nobody"
        yield Finding.ok(f"Discord accepts the token of {name}.")
        if client.application:
            yield check_application(client.application)
        try:
            yield await _sessions(client)
            if settings.discord_guild_id:
                async for finding in _guild(client, settings.discord_guild_id):
                    yield finding
        except discord.HTTPException as error:
            yield Finding.warning(f"Discord did not answer every question, so try again: {error}.")


async def _sessions(client: discord.Client) -> Finding:
    _, _, limit = await client.http.get_bot_gateway()
    left = f"The bot can start {limit['remaining']} more times before Discord resets the limit."
    if limit["remaining"] < FEW_SESSIONS:
        return Finding.warning(f"{left} It waits until then. Its log says why it starts so often.")
    return Finding.ok(left)


async def _guild(client: discord.Client, guild_id: int) -> AsyncIterator[Finding]:
    """Checks permissions in DISCORD_GUILD_ID; the bot checks other servers when it starts."""
    assert client.user
    try:
        guild = await client.fetch_guild(guild_id)
        member = await guild.fetch_member(client.user.id)
    except (discord.Forbidden, discord.NotFound):
        yield Finding.error(
            f"The bot is not in the server DISCORD_GUILD_ID={guild_id}: invite it, or leave that"
            " setting empty."
        )
        return
    for finding in check_permissions(guild, await guild.fetch_channels(), member):
        yield finding


async def _database(settings: Settings) -> AsyncIterator[Finding]:
    async with Database.open(settings.database_path) as database:
        yield await check_database(database, settings.database_path)


async def _weights(settings: Settings) -> AsyncIterator[Finding]:
    entry = catalogue.find(settings.model)
    status = await asyncio.to_thread(weights.check, entry, settings.data_dir)
    for file in status.files:
        if file.state is not weights.State.COMPLETE:
            path = status.folder / file.name
            raise WeightsError(f"{path} is {file.state}; repair it with `{entry.fix_command}`.")
    yield Finding.ok(f"The weights of the model {entry.name} are complete.")
    others = [catalogue.find(name).name for name in settings.offered_models[1:]]
    if others:
        yield Finding.ok(f"Members can also choose {', '.join(others)}, with engines of their own.")


async def _perceptors(settings: Settings) -> AsyncIterator[Finding]:
    """Loads the open_clip perceptors; open_clip downloads missing weights."""
    chosen = settings.perceptors
    for choice in chosen:
        if model := choice.open_clip_model:
            await asyncio.to_thread(read_open_clip, *model)
    if chosen:
        names = ", ".join(choice.name for choice in chosen)
        yield Finding.ok(f"The PERCEPTORS can be loaded: {names}.")
    else:
        yield Finding.ok("PERCEPTORS is not set: the model's own CLIP is used.")


async def _device(settings: Settings) -> AsyncIterator[Finding]:
    device = await asyncio.to_thread(choose_device, settings.device)
    driver = _driver()
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
        yield Finding.ok(f"DEVICE={settings.device} uses {device}: {name}, driver {driver}.")
    elif driver and settings.device == "auto":
        yield Finding.warning(
            f"A GPU driver ({driver}) is installed, but torch finds no GPU: install a driver that"
            f" supports CUDA {torch.version.cuda}, or set DEVICE=cpu to render without one."
        )
    else:
        yield Finding.ok(f"DEVICE={settings.device} uses {device}.")
    yield _memory(free_memory(device) / 1e9, catalogue.find(settings.model).memory, device)


def _driver() -> str | None:
    """The version of NVIDIA's driver; None if there is none."""
    return DRIVER.read_text().strip() if DRIVER.exists() else None


def _memory(free: float, needed: float, device: torch.device) -> Finding:
    """Whether the model fits into memory; `free` and `needed` are in GB."""
    available = f"{free:,.1f} GB of memory are free on {device}"
    if free < needed:
        return Finding.warning(
            f"{available}, and the model needs {needed:g}: close other programs, or choose another"
            " MODEL."
        )
    return Finding.ok(f"{available}; the model needs {needed:g}.")


async def _disk(settings: Settings) -> AsyncIterator[Finding]:
    yield check_disk(settings)
    for finding in check_access(settings):
        yield finding


async def _versions(settings: Settings) -> AsyncIterator[Finding]:
    packages = ("imagine", "torch", "discord.py")
    versions = ", ".join(f"{package} {version(package)}" for package in packages)
    yield Finding.ok(f"Python {platform.python_version()}, {versions}.")
