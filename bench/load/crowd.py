"""Creates databases with any number of waiting jobs, like those that the product leaves.

Rows are written in bulk, but each has the turn that `core.fair_queue` gives it. For every four
waiting jobs, one has finished. The sizes of servers follow Zipf's law (the n-th has 1/n of the
members of the first), and the third largest is paused, so its jobs stay at the head of the queue.
"""

import heapq
import itertools
import random
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.database.connection import Database
from core.fair_queue import claim_order, start_time
from core.recipe import Recipe

GUILDS = 100
PAUSED = 3
"""The guild that is paused; guilds are numbered from 1, by size."""
MAX_WAITING = 5
"""The maximum number of waiting jobs per member, as in the bot."""
WAITING_PER_FINISHED = 4
"""Waiting jobs for each finished one."""
SECONDS = 3.0
"""Seconds between two requests."""
RECIPES = 64

INSERT = (
    "INSERT INTO jobs (id, recipe, guild_id, channel_id, message_id, member_id, member_name, state,"
    " priority, turn, attempts, step, created_at, started_at, finished_at, posted, pictures, work,"
    " engine, most_running) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


@dataclass(slots=True)
class Crowd:
    """Simulated members, and the queue once `waiting` of their jobs wait."""

    waiting: int
    now: float
    """Seconds since 1970 at the last request."""
    rng: random.Random = field(default_factory=lambda: random.Random(7))
    virtual: Counter[int] = field(default_factory=Counter)
    ends: dict[tuple[int, int], int] = field(default_factory=dict)
    waiting_of: Counter[int] = field(default_factory=Counter)
    """Waiting jobs by member."""
    rows: dict[int, list[Any]] = field(default_factory=dict)

    def make_requests(self) -> None:
        """Makes requests until enough jobs wait; after every fifth, one job finishes."""
        recipes = [_recipe(self.rng, number) for number in range(RECIPES)]
        guilds = list(range(1, GUILDS + 1))
        sizes = list(itertools.accumulate(1 / guild for guild in guilds))
        members = max(10, self.waiting // 3)
        guild_of = self.rng.choices(guilds, cum_weights=sizes, k=members)
        ready: list[tuple[tuple[int, int, int], int]] = []
        start = self.now - SECONDS * self.waiting * (1 + 1 / WAITING_PER_FINISHED)
        waiting = 0
        for number in itertools.count(1):
            if waiting == self.waiting:
                return
            member = self._next_member(members)
            time = start + SECONDS * number
            recipe = self.rng.choice(recipes)
            row = self._arrive(number, 1 + member, guild_of[member], recipe, time)
            self.rows[number] = row
            waiting += 1
            if guild_of[member] != PAUSED:
                heapq.heappush(ready, (claim_order(row[8], row[9], number), number))
            if number % (WAITING_PER_FINISHED + 1) == 0 and ready:
                self._finish(heapq.heappop(ready)[1], time)
                waiting -= 1

    def _next_member(self, members: int) -> int:
        while True:
            member = self.rng.randrange(members)
            if self.waiting_of[1 + member] < MAX_WAITING:
                return member

    def _arrive(
        self, number: int, member: int, guild: int, recipe: tuple[str, int, int], time: float
    ) -> list[Any]:
        text, images, work = recipe
        priority = int(self.rng.random() < 0.01)
        turn = start_time(self.virtual[priority], self.ends.get((member, priority)))
        self.ends[member, priority] = turn + images
        self.waiting_of[member] += 1
        channel = guild * 1000 + member % 10
        most_running = 2 if guild % 10 == 0 else None
        return [
            *(number, text, guild, channel, number, member, f"member {member}", "queued"),
            *(priority, turn, 0, 0, time, None, None, 0, images, work, None, most_running),
        ]

    def _finish(self, number: int, time: float) -> None:
        row = self.rows[number]
        self.virtual[row[8]] = max(self.virtual[row[8]], row[9])
        self.waiting_of[row[5]] -= 1
        row[7], row[10], row[13], row[14], row[15], row[18] = "done", 1, time, time + 9, 1, "e"


def _recipe(rng: random.Random, number: int) -> tuple[str, int, int]:
    """A recipe as JSON, with its number of images and its work."""
    colours = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "brown")
    text = f"a {colours[number % 8]} {rng.choice(('circle', 'star', 'heart', 'ring'))}"
    count = rng.choices((1, 2, 4), (8, 1, 1))[0]
    recipe = Recipe.make(
        text, "watermark", width=64, height=64, steps=100, seed=number, count=count
    )
    return recipe.model_dump_json(), recipe.count, recipe.work


async def fill(path: Path, waiting: int, now: float) -> None:
    """Creates a database with this many waiting jobs."""
    async with Database.open(path):
        pass
    crowd = Crowd(waiting, now)
    crowd.make_requests()
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA synchronous = OFF")
        db.execute("PRAGMA cache_size = -1000000")  # KiB; (nearly) all of it
        db.execute("BEGIN")
        db.executemany(INSERT, crowd.rows.values())
        db.executemany("INSERT INTO virtual_time VALUES (?, ?)", crowd.virtual.items())
        db.execute(
            "INSERT INTO guilds (guild_id, paused_at, paused_by) VALUES (?, ?, 1)", (PAUSED, now)
        )
        db.execute("COMMIT")
        db.execute("PRAGMA optimize")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
