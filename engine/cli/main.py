"""Reads the command line, runs one command, and turns errors into a sentence and an exit status."""

import argparse
import asyncio
import os
import sys
from collections.abc import Callable, Sequence

from core.process import erase_from_environment, hide_from_other_processes
from core.prompts import RecipeError
from core.settings import Settings, SettingsError, load_settings
from engine.cli import describe, doctor, render, weights, worker

Command = Callable[[argparse.Namespace, Settings], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit status.

    Like the bot, the worker exits with 0 after SIGTERM, 78 (EX_CONFIG) if someone must change
    something first, and 1 if a retry may succeed.
    """
    # By default, idle threads spin and slow down other programs on the same cores.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    # Clusters need a token, because anyone who joins can run code on them. Ray reads this once.
    os.environ.setdefault("RAY_AUTH_MODE", "token")
    hide_from_other_processes()
    parsed = _parser().parse_args(arguments)
    if parsed.ray:
        os.environ["RAY_ADDRESS"] = parsed.ray
    command: Command = parsed.command
    try:
        settings = load_settings()
        erase_from_environment("DISCORD_TOKEN")
        return command(parsed, settings)
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("Stopped.", file=sys.stderr)
        return 130
    except Exception as error:
        if (sentence := _sentence(error)) is None:
            raise
        print(sentence, file=sys.stderr)
        return 1 if command is not worker.run or _is_temporary(error) else os.EX_CONFIG


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m engine",
        description="Without a command: the worker, which renders the jobs of the queue.",
    )
    parser.set_defaults(command=worker.run)
    parser.add_argument(
        "--ray",
        metavar="ADDRESS",
        help="render on this Ray cluster: auto, or HOST:PORT (default: the setting RAY_ADDRESS)",
    )
    commands = parser.add_subparsers(title="commands")
    for command in (render, describe, weights, doctor):
        command.add_parser(commands)
    return parser


def _sentence(error: Exception) -> str | None:
    """The message of an error that the host can fix; None for any other error."""
    match error:
        case RecipeError():
            return f"{error.message}\n{error.pointer()}".rstrip()
        case SettingsError():
            return str(error)
        case OSError(strerror=str(what)):
            return f"{error.filename}: {what}." if error.filename else f"{what}."
    from engine.job_messages import refusal_text
    from engine.synthesis.validation import RecipeRefused

    if isinstance(error, RecipeRefused):
        return refusal_text(error)
    return str(error) if isinstance(error, _host_errors()) else None


def _is_temporary(error: Exception) -> bool:
    """Whether a retry may succeed; otherwise someone must change something first."""
    from core.database.errors import StoreFullError, StoreLockedError
    from engine.delivery.rest import UnreachableError
    from engine.renderer_handle import ClusterError

    return isinstance(
        error, (ClusterError, UnreachableError, StoreFullError, StoreLockedError, OSError)
    )


def _host_errors() -> tuple[type[Exception], ...]:
    """Errors whose message is one sentence for the host."""
    from core.database.errors import StoreError
    from core.storage.uploaded_images import ImageError
    from engine.delivery.rest import DiscordError
    from engine.device import DeviceError
    from engine.models.catalogue import WeightsError
    from engine.render import RenderError
    from engine.renderer_handle import ClusterError

    return (
        ClusterError,
        DeviceError,
        DiscordError,
        ImageError,
        RenderError,
        StoreError,
        WeightsError,
    )
