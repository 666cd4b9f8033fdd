"""The faults as scripts: each requests a few images and breaks something at a random moment.

One call is one try. The world's random generator chooses the moments, and the points in the code at
which a process is killed. How long a try takes doesn't matter: a world is judged after all of its
tries, once everything has had time to finish.
"""

import asyncio
import os
import shutil
import signal
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass
from pathlib import Path

from bench.chaos.environment import World
from sandbox import InteractionError, Member
from sandbox.discord.models import Channel, Guild
from sandbox.discord.permissions import Permission

EDIT = "PATCH /channels/{channel_id}/messages/{message_id}"
SEND = "POST /channels/{channel_id}/messages"
ANSWER = "POST /interactions/{interaction_id}/{interaction_token}/callback"
JOB_MESSAGE = "PATCH /webhooks/{webhook_id}/{webhook_token}/messages/@original"

JOBS = 5  #: in one try

Script = Callable[[World], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault, and the script that causes it."""

    name: str
    script: Script
    small_disk: bool = False
    """Whether the data has to be on a small disk of its own (see `bench.chaos`)."""


FAULTS: dict[str, Fault] = {}


def fault(key: str, name: str, *, small_disk: bool = False) -> Callable[[Script], Script]:
    """Registers a script under a key of the command line."""

    def register(script: Script) -> Script:
        FAULTS[key] = Fault(name, script, small_disk)
        return script

    return register


@asynccontextmanager
async def requesting(
    world: World, guild: Guild | None = None
) -> AsyncIterator[tuple[Member, Channel]]:
    """A member requests images in a new channel during the block; waits until all have ended."""
    member, channel = await world.member_in_new_channel(guild)
    world.requesters += 1  # until the task has started
    requests = asyncio.create_task(world.request_several(member, JOBS))
    await asyncio.sleep(0)
    world.requesters -= 1
    try:
        yield member, channel
    finally:
        await requests
    await world.ready()
    await world.wait_until_idle()


# Nothing


@fault("none", "none")
async def no_fault(world: World) -> None:
    async with requesting(world):
        await world.random_moment()


@fault("cancel", "none; members cancel at any moment")
async def cancelled(world: World) -> None:
    async with requesting(world) as (member, _):
        await world.random_moment()
        for message in await member.messages():
            for button in message.buttons:
                if button.label == "Cancel" and world.rng.random() < 0.7:
                    with suppress(InteractionError):  # it has just ended
                        await member.press(message, button.custom_id)
                        world.fault_count += 1


# Processes are killed


def _kill_at_random(*names: str, max_events: int = 25) -> Script:
    async def script(world: World) -> None:
        async with requesting(world):
            await world.random_moment(max_events)
            world.fault_count += 1
            world.kill(*names)
            await asyncio.sleep(0.2)

    return script


fault("kill-engine", "engine killed at any moment")(_kill_at_random("engine"))
fault("kill-bot", "bot killed at any moment")(_kill_at_random("bot", max_events=8))
fault("kill-both", "both killed at any moment")(_kill_at_random("engine", "bot"))


def _kill_at(*points: str, twice: bool = False) -> Script:
    async def script(world: World) -> None:
        async with requesting(world):
            for _ in range(1 + twice):
                point = world.rng.choice(points)
                await world.random_moment(10 if twice else 3)
                world.inject(point)
                await world.wait_for_fault(point)
                await asyncio.sleep(0.2)
                await world.ready()

    return script


fault("engine-claiming", "engine killed while claiming")(_kill_at("after the claim"))
fault("engine-rendering", "engine killed while rendering")(_kill_at("in a step", twice=True))
fault("engine-saving", "engine killed while saving")(
    _kill_at(
        "before a frame is written",
        "after a checkpoint is saved",
        "in the middle of a file",
        "before the images are saved",
        "after the images are saved",
        "before the end is recorded",
        twice=True,
    )
)
fault("engine-posting", "engine killed while posting")(
    _kill_at(
        "after the end is recorded",
        "before a post",
        "after a post",
        "before it is marked as posted",
        twice=True,
    )
)


@fault("engine-new-message", "engine killed after a new message replaced a deleted one")
async def killed_after_a_new_message(world: World) -> None:
    async with requesting(world) as (_, channel):
        await world.random_moment()
        world.inject("after a new message")
        _delete_messages(world, channel)
        await world.wait_for_fault("after a new message")
        await asyncio.sleep(0.2)


fault("bot-before-insert", "bot killed between interaction and insert")(
    _kill_at("before the answer", "before the insert", "before the insert")
)
fault("bot-before-message", "bot killed between insert and response")(
    _kill_at("after the insert", "before the job message", "after the job message")
)


# Discord fails


def _fail_routes(inject: Callable[[World, str], None]) -> Script:
    """Each of Discord's routes fails now and then."""

    async def script(world: World) -> None:
        for route in (ANSWER, JOB_MESSAGE):
            if world.rng.random() < 0.5:
                inject(world, route)
        async with requesting(world) as (_, channel):
            for _ in range(4):
                await world.random_moment(6)
                if world.rng.random() < 0.3:
                    inject(world, SEND)
                    _delete_messages(world, channel)
                inject(world, EDIT)
                await world.wait_for_discord_fault()
        world.discord.faults.clear()

    return script


def _server_error(world: World, route: str) -> None:
    status = world.rng.choice((500, 502, 503))
    world.discord.faults.fail(route, status, times=world.rng.randint(1, 3))


def _rate_limit(world: World, route: str) -> None:
    world.discord.faults.limit(route, world.rng.choice((1.5, 5.0, 20.0, 45.0)))


def _reset(world: World, route: str) -> None:
    world.discord.faults.reset(route, times=world.rng.randint(1, 3))


def _cut(world: World, route: str) -> None:
    if route in (EDIT, SEND):
        world.discord.faults.cut(route, times=world.rng.randint(1, 2))


def _lose_response(world: World, route: str) -> None:
    if world.rng.random() < 0.5:
        world.discord.faults.reset(route, applied=True)
    else:
        world.discord.faults.fail(route, world.rng.choice((500, 502, 503)), applied=True)


fault("5xx", "Discord answers 500, 502 or 503")(_fail_routes(_server_error))
fault("429", "Discord answers 429, with waits up to 45 s")(_fail_routes(_rate_limit))
fault("reset", "connections reset (errno 104)")(_fail_routes(_reset))
fault("cut", "connection lost during an upload")(_fail_routes(_cut))
fault("lost-answer", "response lost after the request took effect")(_fail_routes(_lose_response))


@fault("late-message", "the first job message takes effect late, and its response is lost")
async def late_message(world: World) -> None:
    """It overwrites what the engine has shown in the meantime."""
    for _ in range(JOBS):
        world.discord.faults.reset(JOB_MESSAGE, applied=True, delay=world.rng.uniform(5, 30))
    world.discord.faults.reset(JOB_MESSAGE, applied=True, times=2 * JOBS)
    async with requesting(world):
        await world.wait_for_discord_fault()
    world.discord.faults.clear()


@fault("gateway", "gateway dropped, resumable")
async def gateway_dropped(world: World) -> None:
    async with requesting(world):
        for _ in range(2):
            await world.random_moment(8)
            world.fault_count += 1
            world.discord.faults.drop_gateway(resumable=True)


@fault("gateway-new", "gateway dropped, not resumable")
async def session_lost(world: World) -> None:
    async with requesting(world):
        for _ in range(2):
            await world.random_moment(8)
            world.fault_count += 1
            world.discord.faults.drop_gateway(resumable=False)


@fault("token", "token revoked and renewed")
async def token_renewed(world: World) -> None:
    async with requesting(world):
        await world.random_moment()
        world.fault_count += 1
        await world.discord.renew_token()
        await world.pause(1, 5)
        await world.stop("bot", "engine")  # they exit once Discord refuses the token
        await world.start("bot", "engine")  # the host has written the new token into .env


# Channels, messages and servers disappear


def _delete_messages(world: World, channel: Channel) -> None:
    for message in list(channel.messages.values()):
        if world.rng.random() < 0.7:
            world.fault_count += 1
            world.discord.world.delete(channel, message)


@fault("message", "messages deleted during jobs")
async def messages_deleted(world: World) -> None:
    async with requesting(world) as (_, channel):
        for _ in range(3):
            await world.random_moment(12)
            _delete_messages(world, channel)


@fault("attach", "permission to attach files removed during jobs")
async def no_files(world: World) -> None:
    async with requesting(world) as (_, channel):
        await world.random_moment()
        world.fault_count += 1
        everyone = world.discord.guild.id
        world.discord.world.overwrite(channel, everyone, deny=int(Permission.ATTACH_FILES))


@fault("channel", "channel deleted during jobs")
async def channel_deleted(world: World) -> None:
    async with requesting(world) as (_, channel):
        await world.random_moment()
        world.fault_count += 1
        world.discord.world.delete_channel(channel)


@fault("guild", "server deleted during jobs")
async def guild_deleted(world: World) -> None:
    guild = world.discord.world.add_guild("Others", world.discord.world.application.owner)
    await _new_session(world)
    async with requesting(world, guild=guild):
        await world.random_moment()
        world.fault_count += 1
        world.discord.world.delete_guild(guild)


@fault("kick", "bot kicked during jobs")
async def kicked(world: World) -> None:
    guild = world.discord.world.add_guild("Others", world.discord.world.application.owner)
    await _new_session(world)
    async with requesting(world, guild=guild):
        await world.random_moment()
        world.fault_count += 1
        world.discord.world.remove_bot(guild)


async def _new_session(world: World) -> None:
    """The bot learns of a new server when it connects."""
    world.discord.faults.drop_gateway(resumable=False)
    await asyncio.sleep(0.5)
    await world.ready()


# The machine


@fault("disk", "disk full while saving", small_disk=True)
async def disk_full(world: World) -> None:
    filler = world.folder / "data" / "filler"
    async with requesting(world):
        await world.random_moment()
        world.fault_count += 1
        await asyncio.to_thread(_fill, filler, world.rng.choice((0, 0, 20_000, 200_000)))
        await world.pause(5, 20)
        filler.unlink()


def _fill(filler: Path, left: int) -> None:
    """Fills a disk except for `left` bytes."""
    with filler.open("wb") as file, suppress(OSError):
        while (free := shutil.disk_usage(filler.parent).free - left) > 0:
            file.write(bytes(min(free, 1 << 16)))
            file.flush()


@fault("lock", "database locked for 10 s by another process")
async def database_locked(world: World) -> None:
    async with requesting(world):
        await world.random_moment()
        world.fault_count += 1
        locker = await asyncio.create_subprocess_exec(
            *("python3", "-c", LOCK, str(world.database)), stdin=asyncio.subprocess.DEVNULL
        )
        await locker.wait()


LOCK = """
import sqlite3, sys, time
db = sqlite3.connect(sys.argv[1], timeout=30, isolation_level=None)
db.execute("BEGIN IMMEDIATE")
time.sleep(10)
db.execute("ROLLBACK")
"""


@fault("clock", "the clock jumps by up to two hours in either direction")
async def clock_jumps(world: World) -> None:
    async with requesting(world):
        for _ in range(2):
            await world.random_moment(10)
            world.fault_count += 1
            world.inject("clock", str(world.rng.choice((-7200, -3700, -60, 60, 3700, 7200))))
        await world.random_moment(5)
        if world.rng.random() < 0.5:
            world.kill("engine")
            await asyncio.sleep(0.2)
    world.inject("clock", "0")


@fault("power", "power cut: a copy of the database taken during a write")
async def power_cut(world: World) -> None:
    async with requesting(world):
        await world.random_moment()
        world.fault_count += 1
        world.signal(signal.SIGSTOP, "bot", "engine")  # nothing is written during the copy
        copy = world.folder / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir()
        for suffix in ("", "-wal"):  # -shm is rebuilt when the file is opened
            shutil.copy(f"{world.database}{suffix}", copy)
        _check_integrity(world, copy / world.database.name)
        world.kill("bot", "engine")
        await world.until(lambda: not world.processes)
        for suffix in ("-shm", "-wal"):
            (world.folder / "data" / f"{world.database.name}{suffix}").unlink(missing_ok=True)
        for file in copy.iterdir():
            shutil.move(file, world.database.parent / file.name)


def _check_integrity(world: World, copy: os.PathLike[str]) -> None:
    inspected = world.folder / "looked-at"
    shutil.rmtree(inspected, ignore_errors=True)
    shutil.copytree(os.path.dirname(copy), inspected)
    with closing(sqlite3.connect(inspected / os.path.basename(copy))) as db:
        (found,) = db.execute("PRAGMA integrity_check").fetchone()
    if found != "ok":
        raise AssertionError(f"the copy of the database is damaged: {found}")


# Rendering


@fault("nan", "the loss becomes NaN")
async def not_a_number(world: World) -> None:
    async with requesting(world):
        for _ in range(2):
            await world.random_moment(8)
            world.inject("a NaN loss")
            await world.wait_for_fault("a NaN loss")


@fault("memory", "the device runs out of memory")
async def out_of_memory(world: World) -> None:
    async with requesting(world):
        for _ in range(4):
            await world.random_moment(5)
            world.inject("out of memory")
            await world.wait_for_fault("out of memory")
