"""The nemeses of a run: each disturbs the product for a few seconds, then stops."""

import asyncio
import errno
import random
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from bench.chaos.environment import World
from bench.chaos.history import History, Outcome
from bench.chaos.scenarios import ANSWER, EDIT, JOB_MESSAGE, LOCK, SEND

FREEZE_SECONDS = 7.0  #: more than a lease (see `bench.chaos.fault_injection`)
RESTART_SECONDS = 8.0  #: until the next nemesis, whether or not the process is back by then
FOLLOW_UP = "POST /webhooks/{webhook_id}/{webhook_token}"
ROUTES = (ANSWER, JOB_MESSAGE, EDIT, SEND, FOLLOW_UP)

Run = Callable[[World, History, random.Random], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Nemesis:
    """A disturbance, and its name in the report."""

    name: str
    run: Run


def compiled(folder: Path) -> dict[str, str]:
    """Compiles `disk_faults.c`; returns the environment that preloads it."""
    library = folder / "disk_faults.so"
    source = Path(__file__).with_name("disk_faults.c")
    subprocess.run(
        ["cc", "-shared", "-fPIC", "-O2", "-o", str(library), str(source), "-ldl", "-lpthread"],
        check=True,
    )
    return {"LD_PRELOAD": str(library)}


def _killed(*names: str) -> Run:
    async def run(world: World, history: History, draw: random.Random) -> None:
        world.kill(*names)
        await asyncio.sleep(RESTART_SECONDS)

    return run


def _terminated(name: str) -> Run:
    """A restart by the host. It counts as an operation, because it must end with status 0."""

    async def run(world: World, history: History, draw: random.Random) -> None:
        with history.operation("host", f"restart {name}") as operation:
            process = world.processes.get(name)
            world.signal(signal.SIGTERM, name)
            if process:
                async with asyncio.timeout(90):
                    status = await process.wait()
                operation.outcome = Outcome.OK if status == 0 else Outcome.FAIL
                operation.result["status"] = status
        await asyncio.sleep(RESTART_SECONDS)

    return run


def _frozen(name: str) -> Run:
    async def run(world: World, history: History, draw: random.Random) -> None:
        world.signal(signal.SIGSTOP, name)
        try:
            await asyncio.sleep(FREEZE_SECONDS)
        finally:
            world.signal(signal.SIGCONT, name)

    return run


def _clock(*seconds: int) -> Run:
    """Sets the clock wrong, until the next such nemesis or the end of the run."""

    async def run(world: World, history: History, draw: random.Random) -> None:
        world.inject("clock", str(draw.choice(seconds)))

    return run


async def _locked(world: World, history: History, draw: random.Random) -> None:
    program = LOCK.replace("10", f"{draw.uniform(2, 9):.1f}")
    locker = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program, str(world.database)), stdin=asyncio.subprocess.DEVNULL
    )
    await locker.wait()


def _disk(name: str, call: str, part: str) -> Run:
    """Makes the n-th such system call of a process fail, and some after it."""

    async def run(world: World, history: History, draw: random.Random) -> None:
        number = draw.choice((errno.EIO, errno.ENOSPC))
        fault = f"{call} {draw.randint(0, 12)} {draw.randint(1, 4)} {number} {part}"
        world.inject(f"disk-{name}", fault)
        await asyncio.sleep(6)
        (world.folder / "faults" / f"disk-{name}").unlink(missing_ok=True)

    return run


def _discord(inject: Callable[[World, str, random.Random], None]) -> Run:
    async def run(world: World, history: History, draw: random.Random) -> None:
        for route in ROUTES:
            inject(world, route, draw)
        await asyncio.sleep(5)
        world.discord.faults.clear()

    return run


def _server_error(world: World, route: str, draw: random.Random) -> None:
    world.discord.faults.fail(route, draw.choice((500, 502, 503)), times=draw.randint(1, 3))


def _reset(world: World, route: str, draw: random.Random) -> None:
    world.discord.faults.reset(route, times=draw.randint(1, 3))


def _lost(world: World, route: str, draw: random.Random) -> None:
    world.discord.faults.reset(route, applied=True, times=draw.randint(1, 2))


def _late(world: World, route: str, draw: random.Random) -> None:
    """The request takes effect late, and its response is lost."""
    world.discord.faults.reset(route, applied=True, delay=draw.uniform(1, 6))


async def _slow(world: World, history: History, draw: random.Random) -> None:
    """Responses are late, sometimes too late for an interaction."""
    world.discord.outage.delay = draw.uniform(0.5, 3.5)
    await asyncio.sleep(5)
    world.discord.outage.delay = 0.0


async def _down(world: World, history: History, draw: random.Random) -> None:
    world.discord.outage.begin()
    await asyncio.sleep(draw.uniform(2, 6))
    world.discord.outage.end()
    await world.ready()


def _gateway(resumable: bool) -> Run:
    async def run(world: World, history: History, draw: random.Random) -> None:
        world.discord.faults.drop_gateway(resumable=resumable)
        await asyncio.sleep(1)
        await world.ready()

    return run


NEMESES = (
    Nemesis("kill -9 of the bot", _killed("bot")),
    Nemesis("kill -9 of the engine", _killed("engine")),
    Nemesis("kill -9 of both", _killed("bot", "engine")),
    Nemesis("SIGTERM of the bot", _terminated("bot")),
    Nemesis("SIGTERM of the engine", _terminated("engine")),
    Nemesis("the bot stopped for 7 s", _frozen("bot")),
    Nemesis("the engine stopped for 7 s", _frozen("engine")),
    Nemesis("the clock set forwards", _clock(60, 3700, 7200)),
    Nemesis("the clock set backwards", _clock(-60, -3700, -7200)),
    Nemesis("the database locked for 2 to 9 s", _locked),
    Nemesis("the bot's writes to the database fail", _disk("bot", "write", "imagine.db")),
    Nemesis("the bot's fsyncs of the database fail", _disk("bot", "fsync", "imagine.db")),
    Nemesis("the engine's writes to the database fail", _disk("engine", "write", "imagine.db")),
    Nemesis("the engine's fsyncs of the database fail", _disk("engine", "fsync", "imagine.db")),
    Nemesis("the engine's writes of images fail", _disk("engine", "write", "pictures/")),
    Nemesis("the engine's fsyncs of images fail", _disk("engine", "fsync", "pictures/")),
    Nemesis("Discord answers 500, 502 or 503", _discord(_server_error)),
    Nemesis("connections to Discord are reset", _discord(_reset)),
    Nemesis("Discord's answers are lost", _discord(_lost)),
    Nemesis("requests take effect late, unanswered", _discord(_late)),
    Nemesis("Discord is slow, by up to 3.5 s", _slow),
    Nemesis("Discord is down", _down),
    Nemesis("the gateway drops, resumable", _gateway(True)),
    Nemesis("the gateway drops, not resumable", _gateway(False)),
)
