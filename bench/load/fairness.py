"""`python -m bench.load.fairness`: how long a single request waits when others flood the queue.

The product's real queue is compared with first come, first served. The engine is simulated: it
renders one job after another, with a fixed time for each image. So every machine prints the same
table.
"""

import argparse
import asyncio
import tempfile
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bench.markdown import table
from core.database.claims import Claims
from core.database.connection import Database
from core.database.jobs import Jobs
from core.job import NewJob, State
from core.recipe import Recipe

SECONDS = 10.0
"""The time to render one image."""

WATCHED = 0
"""The member with a single request; the others flood the queue."""

ENGINE = "engine"
LEASE = 1e9


@dataclass(frozen=True, slots=True)
class Request:
    """A request at a `moment` in seconds, for a number of `images`."""

    moment: float
    member: int
    images: int = 1

    @property
    def seconds(self) -> float:
        return SECONDS * self.images


@dataclass(frozen=True, slots=True)
class Flood:
    """Simultaneous requests of several members in turn."""

    requests: int
    members: int
    images: int = 1

    def with_one_request(self) -> list[Request]:
        """The flood, and the watched member's request half an image's time later."""
        flood = [
            Request(0.0, 1 + number % self.members, self.images) for number in range(self.requests)
        ]
        return [*flood, Request(SECONDS / 2, WATCHED)]


FLOODS = (
    Flood(0, 1),
    Flood(10, 1),
    Flood(100, 1),
    Flood(1000, 1),
    Flood(10, 10),
    Flood(100, 10),
    Flood(1000, 10),
    Flood(100, 1, images=4),
)


@dataclass(frozen=True, slots=True)
class Rendered:
    """A rendered request, with the start and the end of its rendering."""

    request: Request
    start: float
    end: float


class Queue(Protocol):
    """A queue of requests."""

    async def add(self, request: Request) -> None: ...

    async def take(self) -> Request | None: ...


class FirstComeFirstServed:
    """A queue without fairness, for comparison."""

    def __init__(self) -> None:
        self._waiting: deque[Request] = deque()

    async def add(self, request: Request) -> None:
        self._waiting.append(request)

    async def take(self) -> Request | None:
        return self._waiting.popleft() if self._waiting else None


class ProductQueue:
    """The product's queue. A request counts as finished when the next one is taken."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._requests: dict[int, Request] = {}
        self._taken: int | None = None

    async def add(self, request: Request) -> None:
        recipe = Recipe.make("a circle", width=64, height=64, steps=50, count=request.images)
        job = await Jobs(self._database).insert(
            NewJob(
                recipe=recipe,
                guild_id=1,
                channel_id=1,
                message_id=None,
                member_id=request.member,
                member_name=f"member {request.member}",
            )
        )
        self._requests[job.id] = request

    async def take(self) -> Request | None:
        if self._taken is not None:
            await Claims(self._database).finish(self._taken, ENGINE, State.DONE)
        job = await Claims(self._database).claim(ENGINE, LEASE)
        self._taken = job.id if job else None
        return self._requests[job.id] if job else None


def main() -> None:
    argparse.ArgumentParser(prog="python -m bench.load.fairness", description=__doc__).parse_args()
    print(asyncio.run(report(FLOODS)))


async def report(floods: Iterable[Flood]) -> str:
    """One row per flood, as Markdown."""
    head: tuple[str, ...] = ("requests of others", "by members", "wait, ours, s", "wait, plain, s")
    head += ("index, ours", "index, plain")
    rows = []
    for flood in floods:
        requests = flood.with_one_request()
        ours, plain = (
            await render_with_product_queue(requests),
            await render(FirstComeFirstServed(), requests),
        )
        requested = f"{flood.requests:,}" + (f" × {flood.images}" if flood.images > 1 else "")
        members = flood.members if flood.requests else 0
        waits = (f"{waiting_time(side):,.0f}" for side in (ours, plain))
        indices = (f"{fairness_index(side):.2f}" for side in (ours, plain))
        rows.append((requested, members, *waits, *indices))
    return table(head, rows, text_columns=0)


async def render_with_product_queue(requests: Sequence[Request]) -> list[Rendered]:
    """Runs all requests through the product's queue, with a temporary database."""
    with tempfile.TemporaryDirectory(prefix="fairness-") as folder:
        async with Database.open(Path(folder) / "imagine.db") as database:
            return await render(ProductQueue(database), requests)


async def render(queue: Queue, requests: Sequence[Request]) -> list[Rendered]:
    """Simulates the engine; each request arrives at its moment."""
    arriving = deque(sorted(requests, key=lambda request: request.moment))
    rendered: list[Rendered] = []
    now = 0.0
    while len(rendered) < len(requests):
        while arriving and arriving[0].moment <= now:
            await queue.add(arriving.popleft())
        request = await queue.take()
        if request is None:
            now = arriving[0].moment
            continue
        rendered.append(Rendered(request, now, now + request.seconds))
        now += request.seconds
    return rendered


def waiting_time(rendered: Iterable[Rendered]) -> float:
    """The seconds that the watched member's request waited."""
    return next(
        each.start - each.request.moment for each in rendered if each.request.member == WATCHED
    )


def fairness_index(rendered: Sequence[Rendered]) -> float:
    """Jain's fairness index over members, from 1 / members (one has everything) to 1 (all equal).

    Source: Jain, Chiu and Hawe, "A quantitative measure of fairness" (1984). A member's share is
    the time in which all their requests would be done if the engine were shared evenly at every
    moment, divided by the actual time, and at most 1.
    """
    ideal = shared_evenly([each.request for each in rendered])
    arrived: dict[int, float] = {}
    ended: dict[int, float] = {}
    for each in rendered:
        member = each.request.member
        arrived[member] = min(arrived.get(member, each.request.moment), each.request.moment)
        ended[member] = max(ended.get(member, 0.0), each.end)
    shares = [
        min(1.0, (ideal[who] - start) / (ended[who] - start)) for who, start in arrived.items()
    ]
    return sum(shares) ** 2 / (len(shares) * sum(share**2 for share in shares))


def shared_evenly(requests: Iterable[Request]) -> dict[int, float]:
    """When each member's requests would end if all active members got equal shares at any time."""
    arriving = deque(sorted(requests, key=lambda request: request.moment))
    left: dict[int, float] = {}
    ended: dict[int, float] = {}
    now = 0.0
    while arriving or left:
        while arriving and arriving[0].moment <= now:
            request = arriving.popleft()
            left[request.member] = left.get(request.member, 0.0) + request.seconds
        until = arriving[0].moment if arriving else float("inf")
        if left:
            until = min(until, now + min(left.values()) * len(left))
        each = (until - now) / max(len(left), 1)
        ended |= {member: until for member, seconds in left.items() if seconds - each < 1e-9}
        left = {member: seconds - each for member, seconds in left.items() if member not in ended}
        now = until
    return ended


if __name__ == "__main__":
    main()
