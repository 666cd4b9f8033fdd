"""Runs for half an hour or more under faults: do memory, open files and the write-ahead log grow?

The bot and the engine are separate processes. Discord runs in this process, so that it can be made
to fail. Members request small images, delete some, and look at lists. In the first
third, the engine is killed several times and the bot once. The trends are those of the last two
thirds, in which both processes keep running despite all other faults.
"""

import asyncio
import csv
import random
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.load.product import Product
from bench.load.statistics import Trend, trend
from bench.markdown import table
from core.database.connection import Database
from core.database.queue import JobQueue
from sandbox import Member, MessageView, NoResponseError, Sandbox
from sandbox.discord.client_errors import InteractionError

SAMPLE_SECONDS = 10.0
REQUEST_SECONDS, DELETE_SECONDS, QUEUE_SECONDS = 6.0, 25.0, 45.0
FAULT_SECONDS, DROP_SECONDS = 15.0, 100.0
KILLS = {"engine": (0.06, 0.14, 0.22), "bot": (0.28,)}
"""When each process is killed, as shares of the whole time: all within the first third."""
KEEP_DAYS = "0.001"
"""About a minute and a half. The engine deletes old files when it starts and then every hour."""
DRAIN_SECONDS = 180.0
MEMBERS, CHANNELS, STEPS = 12, 4, 10
MIB = 2**20

ROUTES = (
    "PATCH /channels/{channel_id}/messages/{message_id}",
    "POST /channels/{channel_id}/messages",
    "PATCH /webhooks/{webhook_id}/{webhook_token}/messages/@original",
    "POST /interactions/{interaction_id}/{interaction_token}/callback",
)
STATUSES = (500, 503, 429, None)
"""Statuses of failed requests; None breaks the connection."""


@dataclass(frozen=True, slots=True)
class Measure:
    """Something that must not grow by more than a tolerance."""

    name: str
    unit: str
    tolerance: float
    read: Callable[[Product], float]


MEASURES = (
    Measure("memory of the bot", "MiB", 8, lambda product: product.resident_bytes("bot") / MIB),
    Measure(
        "memory of the engine", "MiB", 25, lambda product: product.resident_bytes("engine") / MIB
    ),
    Measure("open files of the bot", "", 4, lambda product: product.open_files("bot")),
    Measure("open files of the engine", "", 4, lambda product: product.open_files("engine")),
    Measure("threads of the bot", "", 2, lambda product: product.threads("bot")),
    Measure("threads of the engine", "", 2, lambda product: product.threads("engine")),
    Measure(
        "write-ahead log", "MiB", 1, lambda product: _file_size(product, "imagine.db-wal") / MIB
    ),
)


@dataclass(slots=True)
class Soak:
    """The samples and counts of a run."""

    minutes: float
    moments: list[float] = field(default_factory=list)
    samples: list[list[float]] = field(default_factory=list)
    """The values of MEASURES at each moment."""
    counts: Counter[str] = field(default_factory=Counter)
    """How often each action and each fault occurred."""
    states: Counter[str] = field(default_factory=Counter)
    """How the jobs ended."""
    not_shown: int = 0
    """Jobs whose outcome was not shown."""

    def trends(self) -> list[Trend]:
        return [trend(self.moments, column) for column in zip(*self.samples, strict=True)]


class SoakTest:
    """The product, its members and the faults."""

    def __init__(self, discord: Sandbox, product: Product, minutes: float) -> None:
        self._discord = discord
        self._product = product
        self._seconds = 60 * minutes
        self._rng = random.Random(11)
        self._members: list[Member] = []
        self._restarting = asyncio.Lock()
        """Held while a process restarts; nothing is sampled then."""
        self.soak = Soak(minutes)

    async def run(self) -> Soak:
        """Runs the whole test. Raises ProductError."""
        await self._product.start("bot")
        await self._product.start("engine", KEEP_DAYS=KEEP_DAYS, OMP_NUM_THREADS="1")
        await self._discord.client.wait_for_command("imagine")
        await self._add_members()
        self._start = time.monotonic()
        tasks = [
            asyncio.create_task(task)
            for task in (
                self._repeat(SAMPLE_SECONDS, self._sample),
                self._repeat(REQUEST_SECONDS, self._request),
                self._repeat(DELETE_SECONDS, self._delete),
                self._repeat(QUEUE_SECONDS, self._show_queue),
                self._repeat(FAULT_SECONDS, self._inject_fault),
                self._repeat(DROP_SECONDS, self._drop_gateway),
                self._kill_on_schedule(),
            )
        ]
        done, _ = await asyncio.wait(tasks, timeout=self._seconds, return_when="FIRST_EXCEPTION")
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        for task in done:
            task.result()
        self._discord.faults.clear()
        await self._wait_until_shown()
        return self.soak

    async def _repeat(self, seconds: float, act: Callable[[], Awaitable[None]]) -> None:
        while True:
            await asyncio.sleep(seconds)
            await act()

    async def _add_members(self) -> None:
        client = self._discord.client
        channels = [await client.channel(f"soak-{number}") for number in range(CHANNELS)]
        for number in range(MEMBERS):
            member = await client.member(f"member {number}")
            self._members.append(member.at(channels[number % CHANNELS]))

    async def _sample(self) -> None:
        if self._restarting.locked():
            return
        self._product.check()
        self.soak.moments.append(time.monotonic() - self._start)
        self.soak.samples.append([measure.read(self._product) for measure in MEASURES])

    # -- members ---------------------------------------------------------------------------

    async def _count_action(self, what: str, action: Awaitable[object]) -> None:
        """Awaits and counts a member's action, which under faults may get no response."""
        try:
            await action
        except (NoResponseError, InteractionError):
            what += ", unanswered"
        self.soak.counts[what] += 1

    async def _request(self) -> None:
        member = self._rng.choice(self._members)
        number = self._rng.randrange(10**6)
        text = f"a {self._rng.choice(('red', 'blue', 'green'))} circle | request {number}:0.1"
        request = member.slash("imagine", include=text, steps=STEPS, seed=number)
        await self._count_action("requests", request)

    async def _delete(self) -> None:
        member = self._rng.choice(self._members)
        for message in await member.messages():
            button = _button(message, "Delete")
            if button and member.name in message.text:
                await self._count_action("deletions", self._press_twice(member, message, button))
                return

    async def _press_twice(self, member: Member, message: MessageView, button: str) -> None:
        """Deletes an image and confirms it."""
        confirmation = await member.press(message, button)
        if confirmation.message and (yes := _button(confirmation.message, "Delete")):
            await member.press(confirmation.message, yes)

    async def _show_queue(self) -> None:
        member = self._rng.choice(self._members)
        command = self._rng.choice(("queue", "history", "help"))
        await self._count_action("uses of /queue, /history, /help", member.slash(command))

    # -- faults ----------------------------------------------------------------------------

    async def _inject_fault(self) -> None:
        route, status = self._rng.choice(ROUTES), self._rng.choice(STATUSES)
        times, applied = self._rng.randint(1, 3), self._rng.random() < 0.5
        faults = self._discord.faults
        if status is None:
            faults.reset(route, times=times, applied=applied)
        else:
            faults.fail(route, status, times=times, applied=applied)
        self.soak.counts[f"requests made to meet {status or 'a broken connection'}"] += times

    async def _drop_gateway(self) -> None:
        self._discord.faults.drop_gateway(resumable=self._rng.random() < 0.5)
        self.soak.counts["dropped gateway connections"] += 1

    async def _kill_on_schedule(self) -> None:
        kills = sorted((share, name) for name, shares in KILLS.items() for share in shares)
        for share, name in kills:
            await asyncio.sleep(self._start + share * self._seconds - time.monotonic())
            async with self._restarting:
                await self._product.kill(name)
                settings = {"KEEP_DAYS": KEEP_DAYS, "OMP_NUM_THREADS": "1"}
                await self._product.start(name, **settings)
            self.soak.counts[f"kills of the {name}"] += 1
        await asyncio.Event().wait()

    async def _wait_until_shown(self) -> None:
        deadline = time.monotonic() + DRAIN_SECONDS
        async with Database.open(self._product.database) as database:
            while time.monotonic() < deadline:
                self._product.check()
                tally = await JobQueue(database).stats()
                self.soak.not_shown = tally.waiting + tally.running + tally.unposted
                if not self.soak.not_shown:
                    break
                await asyncio.sleep(1)
            async with database.snapshot() as db:
                found = await db.execute_fetchall("SELECT state, COUNT(*) FROM jobs GROUP BY state")
            self.soak.states.update({row[0]: row[1] for row in found})


async def measure(minutes: float, out: Path) -> Soak:
    """Runs for this many minutes; writes the samples to `out`/soak.csv. Raises ProductError."""
    with tempfile.TemporaryDirectory(prefix="load-") as folder:
        async with Sandbox(data_dir=Path(folder) / "discord") as discord:
            addresses = {
                "DISCORD_API_URL": discord.api_url,
                "DISCORD_TOKEN": discord.token,
                "DISCORD_GUILD_ID": str(discord.guild.id),
            }
            product = Product(Path(folder), addresses)
            test = SoakTest(discord, product, minutes)
            try:
                soak = await test.run()
            finally:
                await product.close()
                _write(out / "soak.csv", test.soak)
    return soak


def report(soak: Soak) -> str:
    """The trend of each measure, and whether it grows."""
    head = ["over the last two thirds", "start", "end", "per hour", "deviation", "grows"]
    lines, trends = [], soak.trends()
    for measure, trend_ in zip(MEASURES, trends, strict=True):
        numbers = (trend_.first, trend_.last, trend_.per_hour, trend_.deviation)
        name = f"{measure.name}, {measure.unit}" if measure.unit else measure.name
        cells = [f"{number:.1f}" for number in numbers]
        cells[2] = f"{trend_.per_hour:+.1f}"
        lines.append([name, *cells, "YES" if trend_.grows(measure.tolerance) else "no"])
    happened = ", ".join(f"{count:,} {what}" for what, count in sorted(soak.counts.items()))
    states = ", ".join(f"{count:,} {state}" for state, count in sorted(soak.states.items()))
    shown = "all were shown" if not soak.not_shown else f"NOT shown were {soak.not_shown}"
    return (
        f"{table(head, lines)}\n\n{soak.minutes:.0f} minutes, {len(soak.moments)} samples."
        f" There were {happened}. The jobs ended as {states}; {shown}."
    )


def _file_size(product: Product, name: str) -> float:
    path = product.folder / name
    return path.stat().st_size if path.exists() else 0


def _button(message: MessageView, label: str) -> str | None:
    """The custom id of an enabled button."""
    for button in message.buttons:
        if button.label == label and not button.disabled:
            return button.custom_id
    return None


def _write(path: Path, soak: Soak) -> None:
    with path.open("w", newline="") as file:
        lines: Sequence[Sequence[object]] = [
            ["seconds", *(measure.name for measure in MEASURES)],
            *([moment, *sample] for moment, sample in zip(soak.moments, soak.samples, strict=True)),
        ]
        csv.writer(file).writerows(lines)
