"""`python -m bot`: the gateway process, until SIGTERM or Ctrl-C.

It ends with status 0 when told to stop, 78 (EX_CONFIG) when a person has to mend something first,
and 1 when a later try may help. A supervisor should restart it after a pause, and not after 78:
each start is one of the 1,000 sessions that Discord allows in a day. While Discord cannot be
reached it waits and tries again by itself, before the first connection as after a lost one.
"""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress

import aiohttp
import discord
import structlog

from bot.client import GRACE, AnyCommand, ImagineBot
from bot.commands import all_commands
from bot.components import BUTTONS, MODALS
from bot.services.background import BACKGROUND_TASKS
from core.database.connection import Database
from core.database.errors import StoreError, StoreFullError, StoreLockedError
from core.logging import configure_logging
from core.metrics import measured
from core.process import erase_from_environment, hide_from_other_processes
from core.settings import Settings, SettingsError, load_settings
from core.storage.paths import keep_files_private

log = structlog.stdlib.get_logger(__name__)

TRY_LATER = 1  #: the status to end with when a later try may help

FIRST_RETRY, LONGEST_RETRY = 1.0, 60.0
"""Seconds between two tries to reach Discord; each wait is twice the one before."""


def main(arguments: Sequence[str] | None = None) -> None:
    argparse.ArgumentParser(
        prog="python -m bot",
        description="The bot, until SIGTERM or Ctrl-C. Its settings are explained in .env.example.",
    ).parse_args(arguments)
    hide_from_other_processes()
    keep_files_private()
    try:
        settings = load_settings()
        erase_from_environment("DISCORD_TOKEN")
        settings.token()
        configure_logging(settings)
        asyncio.run(run(settings))
    except (SettingsError, StoreError, discord.DiscordException) as error:
        sentence, status = explain(error)
        print(sentence, file=sys.stderr)
        sys.exit(status)


async def run(settings: Settings) -> None:
    """Runs the bot until a signal stops it. Raises what `explain` explains."""
    async with Database.open(settings.database_path) as database:
        running, told = asyncio.create_task(serve(settings, database)), asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, told.set)
        telling = asyncio.create_task(told.wait())
        await asyncio.wait({running, telling}, return_when=asyncio.FIRST_COMPLETED)
        telling.cancel()
        await end(running)


async def end(running: asyncio.Task[None]) -> None:
    """Cancels a task until it has ended; raises what it raised.

    A cancellation can be lost: `asyncio.wait_for` of Python 3.11, in which discord.py waits for the
    gateway, drops it if a message arrives at the same moment.
    """
    while not running.done():
        running.cancel()
        await asyncio.wait({running}, timeout=GRACE + 1)
    with suppress(asyncio.CancelledError):
        await running


async def serve(settings: Settings, database: Database) -> None:
    """Answers members until cancelled; tries again while Discord is out of reach."""
    bot: ImagineBot | None = None

    def trouble() -> str:
        return "" if bot and bot.connected else "The bot is not connected to Discord."

    delay = FIRST_RETRY
    async with measured("BOT_METRICS", settings.bot_metrics, database, trouble):
        while True:
            try:
                async with make_bot(settings, database) as bot:
                    await bot.start(settings.token())
            except Exception as error:
                if not passes(error):
                    raise
                address = settings.discord_api_url
                log.warning(
                    "Discord does not answer", address=address, error=str(error), wait=delay
                )
            if bot and bot.was_ready:  # this is a new outage
                delay = FIRST_RETRY
            await asyncio.sleep(delay)
            delay = min(2 * delay, LONGEST_RETRY)


def make_bot(settings: Settings, database: Database, *further: AnyCommand) -> ImagineBot:
    """The bot with all that it can do, and with further commands."""
    commands = [*all_commands(settings.model), *further]
    return ImagineBot(settings, database, commands, BUTTONS, MODALS, BACKGROUND_TASKS)


def passes(error: Exception) -> bool:
    """Whether the same may succeed later: the network or Discord's servers are at fault."""
    match error:
        case discord.GatewayNotFound() | discord.RateLimited() | discord.DiscordServerError():
            return True
        case discord.HTTPException():
            return error.status in (408, 429)
    return isinstance(error, (aiohttp.ClientError, OSError, TimeoutError))


def explain(error: Exception) -> tuple[str, int]:
    """One sentence for the host, and the status to end with."""
    match error:
        case discord.LoginFailure() | discord.ConnectionClosed(code=4004):
            return (
                "Discord does not accept the token: copy it once more from the developer portal"
                " (your application, page Bot, Reset Token) into DISCORD_TOKEN in the file .env.",
                os.EX_CONFIG,
            )
        case discord.ConnectionClosed():
            return f"Discord ended the connection for good (code {error.code}).", os.EX_CONFIG
        case discord.Forbidden():
            return (
                "Discord does not let the bot register its commands: invite it with the scope"
                " applications.commands to the server that DISCORD_GUILD_ID names, or leave that"
                " setting empty.",
                os.EX_CONFIG,
            )
        case StoreLockedError() | StoreFullError():
            return str(error), TRY_LATER
        case SettingsError() | StoreError():
            return str(error), os.EX_CONFIG
    return f"Discord refuses the bot; please check DISCORD_API_URL. It says: {error}", os.EX_CONFIG


if __name__ == "__main__":
    main()
