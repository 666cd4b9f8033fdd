"""Time in the sandbox, and the ids that are derived from it."""

import asyncio
import time
from datetime import UTC, datetime

from sandbox.discord.signals import Signal

DISCORD_EPOCH = 1_420_070_400_000
"""Milliseconds from the Unix epoch to the first second of 2015."""


class Clock:
    """The time of day. A test can move it forward, but not back."""

    def __init__(self) -> None:
        self._ahead = 0.0
        self._pushed = Signal()

    def now(self) -> float:
        """Seconds since the Unix epoch."""
        return time.time() + self._ahead

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass at once, and wake everything that waited for that time."""
        if seconds < 0:
            raise ValueError("The clock cannot go back.")
        self._ahead += seconds
        self._pushed.notify()

    async def sleep_until(self, moment: float) -> None:
        """Wait until the clock shows `moment` (Unix seconds)."""
        while (left := moment - self.now()) > 0:
            try:
                async with asyncio.timeout(left):
                    await self._pushed.wait()
            except TimeoutError:
                continue


class Snowflakes:
    """Discord's ids: 42 bits of milliseconds, then a counter; unique and increasing."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 0

    def new(self) -> int:
        """The next id."""
        fresh = (int(self._clock.now() * 1000) - DISCORD_EPOCH) << 22
        self._last = max(fresh, self._last + 1)
        return self._last


def parse_snowflake(text: str) -> int | None:
    """An id as Discord writes it, in at most 20 ASCII digits; None for any other text."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 20 else None


def moment_of(snowflake: int) -> float:
    """When an id was created, in Unix seconds."""
    return ((snowflake >> 22) + DISCORD_EPOCH) / 1000


def timestamp(moment: float) -> str:
    """A time as Discord writes it (ISO 8601, UTC)."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="microseconds")
