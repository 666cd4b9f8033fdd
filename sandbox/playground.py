"""`make try`: the whole product in a browser.

Starts the local Discord with its page, the bot and the engine as three processes, and opens the
page if there is a browser. Ctrl-C stops everything and deletes its data.
"""

import asyncio
import os
import sys
import tempfile
import webbrowser
from pathlib import Path

from sandbox.client.control import SandboxClient
from sandbox.processes import Addresses, ProcessError, run_product, run_until_stopped
from sandbox.product import COMMAND

READY_SECONDS = 120.0


async def play(*, browser: bool = True) -> None:
    """Run until cancelled. Raises ProcessError if one of the processes ends."""

    async def open_page(addresses: Addresses) -> None:
        await _wait_for_bot(addresses)
        url = addresses["SANDBOX_PAGE"]
        opened = browser and _has_screen() and await asyncio.to_thread(webbrowser.open, url)
        print(f"\n{'It is open in your browser' if opened else 'Open this in a browser'}: {url}")
        print("Press Ctrl-C to stop everything and delete its data.", flush=True)
        await asyncio.Event().wait()

    with tempfile.TemporaryDirectory(prefix="imagine-") as folder:
        data = Path(folder)
        await run_product(
            data,
            data,
            open_page,
            sandbox_arguments=["--page"],
            guild_commands=False,
            report=lambda name, status: print(f"{name:<15}{status}", flush=True),
        )


async def _wait_for_bot(addresses: Addresses) -> None:
    async with SandboxClient(addresses["SANDBOX_URL"], addresses["SANDBOX_TOKEN"]) as discord:
        try:
            await discord.wait_for_command(COMMAND, patience=READY_SECONDS)
        except TimeoutError:
            raise ProcessError("The bot did not register its commands in time.") from None


def _has_screen() -> bool:
    """Whether a browser would open a window instead of taking over the terminal."""
    if sys.platform == "darwin":
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def main() -> int:
    return run_until_stopped(play(), stopped=0)


if __name__ == "__main__":
    sys.exit(main())
