"""Checks whether someone who acts in direct messages is still a member of the job's server.

Direct messages keep their buttons after a member has left a server or was banned from it, so the
bot asks Discord before it queues anything for that server.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import aiohttp
import discord

from bot.decisions import YES, Decision, Reason, refuse

CACHE_SECONDS = 60.0
CACHED_MEMBERS = 1_000
TIMEOUT = 5.0  #: seconds


@dataclass(frozen=True, slots=True)
class Membership:
    """What Discord says about a member: whether they may act, and with which roles."""

    decision: Decision
    roles: tuple[int, ...] = ()


class MemberApi(Protocol):
    """The part of `discord.http.HTTPClient` that is needed here."""

    async def get_member(self, guild_id: int, member_id: int, /) -> Any:
        """The member object of Discord's API. Raises discord.HTTPException."""
        ...


class Memberships:
    """Memberships from Discord, cached for a minute."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._cache: OrderedDict[tuple[int, int], tuple[float, Membership]] = OrderedDict()

    async def get(self, api: MemberApi, guild_id: int, member_id: int) -> Membership:
        """The membership. If it can't be checked, it is refused and not cached."""
        key = guild_id, member_id
        found = self._cache.get(key)
        if found and self._clock() - found[0] < CACHE_SECONDS:
            return found[1]
        try:
            async with asyncio.timeout(TIMEOUT):
                membership = _parse(await api.get_member(guild_id, member_id))
        except discord.NotFound:  # no such member or server, or the bot is no longer in it
            membership = Membership(refuse(Reason.NOT_A_MEMBER))
        except (discord.HTTPException, aiohttp.ClientError, OSError, TimeoutError):
            return Membership(refuse(Reason.MEMBERSHIP_UNKNOWN))
        self._cache[key] = self._clock(), membership
        self._cache.move_to_end(key)
        if len(self._cache) > CACHED_MEMBERS:
            self._cache.popitem(last=False)
        return membership


def _parse(member: Any) -> Membership:
    roles = tuple(int(role) for role in member["roles"])
    until = member.get("communication_disabled_until")
    if until and datetime.fromisoformat(until) > datetime.now(UTC):
        return Membership(refuse(Reason.TIMED_OUT), roles)
    return Membership(YES, roles)
