"""Starts the local Discord, the bot and the engine as processes, and ends them in good order."""

import asyncio
import json
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path

LAST_LOG_LINES = 15
END_SECONDS = 15.0
"""How long a process has to end before it is killed."""

Addresses = dict[str, str]


class ProcessError(Exception):
    """A process did not start, or ended when it should not; the message says which and why."""


@asynccontextmanager
async def local_discord(data: Path, *arguments: str) -> AsyncIterator[tuple[Addresses, Process]]:
    """`python -m sandbox`, and the addresses that it names. Raises ProcessError."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "sandbox", "--json", "--data-dir", str(data / "discord"), *arguments),
        stdin=DEVNULL,
        stdout=PIPE,
        start_new_session=True,
    )
    try:
        assert process.stdout
        line = await process.stdout.readline()
        if not line:
            raise ProcessError("The local Discord did not start.")
        addresses: Addresses = json.loads(line)
        yield addresses, process
    finally:
        await ended(process)


@asynccontextmanager
async def running(
    name: str, environment: dict[str, str], log: Path, folder: Path | None = None
) -> AsyncIterator[Process]:
    """`python -m name` as a process of its own, in `folder`; it ends with the block."""
    with log.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", name),
            env=environment,
            cwd=folder,
            stdin=DEVNULL,
            stdout=file,
            stderr=file,
            # Ctrl-C is for whoever started it, who then stops it in good order.
            start_new_session=True,
        )
        try:
            yield process
        finally:
            await ended(process)


async def alive(process: Process, log: Path) -> None:
    """Waits for a process that should not end; raises ProcessError with what it said last."""
    status = await process.wait()
    text = await asyncio.to_thread(log.read_text, errors="replace")
    said = "\n".join(text.splitlines()[-LAST_LOG_LINES:])
    raise ProcessError(f"The {log.stem} ended early (status {status}). It said:\n{said}")


async def ended(process: Process) -> None:
    """Tells a process to end, and sees to it."""
    if process.returncode is None:
        process.terminate()
    try:
        async with asyncio.timeout(END_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def run_until_stopped(work: Coroutine[None, None, None], *, stopped: int) -> int:
    """Runs a program until it is done or told to stop; its exit status, `stopped` in that case."""
    try:
        asyncio.run(_until_stopped(work))
    except asyncio.CancelledError:
        print("\nStopped; nothing is left running.", file=sys.stderr)
        return stopped
    except ProcessError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    return 0


async def _until_stopped(work: Coroutine[None, None, None]) -> None:
    here = asyncio.current_task()
    assert here

    def stop() -> None:
        if not here.cancelling():  # a second Ctrl-C must not break off the tidying up
            here.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    await work
