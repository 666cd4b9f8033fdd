"""The whole product in a browser: `make try`.

Starts the local Discord with its page, the bot and the engine as three processes, opens the page
if there is a browser, and ends them all on Ctrl-C. What they kept goes with them.
"""

import asyncio
import os
import sys
import tempfile
import webbrowser
from contextlib import AsyncExitStack
from pathlib import Path

from sandbox.client.driver import SandboxClient
from sandbox.processes import (
    Addresses,
    ProcessError,
    alive,
    local_discord,
    run_until_stopped,
    running,
)

ROOT = Path(__file__).parents[1]
READY_SECONDS = 120.0


async def try_it(*, browser: bool = True) -> None:
    """Runs until cancelled. Raises ProcessError if one of the processes ends before."""
    async with AsyncExitStack() as stack:
        data = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="imagine-")))
        addresses, sandbox = await stack.enter_async_context(local_discord(data, "--page"))
        _say("local Discord", addresses["SANDBOX_URL"])
        environment = _environment(addresses, data)
        logs = {name: data / f"{name}.log" for name in ("bot", "engine")}
        tasks = [asyncio.create_task(_discord_ended(sandbox))]
        for name, log in logs.items():
            process = await stack.enter_async_context(running(name, environment, log, data))
            tasks.append(asyncio.create_task(alive(process, log)))
            _say(name, f"process {process.pid}")
        tasks.append(asyncio.create_task(_open_and_wait(addresses, browser=browser)))
        try:
            ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                task.result()
        finally:
            for task in tasks:
                task.cancel()


def _environment(addresses: Addresses, data: Path) -> dict[str, str]:
    """For the bot and the engine, which work in `data`: no `.env` of a real bot lies there."""
    return {
        **os.environ,
        **{name: addresses[name] for name in ("DISCORD_API_URL", "DISCORD_TOKEN")},
        "DISCORD_GUILD_ID": "",  # the commands are for both servers
        "PYTHONPATH": str(ROOT),
        "MODEL": "sketch",
        "DATA_DIR": str(data),
        "DATABASE_PATH": str(data / "imagine.db"),
    }


async def _open_and_wait(addresses: Addresses, *, browser: bool) -> None:
    async with SandboxClient(addresses["SANDBOX_URL"], addresses["SANDBOX_TOKEN"]) as discord:
        try:
            await discord.wait_for_command("imagine", patience=READY_SECONDS)
        except TimeoutError:
            raise ProcessError("The bot has not registered its commands in time.") from None
    page = addresses["SANDBOX_PAGE"]
    opened = browser and _has_screen() and await asyncio.to_thread(webbrowser.open, page)
    print(f"\n{'It is open in your browser' if opened else 'Open this in a browser'}: {page}")
    print("Ctrl-C ends everything and keeps nothing.", flush=True)
    await asyncio.Event().wait()


def _has_screen() -> bool:
    """Whether a browser would open a window, rather than take over the terminal."""
    if sys.platform == "darwin":
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


async def _discord_ended(process: asyncio.subprocess.Process) -> None:
    status = await process.wait()
    raise ProcessError(f"The local Discord ended early (status {status}).")


def _say(name: str, what: str) -> None:
    print(f"{name:<15}{what}", flush=True)


def main() -> int:
    return run_until_stopped(try_it(), stopped=0)


if __name__ == "__main__":
    sys.exit(main())
