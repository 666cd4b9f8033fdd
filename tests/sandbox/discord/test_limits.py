"""Rate limits, and how the real discord.py handles them."""

import asyncio
import logging

import aiohttp
import discord
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox import Member, Sandbox
from sandbox.discord import limits
from sandbox.discord.clock import Clock, Snowflakes, moment_of
from sandbox.discord.limits import Limits
from sandbox.discord.permissions import EVERYTHING, Permission, resolve
from tests.sandbox.conftest import Bot

EDIT = "/channels/{channel_id}/messages/{message_id}"


async def test_discord_py_waits_for_its_bucket(
    local: Sandbox, engine: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(limits._RULES, ("PATCH", EDIT), (5, 0.5))
    message = await engine.channel().send("0")
    for number in range(1, 7):
        await message.edit(content=str(number))
    edits = [each for each in local.requests if each.route == EDIT]
    assert [each.status for each in edits] == [200] * 6
    # The client delayed the sixth until the window of the first five had passed.
    assert edits[5].moment - edits[0].moment > 0.49


@pytest.mark.slow
async def test_a_second_process_gets_429_and_succeeds_after_waiting(
    local: Sandbox, engine: Bot, ada: Member, caplog: pytest.LogCaptureFixture
) -> None:
    other = Bot(local)
    await other.login(local.token)
    message = await engine.channel().send("0")
    same = other.channel().get_partial_message(message.id)
    for number in range(4):
        await message.edit(content=str(number))
    # The fifth exhausts the bucket, so its client waits until the window has passed.
    waiting = asyncio.create_task(message.edit(content="4"))
    await ada.wait_for(lambda seen: seen.content == "4")
    with caplog.at_level(logging.WARNING, "discord.http"):
        await same.edit(content="from the other process")
    await waiting
    await other.close()
    assert "We are being rate limited" in caplog.text
    refused = next(each for each in local.requests if each.status == 429)
    assert refused.response["global"] is False
    assert refused.response["retry_after"] > 0
    assert local.limits.refused == 1
    assert (await message.fetch()).content == "from the other process"


async def test_the_global_limit_is_fifty_requests_per_second(local: Sandbox) -> None:
    verdicts = [local.limits.take("GET", "/users/{user_id}", str(user)) for user in range(49)]
    assert all(verdict.retry_after is None for verdict in verdicts)
    headers = {"Authorization": f"Bot {local.token}"}
    async with aiohttp.ClientSession(local.api_url + "/", headers=headers) as session:
        async with session.get("users/@me") as last:
            assert last.headers["X-RateLimit-Limit"] == "50"
        async with session.get("gateway/bot") as refused:
            assert (await refused.json())["global"] is True
    assert (last.status, refused.status) == (200, 429)
    assert refused.headers["X-RateLimit-Global"] == "true"
    assert refused.headers["X-RateLimit-Scope"] == "global"
    assert refused.headers["Via"]


async def test_interaction_callbacks_are_not_counted() -> None:
    limits = Limits(Clock())
    route = "/interactions/{interaction_id}/{interaction_token}/callback"
    assert all(limits.take("POST", route, "").retry_after is None for _ in range(200))
    follow_up = "/webhooks/{webhook_id}/{webhook_token}"
    assert all(limits.take("POST", follow_up, str(n)).retry_after is None for n in range(200))


@settings(deadline=None)
@given(st.lists(st.floats(min_value=0, max_value=2), max_size=60))
async def test_no_window_lets_more_through_than_its_limit(pauses: list[float]) -> None:
    clock = Clock()
    limits = Limits(clock)
    passed: list[float] = []
    for pause in pauses:
        clock.advance(pause)
        verdict = limits.take("PATCH", EDIT, "1")
        if verdict.retry_after is None:
            passed.append(clock.now())
        else:
            assert 0 < verdict.retry_after <= 5.1
    # Windows are fixed: two adjacent ones let at most ten through together.
    for start in passed:
        assert sum(start <= each < start + 5 for each in passed) <= 10


@settings(deadline=None)
@given(st.lists(st.floats(min_value=0, max_value=1), min_size=1, max_size=200))
async def test_ids_are_unique_and_in_order_of_time(pauses: list[float]) -> None:
    clock = Clock()
    ids = Snowflakes(clock)
    created = []
    for pause in pauses:
        clock.advance(pause)
        created.append(ids.new())
        assert abs(moment_of(created[-1]) - clock.now()) < 0.1
    assert created == sorted(set(created))


bits = st.integers(min_value=0, max_value=int(EVERYTHING))


@settings(deadline=None)
@given(bits, st.lists(st.tuples(bits, bits), max_size=3))
def test_permissions_follow_discords_rules(base: int, overwrites: list[tuple[int, int]]) -> None:
    may = resolve(base, overwrites)
    if base & Permission.ADMINISTRATOR:
        assert may == EVERYTHING
    elif may:
        assert Permission.VIEW_CHANNEL in may
        if overwrites:
            allow, deny = overwrites[-1]
            assert may & allow == allow
            assert not may & deny & ~allow
        else:
            assert may == base


def test_snowflakes_mean_the_same_moment_as_in_discord_py() -> None:
    moment = moment_of(175928847299117063)
    assert moment == discord.utils.snowflake_time(175928847299117063).timestamp()
