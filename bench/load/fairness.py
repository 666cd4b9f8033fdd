"""`python -m bench.load.fairness`: how long a member with one wish waits beside floods of wishes.

The queue is the real one (`core.database.jobs`), the engine is simulated: it paints one job after
the other, each picture in the same time. Beside it, in the same run, stands a plain queue: first
come, first served. Times are the simulation's own, so every machine prints the same table.
"""

import argparse
import asyncio
import tempfile
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from core.database.jobs import Store
from core.job import State
from core.recipe import Recipe

SECONDS = 10.0
"""What one picture takes."""

WATCHED = 0
"""The member with one wish; the others flood the queue."""

ENGINE = "engine"
LEASE = 1e9


@dataclass(frozen=True, slots=True)
class Wish:
    """What a member asks for, and when."""

    moment: float
    member: int
    pictures: int = 1

    @property
    def seconds(self) -> float:
        return SECONDS * self.pictures


@dataclass(frozen=True, slots=True)
class Flood:
    """So many wishes of so many pictures, in turn by several members, all at once."""

    wishes: int
    members: int
    pictures: int = 1

    def with_one_wish(self) -> list[Wish]:
        """The flood, and half a picture later the one wish of the member who is watched."""
        flood = [
            Wish(0.0, 1 + number % self.members, self.pictures) for number in range(self.wishes)
        ]
        return [*flood, Wish(SECONDS / 2, WATCHED)]


FLOODS = (
    Flood(0, 1),
    Flood(10, 1),
    Flood(100, 1),
    Flood(1000, 1),
    Flood(10, 10),
    Flood(100, 10),
    Flood(1000, 10),
    Flood(100, 1, pictures=4),
)


@dataclass(frozen=True, slots=True)
class Painted:
    """A wish that came true, and when its painting began and ended."""

    wish: Wish
    began: float
    ended: float


class Queue(Protocol):
    """What takes wishes and says whose is next."""

    async def ask(self, wish: Wish) -> None: ...

    async def take(self) -> Wish | None: ...


class FirstComeFirstServed:
    """The plain queue."""

    def __init__(self) -> None:
        self._waiting: deque[Wish] = deque()

    async def ask(self, wish: Wish) -> None:
        self._waiting.append(wish)

    async def take(self) -> Wish | None:
        return self._waiting.popleft() if self._waiting else None


class Ours:
    """The product's own queue. What is taken counts as painted when the next one is."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._wishes: dict[int, Wish] = {}
        self._taken: int | None = None

    async def ask(self, wish: Wish) -> None:
        recipe = Recipe.make("a circle", width=64, height=64, steps=50, count=wish.pictures)
        job = await self._store.add(
            recipe,
            guild_id=1,
            channel_id=1,
            message_id=None,
            member_id=wish.member,
            member_name=f"member {wish.member}",
        )
        self._wishes[job.id] = wish

    async def take(self) -> Wish | None:
        if self._taken is not None:
            await self._store.finish(self._taken, ENGINE, State.DONE)
        job = await self._store.claim(ENGINE, LEASE)
        self._taken = job.id if job else None
        return self._wishes[job.id] if job else None


def main() -> None:
    argparse.ArgumentParser(prog="python -m bench.load.fairness", description=__doc__).parse_args()
    print(asyncio.run(table(FLOODS)))


async def table(floods: Iterable[Flood]) -> str:
    """One line for each flood, as Markdown."""
    lines = [
        "| wishes of others | of so many | wait, ours, s | wait, plain, s"
        " | index, ours | index, plain |",
        "| ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for flood in floods:
        wishes = flood.with_one_wish()
        ours, plain = await painted_by_ours(wishes), await paint(FirstComeFirstServed(), wishes)
        asked = f"{flood.wishes:,}" + (f" × {flood.pictures}" if flood.pictures > 1 else "")
        members = flood.members if flood.wishes else 0
        lines.append(
            f"| {asked} | {members} | {wait(ours):,.0f} | {wait(plain):,.0f}"
            f" | {index(ours):.2f} | {index(plain):.2f} |"
        )
    return "\n".join(lines)


async def painted_by_ours(wishes: Sequence[Wish]) -> list[Painted]:
    """All wishes through the product's queue, in a database of their own."""
    with tempfile.TemporaryDirectory(prefix="fairness-") as folder:
        async with Store.open(Path(folder) / "imagine.db") as store:
            return await paint(Ours(store), wishes)


async def paint(queue: Queue, wishes: Sequence[Wish]) -> list[Painted]:
    """Let the engine paint all wishes, each asked at its moment."""
    coming = deque(sorted(wishes, key=lambda wish: wish.moment))
    painted: list[Painted] = []
    now = 0.0
    while len(painted) < len(wishes):
        while coming and coming[0].moment <= now:
            await queue.ask(coming.popleft())
        wish = await queue.take()
        if wish is None:
            now = coming[0].moment
            continue
        painted.append(Painted(wish, now, now + wish.seconds))
        now += wish.seconds
    return painted


def wait(painted: Iterable[Painted]) -> float:
    """Seconds from the wish of the member who is watched until its painting began."""
    return next(each.began - each.wish.moment for each in painted if each.wish.member == WATCHED)


def index(painted: Sequence[Painted]) -> float:
    """The fairness index over members, from 1 / members (one has it all) to 1 (all fare equally).

    After Jain, Chiu and Hawe, "A quantitative measure of fairness" (1984): of what each member
    gets, divided by what would be fair. That is here the time in which all their wishes would be
    painted if the engine were shared evenly at every moment, over the time that it took; whoever
    had everything sooner than that has their due, 1.
    """
    ideal = shared_evenly([each.wish for each in painted])
    asked: dict[int, float] = {}
    ended: dict[int, float] = {}
    for each in painted:
        member = each.wish.member
        asked[member] = min(asked.get(member, each.wish.moment), each.wish.moment)
        ended[member] = max(ended.get(member, 0.0), each.ended)
    shares = [min(1.0, (ideal[who] - asked[who]) / (ended[who] - asked[who])) for who in asked]
    return sum(shares) ** 2 / (len(shares) * sum(share**2 for share in shares))


def shared_evenly(wishes: Iterable[Wish]) -> dict[int, float]:
    """When each member would have all, if all who still want something got the same at a time."""
    coming = deque(sorted(wishes, key=lambda wish: wish.moment))
    left: dict[int, float] = {}
    ended: dict[int, float] = {}
    now = 0.0
    while coming or left:
        while coming and coming[0].moment <= now:
            wish = coming.popleft()
            left[wish.member] = left.get(wish.member, 0.0) + wish.seconds
        until = coming[0].moment if coming else float("inf")
        if left:
            until = min(until, now + min(left.values()) * len(left))
        each = (until - now) / max(len(left), 1)
        ended |= {member: until for member, seconds in left.items() if seconds - each < 1e-9}
        left = {member: seconds - each for member, seconds in left.items() if member not in ended}
        now = until
    return ended


if __name__ == "__main__":
    main()
