"""How the bot reconnects to the gateway: quickly, but within Discord's daily session limit."""

import asyncio
from typing import TYPE_CHECKING, Literal

import discord.client
import structlog
from discord.backoff import ExponentialBackoff

if TYPE_CHECKING:
    from discord.types.gateway import SessionStartLimit

log = structlog.stdlib.get_logger(__name__)

MAX_DELAY_SECONDS = 30.0
"""The longest delay between two attempts to connect."""

SPARE_SESSIONS = 20
"""How many of the 1,000 sessions that Discord allows a bot each day are kept in reserve.

When all are used up, Discord resets the token.
"""


class Backoff(ExponentialBackoff[Literal[False]]):
    """Exponential backoff as in discord.py, but with an upper limit.

    discord.py alone would wait up to 17 minutes after the end of an outage.
    """

    def delay(self) -> float:
        """Seconds until the next attempt."""
        return min(super().delay(), MAX_DELAY_SECONDS)


# discord.py offers no other way to replace the class.
discord.client.ExponentialBackoff = Backoff  # type: ignore[attr-defined, assignment]


async def wait_for_session(limit: "SessionStartLimit") -> None:
    """Waits until Discord resets the daily limit if few sessions are left."""
    if limit["remaining"] < SPARE_SESSIONS:
        seconds = limit["reset_after"] / 1000
        log.error(
            "too many sessions today: waiting for Discord to reset the limit", seconds=seconds
        )
        await asyncio.sleep(seconds)
