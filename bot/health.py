"""What the bot looks at once it is ready, for the host who reads its log."""

import logging
import platform
from collections.abc import AsyncIterator
from importlib.metadata import version

import discord
import structlog

from core.database.connection import Database
from core.database.errors import StoreError
from core.health import (
    Finding,
    Verdict,
    look_at_application,
    look_at_database,
    look_at_disk,
    look_at_permissions,
    stops,
    well,
)
from core.settings import Settings

log = structlog.stdlib.get_logger(__name__)

LEVELS = {
    Verdict.WELL: logging.INFO,
    Verdict.FLAW: logging.WARNING,
    Verdict.STOPS: logging.ERROR,
}


async def tell_what_to_mend(client: discord.Client, settings: Settings) -> None:
    """Logs what is well and what is not. The client must be ready."""
    async for finding in _findings(client, settings):
        log.log(LEVELS[finding.verdict], finding.sentence)


async def _findings(client: discord.Client, settings: Settings) -> AsyncIterator[Finding]:
    packages = ", ".join(f"{package} {version(package)}" for package in ("imagine", "discord.py"))
    yield well(f"Python {platform.python_version()}, {packages}.")
    if client.application:
        yield look_at_application(client.application)
    for guild in client.guilds:
        if not guild.unavailable:
            for finding in look_at_permissions(guild, guild.channels, guild.me):
                yield finding
    try:
        async with Database.open(settings.database_path) as apart:  # it takes long; nobody waits
            yield await look_at_database(apart, settings.database_path)
    except StoreError as error:
        yield stops(str(error))
    yield look_at_disk(settings)
