"""`python -m bot`: runs the gateway process until SIGTERM or Ctrl-C.

Exits with status 0 after a signal, 78 (EX_CONFIG) if the host has to fix something first, and 1 if
a later attempt may succeed. A supervisor should restart it after a delay, except after 78: each
start uses one of the 1,000 sessions that Discord allows per day. While Discord can't be reached,
the bot keeps retrying, both before the first connection and after losing one.
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

from bot.client import GRACE_SECONDS, AnyCommand, ImagineBot
from bot.commands import all_commands
from bot.components import BUTTONS, MODALS
from bot.services.background import BACKGROUND_TASKS
from bot.services.reactions import handle_reaction
from core.database.connection import Database
from core.database.errors import StoreError, StoreFullError, StoreLockedError
from core.logging import configure_logging
from core.metrics import serve_metrics
from core.process import erase_from_environment, hide_from_other_processes
from core.settings import Settings, SettingsError, load_settings
from core.storage.paths import keep_files_private

log = structlog.stdlib.get_logger(__name__)

GUIDE = """\
Set it up once (docs/hosting.md has every step):
  1. Create an application: https://discord.com/developers/applications
  2. Copy .env.example to .env in this folder, and add the bot's token.
  3. Invite the bot to your server with the link in docs/hosting.md.
  4. Start the engine, which renders, in this folder: python -m engine
Then check everything: python -m engine doctor

The main settings, in .env or the environment (.env.example lists all):
  DISCORD_TOKEN       the bot's token; the only required setting
  DISCORD_GUILD_ID    a server where commands appear at once, not within an hour
  MODEL               the model; to list all: python -m engine weights list
  DATABASE_PATH       the queue: the same file for bot and engine
  DATA_DIR            images and weights: the same folder for bot and engine
  KEEP_DAYS           days after which images are deleted; never by default

Exit status: 0 after SIGTERM or Ctrl-C, 78 if you have to fix something first,
1 if a later attempt may succeed.
"""
"""The text of `--help`; fits on a screen of 80 × 24 characters."""

TRY_LATER = 1  #: the exit status if a later attempt may succeed

FIRST_RETRY, LONGEST_RETRY = 1.0, 60.0
"""The first and the longest delay between attempts to reach Discord, in seconds.

Each delay is twice the previous one.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    argparse.ArgumentParser(
        prog="python -m bot",
        description="Runs the bot until SIGTERM or Ctrl-C.",
        epilog=GUIDE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
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
    """Runs the bot until a signal stops it. Raises the errors that `explain` handles."""
    async with Database.open(settings.database_path) as database:
        running, stop = asyncio.create_task(serve(settings, database)), asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({running, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        await cancel_and_wait(running)


async def cancel_and_wait(running: asyncio.Task[None]) -> None:
    """Cancels a task until it ends; re-raises its exception.

    One cancellation is not enough: in Python 3.11, `asyncio.wait_for`, which discord.py uses to
    wait for the gateway, loses one if a message arrives at the same moment.
    """
    while not running.done():
        running.cancel()
        await asyncio.wait({running}, timeout=GRACE_SECONDS + 1)
    with suppress(asyncio.CancelledError):
        await running


async def serve(settings: Settings, database: Database) -> None:
    """Runs the bot until cancelled; reconnects whenever Discord was unreachable."""
    bot: ImagineBot | None = None

    def problem() -> str:
        return "" if bot and bot.connected else "The bot is not connected to Discord."

    delay = FIRST_RETRY
    async with serve_metrics("BOT_METRICS", settings.bot_metrics, database, problem):
        while True:
            try:
                async with make_bot(settings, database) as bot:
                    await bot.start(settings.token())
            except Exception as error:
                if not is_temporary(error):
                    raise
                address = settings.discord_api_url
                log.warning(
                    "Discord does not answer, trying again",
                    address=address,
                    error=str(error),
                    next_try_in=delay,
                )
            if bot and bot.was_ready:  # this is a new outage
                delay = FIRST_RETRY
            await asyncio.sleep(delay)
            delay = min(2 * delay, LONGEST_RETRY)


def make_bot(settings: Settings, database: Database, *extra: AnyCommand) -> ImagineBot:
    """The bot with all of its commands, and with `extra` ones."""
    commands = [*all_commands(settings.offered_models), *extra]
    return ImagineBot(
        settings, database, commands, BUTTONS, MODALS, BACKGROUND_TASKS, handle_reaction
    )


def is_temporary(error: Exception) -> bool:
    """Whether a later attempt may succeed, because the network or Discord is at fault."""
    match error:
        case discord.GatewayNotFound() | discord.RateLimited() | discord.DiscordServerError():
            return True
        case discord.HTTPException():
            return error.status in (408, 429)
    return isinstance(error, (aiohttp.ClientError, OSError, TimeoutError))


def explain(error: Exception) -> tuple[str, int]:
    """An error message for the host, and the exit status."""
    match error:
        case discord.LoginFailure() | discord.ConnectionClosed(code=4004):
            return (
                "Discord does not accept the token: reset it in the developer portal (your"
                " application, page Bot, Reset Token), and copy it into DISCORD_TOKEN in .env.",
                os.EX_CONFIG,
            )
        case discord.ConnectionClosed():
            return (
                f"Discord closed the connection and doesn't allow a new one (code {error.code}).",
                os.EX_CONFIG,
            )
        case discord.Forbidden():
            return (
                "Discord does not let the bot register its commands: invite it with the scope"
                " applications.commands to the server of DISCORD_GUILD_ID, or leave that setting"
                " empty.",
                os.EX_CONFIG,
            )
        case StoreLockedError() | StoreFullError():
            return str(error), TRY_LATER
        case SettingsError() | StoreError():
            return str(error), os.EX_CONFIG
    return f"Discord rejects the bot: check DISCORD_API_URL. Its error is: {error}", os.EX_CONFIG


if __name__ == "__main__":
    main()
