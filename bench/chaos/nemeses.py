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


def compile_disk_faults(folder: Path) -> dict[str, str]:
    """Compiles `disk_faults.c`; returns the environment that preloads it."""
    library = folder / "disk_faults.so"
    source = Path(__file__).with_name("disk_faults.c")
    subprocess.run(
        ["cc", "-shared", "-fPIC", "-O2", "-o", str(library), str(source), "-ldl", "-lpthread"],
        check=True,
    )
    return {"LD_PRELOAD": str(library)}


def _kill(*names: str) -> Run:
    async def run(world: World, history: History, rng: random.Random) -> None:
        world.kill(*names)
        await asyncio.sleep(RESTART_SECONDS)

    return run


def _restart(name: str) -> Run:
    """A restart by the host, recorded as an operation: the process must exit with status 0."""

    async def run(world: World, history: History, rng: random.Random) -> None:
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


def _freeze(name: str) -> Run:
    async def run(world: World, history: History, rng: random.Random) -> None:
        world.signal(signal.SIGSTOP, name)
        try:
            await asyncio.sleep(FREEZE_SECONDS)
        finally:
            world.signal(signal.SIGCONT, name)

    return run


def _set_clock(*seconds: int) -> Run:
    """Shifts the wall clock until the next such nemesis or the end of the run."""

    async def run(world: World, history: History, rng: random.Random) -> None:
        world.inject("clock", str(rng.choice(seconds)))

    return run


async def _lock_database(world: World, history: History, rng: random.Random) -> None:
    program = LOCK.replace("10", f"{rng.uniform(2, 9):.1f}")
    locker = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program, str(world.database)), stdin=asyncio.subprocess.DEVNULL
    )
    await locker.wait()


def _fail_disk(name: str, call: str, part: str) -> Run:
    """Makes one of the next 13 system calls of a kind fail, and up to three after it."""

    async def run(world: World, history: History, rng: random.Random) -> None:
        number = rng.choice((errno.EIO, errno.ENOSPC))
        fault = f"{call} {rng.randint(0, 12)} {rng.randint(1, 4)} {number} {part}"
        world.inject(f"disk-{name}", fault)
        await asyncio.sleep(6)
        (world.folder / "faults" / f"disk-{name}").unlink(missing_ok=True)

    return run


def _fail_discord(inject: Callable[[World, str, random.Random], None]) -> Run:
    async def run(world: World, history: History, rng: random.Random) -> None:
        for route in ROUTES:
            inject(world, route, rng)
        await asyncio.sleep(5)
        world.discord.faults.clear()

    return run


def _server_error(world: World, route: str, rng: random.Random) -> None:
    world.discord.faults.fail(route, rng.choice((500, 502, 503)), times=rng.randint(1, 3))


def _reset(world: World, route: str, rng: random.Random) -> None:
    world.discord.faults.reset(route, times=rng.randint(1, 3))


def _lose_response(world: World, route: str, rng: random.Random) -> None:
    world.discord.faults.reset(route, applied=True, times=rng.randint(1, 2))


def _delay(world: World, route: str, rng: random.Random) -> None:
    """The request takes effect late, and its response is lost."""
    world.discord.faults.reset(route, applied=True, delay=rng.uniform(1, 6))


async def _slow_down(world: World, history: History, rng: random.Random) -> None:
    """Responses are late, sometimes too late for an interaction."""
    world.discord.outage.delay = rng.uniform(0.5, 3.5)
    await asyncio.sleep(5)
    world.discord.outage.delay = 0.0


async def _take_down(world: World, history: History, rng: random.Random) -> None:
    world.discord.outage.begin()
    await asyncio.sleep(rng.uniform(2, 6))
    world.discord.outage.end()
    await world.ready()


def _drop_gateway(resumable: bool) -> Run:
    async def run(world: World, history: History, rng: random.Random) -> None:
        world.discord.faults.drop_gateway(resumable=resumable)
        await asyncio.sleep(1)
        await world.ready()

    return run


NEMESES = (
    Nemesis("kill -9 of the bot", _kill("bot")),
    Nemesis("kill -9 of the engine", _kill("engine")),
    Nemesis("kill -9 of both", _kill("bot", "engine")),
    Nemesis("SIGTERM of the bot", _restart("bot")),
    Nemesis("SIGTERM of the engine", _restart("engine")),
    Nemesis("the bot stopped for 7 s", _freeze("bot")),
    Nemesis("the engine stopped for 7 s", _freeze("engine")),
    Nemesis("the clock set forwards", _set_clock(60, 3700, 7200)),
    Nemesis("the clock set backwards", _set_clock(-60, -3700, -7200)),
    Nemesis("the database locked for 2 to 9 s", _lock_database),
    Nemesis("the bot's writes to the database fail", _fail_disk("bot", "write", "imagine.db")),
    Nemesis("the bot's fsyncs of the database fail", _fail_disk("bot", "fsync", "imagine.db")),
    Nemesis(
        "the engine's writes to the database fail", _fail_disk("engine", "write", "imagine.db")
    ),
    Nemesis(
        "the engine's fsyncs of the database fail", _fail_disk("engine", "fsync", "imagine.db")
    ),
    Nemesis("the engine's writes of images fail", _fail_disk("engine", "write", "pictures/")),
    Nemesis("the engine's fsyncs of images fail", _fail_disk("engine", "fsync", "pictures/")),
    Nemesis("Discord answers 500, 502 or 503", _fail_discord(_server_error)),
    Nemesis("connections to Discord are reset", _fail_discord(_reset)),
    Nemesis("Discord's answers are lost", _fail_discord(_lose_response)),
    Nemesis("requests take effect late, unanswered", _fail_discord(_delay)),
    Nemesis("Discord is slow, by up to 3.5 s", _slow_down),
    Nemesis("Discord is down", _take_down),
    Nemesis("the gateway drops, resumable", _drop_gateway(True)),
    Nemesis("the gateway drops, not resumable", _drop_gateway(False)),
)
