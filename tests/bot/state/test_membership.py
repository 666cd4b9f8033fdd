"""In direct messages, a member can act in a server only while they are a member of it."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import aiohttp
import discord
import pytest

from bot.decisions import Reason
from bot.state.membership import CACHE_SECONDS, Memberships

GUILD, ADA = 10, 2


class Api:
    """Answers with one member object, or raises."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.calls = 0

    async def get_member(self, guild_id: int, member_id: int, /) -> Any:
        self.calls += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def error(kind: type[discord.HTTPException], status: int) -> discord.HTTPException:
    response: Any = SimpleNamespace(status=status, reason="")
    return kind(response, {"code": 0, "message": ""})


async def test_a_member_may_act_with_their_roles_and_is_fetched_once_a_minute() -> None:
    now = [0.0]
    memberships, api = Memberships(lambda: now[0]), Api({"roles": ["7", "8"]})
    for _ in range(2):
        membership = await memberships.get(api, GUILD, ADA)
        assert membership.decision
        assert membership.roles == (7, 8)
    assert api.calls == 1
    now[0] = CACHE_SECONDS
    api.answer = error(discord.NotFound, 404)
    assert (await memberships.get(api, GUILD, ADA)).decision.reason is Reason.NOT_A_MEMBER


@pytest.mark.parametrize(
    "failure",
    [
        error(discord.Forbidden, 403),
        error(discord.DiscordServerError, 503),
        aiohttp.ClientConnectionError(),
        TimeoutError(),
    ],
    ids=lambda failure: type(failure).__name__,
)
async def test_without_an_answer_nothing_is_allowed_or_cached(
    failure: Exception,
) -> None:
    memberships, api = Memberships(), Api(failure)
    assert (await memberships.get(api, GUILD, ADA)).decision.reason is Reason.MEMBERSHIP_UNKNOWN
    api.answer = {"roles": []}
    assert (await memberships.get(api, GUILD, ADA)).decision


async def test_a_timeout_in_the_server_applies_in_direct_messages() -> None:
    until = datetime.now(UTC) + timedelta(minutes=5)
    member = {"roles": [], "communication_disabled_until": until.isoformat()}
    membership = await Memberships().get(Api(member), GUILD, ADA)
    assert membership.decision.reason is Reason.TIMED_OUT
    expired = Api(member | {"communication_disabled_until": "2020-01-01T00:00:00+00:00"})
    assert (await Memberships().get(expired, GUILD, ADA)).decision
