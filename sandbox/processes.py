"""Runs the local Discord, the bot and the engine as processes, and stops them cleanly."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
LAST_LOG_LINES = 15
STOP_SECONDS = 15.0
"""How long a process may take to stop before it is killed."""

Addresses = dict[str, str]
"""What `python -m sandbox --json` prints: settings of the bot and the engine by name."""


class ProcessError(Exception):
    """A process did not start, or ended early. The message says which one and why."""


async def run_product(
    data: Path,
    logs: Path,
    work: Callable[[Addresses], Awaitable[None]],
    *,
    sandbox_arguments: Sequence[str] = (),
    guild_commands: bool = True,
    report: Callable[[str, str], None] = lambda name, status: None,
) -> None:
    """Run the local Discord, the bot and the engine for as long as `work` runs.

    The bot and the engine run in `data`, so they do not read the `.env` of a real bot. With
    `guild_commands` the bot registers its commands in the first guild only. `report` gets the name
    and status of each process once it runs.

    Raises:
        ProcessError: a process did not start, or ended before `work`.
    """
    async with AsyncExitStack() as stack:
        discord = local_discord(data, *sandbox_arguments)
        addresses, sandbox = await stack.enter_async_context(discord)
        report("local Discord", addresses["SANDBOX_URL"])
        environment = {
            **os.environ,
            **addresses,
            "PYTHONPATH": str(ROOT),
            "DATA_DIR": str(data),
            "DATABASE_PATH": str(data / "imagine.db"),
        }
        if not guild_commands:
            environment["DISCORD_GUILD_ID"] = ""
        tasks: list[asyncio.Future[None]] = []

        def start(coroutine: Awaitable[None]) -> None:
            """Starts a task that is cancelled before the processes so far are stopped."""
            tasks.append(asyncio.ensure_future(coroutine))
            stack.callback(tasks[-1].cancel)

        start(_discord_ended(sandbox))
        for name in ("bot", "engine"):
            log = logs / f"{name}.log"
            process = await stack.enter_async_context(running(name, environment, log, data))
            start(alive(process, log))
            report(name, f"process {process.pid}")
        start(work(addresses))
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()


@asynccontextmanager
async def local_discord(data: Path, *arguments: str) -> AsyncIterator[tuple[Addresses, Process]]:
    """`python -m sandbox`, and the addresses that it prints. Raises ProcessError."""
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
    """`python -m name` as a process in `folder`. It is stopped at the end of the block."""
    with log.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", name),
            env=environment,
            cwd=folder,
            stdin=DEVNULL,
            stdout=file,
            stderr=file,
            # Ctrl-C goes to the parent only, which then stops this process cleanly.
            start_new_session=True,
        )
        try:
            yield process
        finally:
            await ended(process)


async def alive(process: Process, log: Path) -> None:
    """Wait for a process that should not end. Raises ProcessError with its last log lines."""
    status = await process.wait()
    text = await asyncio.to_thread(log.read_text, errors="replace")
    last_lines = "\n".join(text.splitlines()[-LAST_LOG_LINES:])
    raise ProcessError(
        f"The {log.stem} ended early (status {status}). Its last log lines:\n{last_lines}"
    )


async def _discord_ended(process: Process) -> None:
    status = await process.wait()
    raise ProcessError(f"The local Discord ended early (status {status}).")


async def ended(process: Process) -> None:
    """Stop a process, and kill it if it does not stop in time."""
    if process.returncode is None:
        process.terminate()
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def run_until_stopped(work: Coroutine[None, None, None], *, stopped: int) -> int:
    """Run a program until it ends or gets a signal. Returns its exit status.

    The status is `stopped` after a signal, and 1 after a ProcessError, which is printed.
    """
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
    task = asyncio.current_task()
    assert task

    def stop() -> None:
        if not task.cancelling():  # a second Ctrl-C must not interrupt the cleanup
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    await work
