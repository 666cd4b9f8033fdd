"""1,000 requests within ten seconds: is each answered in time, queued once, claimed in turn?

Discord, bot and engine are separate processes. Latency is measured at Discord, from handing an
interaction to the bot (its id contains that time) to the first response.
"""

import asyncio
import math
import random
import re
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.load.product import Product, local_product
from bench.load.statistics import Times
from bench.markdown import table
from core.database.claims import Claims
from core.database.connection import Database
from core.database.queue import JobQueue
from core.database.rows import rows_of
from core.fair_queue import claim_order, start_time
from core.job import Job
from sandbox import Member, NoResponseError, SandboxClient
from sandbox.discord.clock import moment_of

REQUESTS, SECONDS = 1_000, 10.0
MEMBERS, CHANNELS = 200, 20
WARM_UP = 5
"""Requests before the burst."""
STEPS = 10
MAX_LATENCY = 3.0
"""Discord's time limit for a response, in seconds."""
MAX_RATE_LIMITED = 0.01
"""The maximum share of requests that may be rate-limited."""
SAMPLE_SECONDS = 0.25
SETTLE_SECONDS = 5.0
JOB_MESSAGE_SECONDS = 90.0
"""How long a job message may take after the response."""
RENDER_SECONDS = 60.0
"""How long the engine keeps running after the burst."""
MIB = 2**20

_JOB_MESSAGE = "/webhooks/{webhook_id}/{webhook_token}/messages/@original"
_CALLBACK = re.compile(r"/interactions/(\d+)/token/callback")


@dataclass(slots=True)
class Burst:
    """The result of one burst."""

    name: str
    latencies: list[float] = field(default_factory=list)
    unanswered: int = 0
    refused: list[str] = field(default_factory=list)
    requests: Counter[str] = field(default_factory=Counter)
    """Requests per route."""
    rate_limited: Counter[str] = field(default_factory=Counter)
    """429 responses per route."""
    memory: list[int] = field(default_factory=list)
    """Bytes of the bot during the burst."""
    before: int = 0
    after: int = 0
    bot_seconds: float = 0.0
    """CPU seconds of the bot for all requests."""
    last_message: float = math.nan
    """Seconds from the last response to the last job message."""
    queue: str = ""
    """The result of checking the queue."""
    faults: list[str] = field(default_factory=list)

    def failed_checks(self) -> list[str]:
        """One sentence for each failed check."""
        found = list(self.faults)
        if self.unanswered or max(self.latencies, default=0.0) > MAX_LATENCY:
            found.append(f"{self.unanswered} requests were not answered within {MAX_LATENCY:.0f} s")
        if self.refused:
            found.append(f"{len(self.refused)} requests were refused: {self.refused[0]}")
        if self.rate_limited.total() > MAX_RATE_LIMITED * self.requests.total():
            found.append(
                f"{self.rate_limited.total()} of {self.requests.total()} requests got status 429"
            )
        return found


async def measure(model: str) -> list[Burst]:
    """Two bursts on one bot without an engine, and one on a new bot with an engine."""
    found = []
    async with local_product(model) as (product, discord):
        await product.start("bot")
        for name in ("bot alone", "again"):
            found.append(await _burst(name, product, discord))
        await _check_queue(product, found[-1], 2 * (REQUESTS + WARM_UP))
        await _claim_all(product, found[-1])
    async with local_product(model) as (product, discord):
        await product.start("bot")
        await product.start("engine")
        burst = await _burst("with the engine", product, discord)
        await asyncio.sleep(RENDER_SECONDS)
        product.check()
        await product.stop("engine")  # it gives back its jobs
        await _check_queue(product, burst, REQUESTS + WARM_UP)
        await _claim_all(product, burst)
        _count(burst, await discord.requests(), 0)
    return [*found, burst]


async def _burst(name: str, product: Product, discord: SandboxClient) -> Burst:
    burst = Burst(name)
    await discord.wait_for_command("imagine")
    channels = [await discord.channel(f"{name} {n}".replace(" ", "-")) for n in range(CHANNELS)]
    members = []
    for number in range(MEMBERS):
        member = await discord.member(f"{name} {number}")
        members.append(member.at(channels[number % CHANNELS]))
    for member in await _warm_up_members(discord, name):
        reply = await member.slash("imagine", include="a red circle", steps=STEPS)
        await member.wait_filled(reply)
    await asyncio.sleep(SETTLE_SECONDS)
    skipped = len(await discord.requests())
    burst.before, cpu_before = product.resident_bytes("bot"), product.cpu_seconds("bot")
    watching = asyncio.create_task(_sample_memory(product, burst))
    await _request_all(members, burst)
    await _wait_for_job_messages(discord, burst, skipped)
    watching.cancel()
    burst.bot_seconds = product.cpu_seconds("bot") - cpu_before
    burst.after = product.resident_bytes("bot")
    _count(burst, await discord.requests(), skipped)
    return burst


async def _warm_up_members(discord: SandboxClient, name: str) -> list[Member]:
    return [await discord.member(f"{name} early {number}") for number in range(WARM_UP)]


async def _request_all(members: Sequence[Member], burst: Burst) -> None:
    """Makes equally many requests by each member, in random order, evenly spread over time."""
    order = [member for member in members for _ in range(REQUESTS // len(members))]
    random.Random(5).shuffle(order)
    start = time.monotonic()

    async def request(member: Member, number: int) -> None:
        await asyncio.sleep(start + number * SECONDS / REQUESTS - time.monotonic())
        try:
            reply = await member.slash(
                "imagine", include=f"a red circle | request {number}:0.1", steps=STEPS, seed=number
            )
        except NoResponseError:
            burst.unanswered += 1
        else:
            if reply.kind != "deferred":
                burst.refused.append(reply.message.text if reply.message else reply.kind)

    await asyncio.gather(*(request(member, number) for number, member in enumerate(order)))


async def _sample_memory(product: Product, burst: Burst) -> None:
    while True:
        burst.memory.append(product.resident_bytes("bot"))
        await asyncio.sleep(SAMPLE_SECONDS)


async def _wait_for_job_messages(discord: SandboxClient, burst: Burst, skipped: int) -> None:
    """Waits until every answered request has its job message, or the time is up."""
    start = time.monotonic()
    while time.monotonic() - start < JOB_MESSAGE_SECONDS:
        requests = (await discord.requests())[skipped:]
        shown = [each["moment"] for each in requests if each["route"] == _JOB_MESSAGE]
        requested = [each["moment"] for each in requests if _CALLBACK.fullmatch(each["path"])]
        if len(shown) >= len(requested):
            burst.last_message = max(shown) - max(requested)
            return
        await asyncio.sleep(1)
    burst.faults.append(f"{len(requested) - len(shown)} job messages were not shown in time")


def _count(burst: Burst, requests: Iterable[dict[str, Any]], skipped: int) -> None:
    """Counts latencies, requests and rate limits from Discord's records."""
    burst.requests.clear()
    burst.rate_limited.clear()
    burst.latencies.clear()
    for request in list(requests)[skipped:]:
        route = f"{request['method']} {request['route'] or request['path']}"
        burst.requests[route] += 1
        if request["status"] == 429:
            burst.rate_limited[route] += 1
        if match := _CALLBACK.fullmatch(request["path"]):
            burst.latencies.append(request["moment"] - moment_of(int(match[1])))


async def _check_queue(product: Product, burst: Burst, requests: int) -> None:
    """Checks that each request is queued once, and that claims were in fair order."""
    async with Database.open(product.database) as database, database.snapshot() as db:
        jobs = [Job.from_row(row) for row in await rows_of(db, "SELECT * FROM jobs ORDER BY id")]
    requested = Counter(job.recipe.model_dump_json() for job in jobs if job.recipe.seed < REQUESTS)
    if len(jobs) != requests:
        burst.faults.append(f"{len(jobs)} jobs are in the queue instead of {requests}")
    unfair = unfairly_claimed(jobs)
    if unfair:
        burst.faults.append(f"{len(unfair)} jobs were claimed out of turn: {unfair[:5]}")
    claimed_count = sum(job.started_at is not None for job in jobs)
    burst.queue = (
        f"{len(jobs):,} jobs for {requests:,} requests ({len(requested):,} different in the burst),"
        f" {claimed_count:,} claimed, {len(unfair)} of them out of turn"
    )


async def _claim_all(product: Product, burst: Burst) -> None:
    """Claims every waiting job, as an engine would."""
    async with Database.open(product.database) as database:
        waiting = await JobQueue(database).waiting(10 * REQUESTS)
        claimed = []
        while job := await Claims(database).claim("bench", 1e6):
            claimed.append(job.id)
    expected = sorted(waiting, key=lambda job: claim_order(job.priority, job.turn, job.id))
    if claimed != [job.id for job in expected]:
        burst.faults.append("the jobs were not claimed in fair order")
    burst.queue += f"; then {len(claimed):,} claimed in fair order"


def unfairly_claimed(jobs: Sequence[Job]) -> list[int]:
    """Ids of jobs that were claimed out of turn, or whose turn is not that of `core.fair_queue`.

    Replays arrivals and claims in chronological order. Assumes that no job was claimed twice,
    cancelled or moved.
    """
    arrivals = [(job.created_at, 0, job) for job in jobs]
    claims = [(job.started_at, 1, job) for job in jobs if job.started_at is not None]
    events = sorted([*arrivals, *claims], key=lambda each: each[:2])
    waiting: dict[int, tuple[int, int, int]] = {}
    virtual: Counter[int] = Counter()
    ends: dict[tuple[int, int], int] = {}
    unfair = []
    for _, claimed, job in events:
        key, line = claim_order(job.priority, job.turn, job.id), (job.member_id, job.priority)
        if claimed:
            if waiting.pop(job.id) > min(waiting.values(), default=key):
                unfair.append(job.id)
            virtual[job.priority] = max(virtual[job.priority], job.turn)
            continue
        if job.turn != start_time(virtual[job.priority], ends.get(line)):
            unfair.append(job.id)
        ends[line] = job.turn + job.recipe.count
        waiting[job.id] = key
    return unfair


def report(bursts: Sequence[Burst]) -> str:
    """All numbers, and the failed checks."""
    head = [
        *("", "requests", "p50, ms", "p99, ms", "max, ms", "unanswered", "HTTP requests", "429s"),
        *("last message, s later", "bot, CPU s", "MiB before", "peak", "after"),
    ]
    lines = []
    for burst in bursts:
        times = Times(burst.latencies)
        requests, rate_limited = burst.requests.total(), burst.rate_limited.total()
        lines.append(
            [
                burst.name,
                f"{len(burst.latencies) + burst.unanswered:,}",
                *(f"{1000 * s:.0f}" for s in (times.median, times.p99, max(times.seconds))),
                str(burst.unanswered),
                f"{requests:,}",
                f"{rate_limited} ({rate_limited / requests:.1%})",
                f"{burst.last_message:.1f}",
                f"{burst.bot_seconds:.1f}",
                *(f"{n / MIB:.0f}" for n in (burst.before, max(burst.memory), burst.after)),
            ]
        )
    paragraphs = [table(head, lines)]
    for burst in bursts:
        if burst.rate_limited:
            routes = ", ".join(f"{route}: {count}" for route, count in burst.rate_limited.items())
            paragraphs.append(f"429s {burst.name}: {routes}.")
        if burst.queue:
            paragraphs.append(f"The queue, {burst.name}: {burst.queue}.")
        paragraphs += [
            f"NOT as it should be, {burst.name}: {fault}." for fault in burst.failed_checks()
        ]
    return "\n\n".join(paragraphs)
