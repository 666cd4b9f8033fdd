"""How the bot comes back to the gateway: soon, and never so often that Discord resets its token."""

import asyncio
from typing import TYPE_CHECKING, Literal

import discord.client
import structlog
from discord.backoff import ExponentialBackoff

if TYPE_CHECKING:
    from discord.types.gateway import SessionStartLimit

log = structlog.stdlib.get_logger(__name__)

LONGEST_PAUSE = 30.0
"""Seconds at most between two tries to reach a gateway that is away."""

SPARE_SESSIONS = 20
"""Of the 1,000 sessions that Discord lets a bot start in a day, so many are left untouched: when
they are used up, Discord resets the token."""


class Backoff(ExponentialBackoff[Literal[False]]):
    """The pauses between the tries: longer and longer, as discord.py has them, but not without end.

    discord.py alone would sit out up to 17 minutes after an outage is over.
    """

    def delay(self) -> float:
        """Seconds until the next try."""
        return min(super().delay(), LONGEST_PAUSE)


# It takes the class from there and nowhere else.
discord.client.ExponentialBackoff = Backoff  # type: ignore[attr-defined, assignment]


async def wait_for_a_session(limit: "SessionStartLimit") -> None:
    """Waits for Discord's new day if too many sessions were started in this one."""
    if limit["remaining"] < SPARE_SESSIONS:
        seconds = limit["reset_after"] / 1000
        log.error("started too often today: waiting for a new day of Discord's", seconds=seconds)
        await asyncio.sleep(seconds)
