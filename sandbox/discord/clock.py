"""Time in the sandbox, and the ids that are made of it."""

import asyncio
import time
from datetime import UTC, datetime

from sandbox.discord.signals import Signal

DISCORD_EPOCH = 1_420_070_400_000
"""Milliseconds from the Unix epoch to the first second of 2015."""


class Clock:
    """The time of day, which a test may push forward but never back."""

    def __init__(self) -> None:
        self._ahead = 0.0
        self._pushed = Signal()

    def now(self) -> float:
        """Seconds since the Unix epoch."""
        return time.time() + self._ahead

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass at once, and wake everyone who waited for a moment in between."""
        if seconds < 0:
            raise ValueError("The clock only goes forward.")
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
    """Discord's ids: 42 bits of milliseconds, then a counter; unique and growing."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 0

    def new(self) -> int:
        """The next id."""
        fresh = (int(self._clock.now() * 1000) - DISCORD_EPOCH) << 22
        self._last = max(fresh, self._last + 1)
        return self._last


def moment_of(snowflake: int) -> float:
    """When an id was made, in Unix seconds."""
    return ((snowflake >> 22) + DISCORD_EPOCH) / 1000


def timestamp(moment: float) -> str:
    """A moment as Discord writes it (ISO 8601, UTC)."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="microseconds")
