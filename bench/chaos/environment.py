"""The product under faults: a local Discord, members, and the bot and the engine as processes.

As on a host, a supervisor restarts both after a delay, except after status 78, which means that a
person has to fix something first.
"""

import asyncio
import os
import random
import signal
import sqlite3
import sys
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path

from bench.chaos.fault_injection import FOLDER
from bench.chaos.judge import LOADING, Channels, Request, Row, Verdict, judge
from sandbox import Member, NoResponseError, Sandbox
from sandbox.discord.models import Channel, Event, Guild

ROOT = Path(__file__).parents[2]
RESTART_SECONDS = 0.5  #: the supervisor's delay before a restart
CONFIG_ERROR = os.EX_CONFIG
PATIENCE = 90.0  #: seconds without any change after which unfinished requests count as lost
START_PATIENCE = 400.0  #: seconds that a process may take to start
QUIET_SECONDS = 3.0  #: seconds after the last job in which nothing more should happen
WORDS = ("a red circle", "a blue star", "a green square", "snowy hills", "a house", "a yellow ring")


class World:
    """One sandbox with the product. Created by `open_world`."""

    def __init__(self, discord: Sandbox, folder: Path, seed: int) -> None:
        self.discord = discord
        self.folder = folder
        self.database = folder / "data" / "imagine.db"
        self.rng = random.Random(seed)
        self.channels = Channels()
        self.requests: list[Request] = []
        self.processes: dict[str, Process] = {}
        self.requesters = 0
        """Members who still have requests to make."""
        self.extra_environment: dict[str, str] = {}
        self.fault_count = 0
        """Faults that occurred; a fault that is injected need not occur."""
        self._rows: list[Row] = []
        self._message_events = 0
        self._wanted: set[str] = set()
        self._supervisors: dict[str, asyncio.Task[None]] = {}
        self._next_seed = 1 + 1000 * self.rng.randrange(1_000_000)
        discord.world.listen(self._on_event)

    def _on_event(self, event: Event) -> None:
        self.channels.record_event(event.name, event.data)
        self._message_events += event.name.startswith("MESSAGE_")

    # -- processes -------------------------------------------------------------------------

    async def start(self, *names: str) -> None:
        """Starts processes under supervision; returns once they are ready."""
        for name in names:
            self._wanted.add(name)
            self._supervisors[name] = asyncio.create_task(self._supervise(name))
        await self.ready()

    async def ready(self) -> None:
        """Waits until the bot is connected and the engine is ready."""
        async with asyncio.timeout(START_PATIENCE):
            if "bot" in self._wanted:
                await self.until(lambda: "bot" in self.processes)
                await self.discord.client.wait_for_command("imagine", patience=START_PATIENCE)
            if "engine" in self._wanted:
                await self.until(self._engine_is_ready)

    def _engine_is_ready(self) -> bool:
        process = self.processes.get("engine")
        log = self.folder / f"engine-{process.pid}.log" if process else None
        return log is not None and log.exists() and b'"event": "ready"' in log.read_bytes()

    async def _supervise(self, name: str) -> None:
        while name in self._wanted:
            path = self.folder / f"{name}-new.log"
            with path.open("wb") as log:
                process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "bench.chaos.fault_injection", name),
                    env=self.environment() | self._disk_faults(name),
                    cwd=self.folder,
                    stdin=DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,  # as under a service manager
                )
            path.rename(self.folder / f"{name}-{process.pid}.log")
            self.processes[name] = process
            status = await process.wait()
            del self.processes[name]
            if status == CONFIG_ERROR:
                self._wanted.discard(name)
            await asyncio.sleep(RESTART_SECONDS)

    def environment(self) -> dict[str, str]:
        """The environment of the processes."""
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": "1",
            "OMP_WAIT_POLICY": "passive",
            "DISCORD_TOKEN": self.discord.token,
            "DISCORD_API_URL": self.discord.api_url,
            "DATABASE_PATH": str(self.database),
            "MODEL": "sketch",
            "DATA_DIR": str(self.folder / "data"),
            "DEVICE": "cpu",
            FOLDER: str(self.folder / "faults"),
            **self.extra_environment,
        }

    def _disk_faults(self, name: str) -> dict[str, str]:
        """The file in which `disk_faults.c` finds the faults of this process."""
        return {"DISK_FAULTS": str(self.folder / "faults" / f"disk-{name}")}

    def next_seed(self) -> int:
        """A seed that no other request has."""
        self._next_seed += 1
        return self._next_seed - 1

    def inject(self, fault: str, text: str = "") -> None:
        """Injects a fault of `bench.chaos.fault_injection`."""
        (self.folder / "faults" / fault).write_text(text)

    async def wait_for_fault(self, fault: str) -> None:
        """Waits until an injected fault has occurred, or until no request is left to trigger it."""
        pending = self.folder / "faults" / fault
        while not self.is_idle():
            if not pending.exists():
                self.fault_count += 1
                return
            await asyncio.sleep(0.05)
        pending.unlink(missing_ok=True)

    async def wait_for_discord_fault(self) -> None:
        """Like `wait_for_fault`, for faults of the local Discord."""
        while not self.is_idle():
            if not self.discord.faults.pending:
                self.fault_count += 1
                return
            await asyncio.sleep(0.05)

    async def random_moment(self, max_events: int = 25) -> None:
        """Waits for a random number of message changes, up to `max_events`, and then up to 0.5 s.

        Changes, unlike seconds, reach every moment of a job on slow machines, too.
        """
        until = self._message_events + self.rng.randint(0, max_events)
        await self.until(lambda: self._message_events >= until or self.is_idle())
        await self.pause(0, 0.5)

    def clear_faults(self) -> None:
        """Removes the faults that have not occurred, and resets the clock."""
        for pending in (self.folder / "faults").iterdir():
            pending.unlink()

    def kill(self, *names: str) -> None:
        """Kills processes with SIGKILL."""
        self.signal(signal.SIGKILL, *names)

    def signal(self, number: signal.Signals, *names: str) -> None:
        for name in names:
            if process := self.processes.get(name):
                with suppress(ProcessLookupError):
                    process.send_signal(number)

    async def stop(self, *names: str) -> None:
        """Stops processes with SIGTERM, unless they have already ended."""
        self._wanted -= set(names)
        ending = {self._supervisors[name] for name in names}
        while ending:
            self.signal(signal.SIGTERM, *names)
            _, ending = await asyncio.wait(ending, timeout=PATIENCE)

    async def close(self) -> None:
        """Kills everything."""
        self._wanted.clear()
        for supervisor in self._supervisors.values():
            supervisor.cancel()
        for process in list(self.processes.values()):
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    # -- members ---------------------------------------------------------------------------

    async def member_in_new_channel(self, guild: Guild | None = None) -> tuple[Member, Channel]:
        """A member in a new channel."""
        guild = guild or self.discord.guild
        channel = self.discord.world.add_channel(guild, "round")
        if guild is self.discord.guild:
            member = (await self.discord.member("Ada")).at(channel.id)
        else:
            user = self.discord.world.add_user("Ada")
            self.discord.world.join(guild, user)
            member = Member(self.discord.client, user.id, "Ada", channel.id)
        return member, channel

    async def request_several(
        self, member: Member, count: int, steps: tuple[int, int] = (10, 18)
    ) -> None:
        """Makes this many requests, one after another."""
        self.requesters += 1
        try:
            for _ in range(count):
                await self.request(member, self.rng.randint(*steps))
        finally:
            self.requesters -= 1

    async def request(self, member: Member, steps: int, **options: str | int) -> Request:
        """Makes one request with its own seed, whatever its outcome."""
        seed = self.next_seed()
        arguments = {"include": self.rng.choice(WORDS), "size": "64x64"} | options
        interaction_id: int | None = None
        with suppress(NoResponseError):
            reply = await member.slash("imagine", **arguments, steps=steps, seed=seed)
            interaction_id = reply.interaction_id
        request = Request(seed, member.channel_id, interaction_id)
        self.requests.append(request)
        return request

    # -- the end ---------------------------------------------------------------------------

    def rows(self) -> list[Row]:
        """All jobs in the database."""
        with suppress(sqlite3.OperationalError):  # it does not exist yet, or is being replaced
            self._rows = self._read_rows()
        return self._rows

    def _read_rows(self) -> list[Row]:
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as db:
            found = db.execute("SELECT json_extract(recipe, '$.seed'), state, posted FROM jobs")
            return [Row(seed, state, bool(posted)) for seed, state, posted in found]

    async def settle(self) -> None:
        """Removes all faults and waits until everything has had time to finish."""
        self.discord.faults.clear()
        self.clear_faults()
        for name in ("bot", "engine"):
            if name not in self._wanted:
                await self.stop(name)
                await self.start(name)
        await self.ready()
        await self.wait_until_idle()
        await asyncio.sleep(QUIET_SECONDS)

    async def wait_until_idle(self) -> None:
        """Waits until everything has finished, or nothing has changed for `PATIENCE`."""
        seen, since = self._progress(), time.monotonic()
        while not self.is_idle() and time.monotonic() - since < PATIENCE:
            await asyncio.sleep(0.2)
            if (now := self._progress()) != seen:
                seen, since = now, time.monotonic()

    def is_idle(self) -> bool:
        """Whether all requests are made and have ended."""
        waiting = any(each["flags"] & LOADING for each in self.channels.messages.values())
        return not self.requesters and not waiting and all(row.posted for row in self.rows())

    def _progress(self) -> object:
        """A value that changes whenever anything happens."""
        return self.rows(), self._message_events

    def verdicts(self) -> list[Verdict]:
        """The verdicts on all requests."""
        world = self.discord.world
        bot = world.application.bot
        guilds = {guild.id for guild in world.guilds.values() if bot.id in guild.members}
        reachable = [each.id for each in world.channels.values() if each.guild_id in guilds]
        return judge(self.requests, self.rows(), self.channels, reachable)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Waits until a condition holds; raises TimeoutError after `START_PATIENCE`."""
        async with asyncio.timeout(START_PATIENCE):
            while True:
                if condition():
                    return
                await asyncio.sleep(0.05)

    async def pause(self, shortest: float, longest: float) -> None:
        """Sleeps for a random time between these, in seconds."""
        await asyncio.sleep(self.rng.uniform(shortest, longest))


@asynccontextmanager
async def open_world(folder: Path, seed: int) -> AsyncIterator[World]:
    """A world. Its processes are killed at the end of the block."""
    for name in ("faults", "data"):
        await asyncio.to_thread((folder / name).mkdir, parents=True, exist_ok=True)
    async with Sandbox() as discord:
        world = World(discord, folder, seed)
        try:
            yield world
        finally:
            await world.close()
