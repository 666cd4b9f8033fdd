"""A world in which things break: a local Discord, members, and the bot and the engine beside it.

Both run as processes, and a supervisor starts them again as a host's would: after a pause, and
not after status 78, with which they say that a person has to fix something first.
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

from bench.chaos.judge import LOADING, Channels, Request, Row, Verdict, judge
from bench.chaos.sabotage import FOLDER
from sandbox import Member, NoResponseError, Sandbox
from sandbox.discord.models import Channel, Event, Guild

ROOT = Path(__file__).parents[2]
RESTART_SECONDS = 0.5  #: how long the supervisor waits before it starts a process again
CONFIG = os.EX_CONFIG
PATIENCE = 90.0  #: seconds in which nothing moves any more, until what is left counts as lost
START_PATIENCE = 400.0  #: seconds that a process may take to be at work
QUIET_SECONDS = 3.0  #: after the last end, in which nothing more should happen
WORDS = ("a red circle", "a blue star", "a green square", "snowy hills", "a house", "a yellow ring")


class World:
    """One sandbox and the product in front of it. Made by `opened`."""

    def __init__(self, discord: Sandbox, folder: Path, seed: int) -> None:
        self.discord = discord
        self.folder = folder
        self.database = folder / "data" / "imagine.db"
        self.draw = random.Random(seed)
        self.channels = Channels()
        self.requests: list[Request] = []
        self.processes: dict[str, Process] = {}
        self.asking = 0
        """Members who are not done with asking."""
        self.extra_environment: dict[str, str] = {}
        self.made = 0
        """Faults that happened, not only ordered."""
        self._rows: list[Row] = []
        self._heard = 0
        self._wanted: set[str] = set()
        self._supervisors: dict[str, asyncio.Task[None]] = {}
        self._next_seed = 1 + 1000 * self.draw.randrange(1_000_000)
        discord.world.listen(self._hear)

    def _hear(self, event: Event) -> None:
        self.channels.hear(event.name, event.data)
        self._heard += event.name.startswith("MESSAGE_")

    # -- processes -------------------------------------------------------------------------

    async def start(self, *names: str) -> None:
        """Starts processes under supervision; returns when members and jobs are served."""
        for name in names:
            self._wanted.add(name)
            self._supervisors[name] = asyncio.create_task(self._supervise(name))
        await self.ready()

    async def ready(self) -> None:
        """Waits until the bot is connected and the engine is at work."""
        async with asyncio.timeout(START_PATIENCE):
            if "bot" in self._wanted:
                await self.until(lambda: "bot" in self.processes)
                await self.discord.client.wait_for_command("imagine", patience=START_PATIENCE)
            if "engine" in self._wanted:
                await self.until(self._engine_is_at_work)

    def _engine_is_at_work(self) -> bool:
        process = self.processes.get("engine")
        log = self.folder / f"engine-{process.pid}.log" if process else None
        return log is not None and log.exists() and b'"event": "ready"' in log.read_bytes()

    async def _supervise(self, name: str) -> None:
        while name in self._wanted:
            path = self.folder / f"{name}-new.log"
            with path.open("wb") as log:
                process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "bench.chaos.sabotage", name),
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
            if status == CONFIG:
                self._wanted.discard(name)
            await asyncio.sleep(RESTART_SECONDS)

    def environment(self) -> dict[str, str]:
        """What the processes are started with."""
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
            FOLDER: str(self.folder / "orders"),
            **self.extra_environment,
        }

    def _disk_faults(self, name: str) -> dict[str, str]:
        """Where `disk_faults.c` looks for the orders of this process."""
        return {"DISK_FAULTS": str(self.folder / "orders" / f"disk-{name}")}

    def next_seed(self) -> int:
        """A seed that no other request has."""
        self._next_seed += 1
        return self._next_seed - 1

    def order(self, place: str, text: str = "") -> None:
        """Orders a fault of `bench.chaos.sabotage`."""
        (self.folder / "orders" / place).write_text(text)

    async def met(self, place: str) -> None:
        """Waits until an ordered fault happens, as long as anything can still run into it."""
        order = self.folder / "orders" / place
        while not self.is_quiet():
            if not order.exists():
                self.made += 1
                return
            await asyncio.sleep(0.05)
        order.unlink(missing_ok=True)

    async def met_by_discord(self) -> None:
        """The same for the faults of the local Discord."""
        while not self.is_quiet():
            if not self.discord.faults.pending:
                self.made += 1
                return
            await asyncio.sleep(0.05)

    async def moment(self, most: int = 25) -> None:
        """A random moment: after so many further changes of messages, `most` at most, and a bit.

        Told by what happens, so that on a slow machine, too, it is any moment in a job's life.
        """
        until = self._heard + self.draw.randint(0, most)
        await self.until(lambda: self._heard >= until or self.is_quiet())
        await self.pause(0, 0.5)

    def recall(self) -> None:
        """Takes back the orders that nobody has met, and sets the clock right."""
        for order in (self.folder / "orders").iterdir():
            order.unlink()

    def kill(self, *names: str) -> None:
        """Ends processes as `kill -9` does."""
        self.signal(signal.SIGKILL, *names)

    def signal(self, number: signal.Signals, *names: str) -> None:
        for name in names:
            if process := self.processes.get(name):
                with suppress(ProcessLookupError):
                    process.send_signal(number)

    async def stop(self, *names: str) -> None:
        """Ends processes in good order, if they have not ended by themselves."""
        self._wanted -= set(names)
        ending = {self._supervisors[name] for name in names}
        while ending:
            self.signal(signal.SIGTERM, *names)
            _, ending = await asyncio.wait(ending, timeout=PATIENCE)

    async def close(self) -> None:
        """Ends everything."""
        self._wanted.clear()
        for supervisor in self._supervisors.values():
            supervisor.cancel()
        for process in list(self.processes.values()):
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    # -- members ---------------------------------------------------------------------------

    async def place(self, guild: Guild | None = None) -> tuple[Member, Channel]:
        """Somebody in a channel of their own."""
        guild = guild or self.discord.guild
        channel = self.discord.world.add_channel(guild, "round")
        if guild is self.discord.guild:
            member = (await self.discord.member("Ada")).at(channel.id)
        else:
            user = self.discord.world.add_user("Ada")
            self.discord.world.join(guild, user)
            member = Member(self.discord.client, user.id, "Ada", channel.id)
        return member, channel

    async def ask(self, member: Member, count: int, steps: tuple[int, int] = (10, 18)) -> None:
        """Makes so many requests one after the other, each with its own seed."""
        self.asking += 1
        try:
            for _ in range(count):
                await self.request(member, self.draw.randint(*steps))
        finally:
            self.asking -= 1

    async def request(self, member: Member, steps: int, **options: str | int) -> Request:
        """Makes one request, whatever its outcome."""
        seed = self.next_seed()
        request = {"include": self.draw.choice(WORDS), "size": "64x64"} | options
        answered: int | None = None
        with suppress(NoResponseError):
            reply = await member.slash("imagine", **request, steps=steps, seed=seed)
            answered = reply.interaction_id
        made = Request(seed, member.channel_id, answered)
        self.requests.append(made)
        return made

    # -- the end ---------------------------------------------------------------------------

    def rows(self) -> list[Row]:
        """All jobs, as the database has them."""
        with suppress(sqlite3.OperationalError):  # it is not there yet, or being replaced
            self._rows = self._read_rows()
        return self._rows

    def _read_rows(self) -> list[Row]:
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as db:
            found = db.execute("SELECT json_extract(recipe, '$.seed'), state, posted FROM jobs")
            return [Row(seed, state, bool(posted)) for seed, state, posted in found]

    async def settle(self) -> None:
        """Peace: what is still to come comes, or never will."""
        self.discord.faults.clear()
        self.recall()
        for name in ("bot", "engine"):
            if name not in self._wanted:
                await self.stop(name)
                await self.start(name)
        await self.ready()
        await self.calm()
        await asyncio.sleep(QUIET_SECONDS)

    async def calm(self) -> None:
        """Waits until all is over, or nothing has moved any more for `PATIENCE`."""
        seen, since = self._looks(), time.monotonic()
        while not self.is_quiet() and time.monotonic() - since < PATIENCE:
            await asyncio.sleep(0.2)
            if (now := self._looks()) != seen:
                seen, since = now, time.monotonic()

    def is_quiet(self) -> bool:
        """Whether nobody asks any more, and everything that was asked has its end."""
        waiting = any(each["flags"] & LOADING for each in self.channels.messages.values())
        return not self.asking and not waiting and all(row.posted for row in self.rows())

    def _looks(self) -> object:
        """What changes as long as anything goes on."""
        return self.rows(), self._heard

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
        """A random time, in seconds."""
        await asyncio.sleep(self.draw.uniform(shortest, longest))


@asynccontextmanager
async def opened(folder: Path, seed: int) -> AsyncIterator[World]:
    """A world with both processes at work."""
    for name in ("orders", "data"):
        await asyncio.to_thread((folder / name).mkdir, parents=True, exist_ok=True)
    async with Sandbox() as discord:
        world = World(discord, folder, seed)
        try:
            yield world
        finally:
            await world.close()
