"""Health checks that the bot logs for its host once it is ready."""

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
    Severity,
    check_application,
    check_database,
    check_disk,
    check_permissions,
)
from core.settings import Settings

log = structlog.stdlib.get_logger(__name__)

LEVELS = {
    Severity.OK: logging.INFO,
    Severity.WARNING: logging.WARNING,
    Severity.ERROR: logging.ERROR,
}


async def log_health_report(client: discord.Client, settings: Settings) -> None:
    """Logs the result of every check. The client must be ready."""
    async for finding in _findings(client, settings):
        log.log(LEVELS[finding.severity], finding.sentence)


async def _findings(client: discord.Client, settings: Settings) -> AsyncIterator[Finding]:
    packages = ", ".join(f"{package} {version(package)}" for package in ("imagine", "discord.py"))
    yield Finding.ok(f"Python {platform.python_version()}, {packages}.")
    if client.application:
        yield check_application(client.application)
    for guild in client.guilds:
        if not guild.unavailable:
            for finding in check_permissions(guild, guild.channels, guild.me):
                yield finding
    try:
        # A separate connection, because this check is slow.
        async with Database.open(settings.database_path) as own:
            yield await check_database(own, settings.database_path)
    except StoreError as error:
        yield Finding.error(str(error))
    yield check_disk(settings)
