"""Injected faults, and how the real discord.py handles them."""

import asyncio
import io

import aiohttp
import discord
import pytest

from sandbox import Sandbox
from tests.sandbox.conftest import Bot, with_timeout

SEND = "POST /channels/{channel_id}/messages"
EDIT = "PATCH /channels/{channel_id}/messages/{message_id}"


async def test_discord_py_does_not_retry_after_503(local: Sandbox, engine: Bot) -> None:
    local.faults.fail(SEND, 503)
    with pytest.raises(discord.DiscordServerError):
        await engine.channel().send("lost")
    assert local.channel.messages == {}
    await engine.channel().send("and then it works")


@pytest.mark.slow
async def test_discord_py_retries_when_an_applied_request_fails_with_500(
    local: Sandbox, engine: Bot
) -> None:
    local.faults.fail(SEND, 500, applied=True)
    sent = await engine.channel().send("once")  # discord.py adds a nonce, so there is no second
    assert list(local.channel.messages) == [sent.id]
    local.faults.fail(EDIT, 500, applied=True)
    await sent.edit(content="edited twice")
    assert local.channel.messages[sent.id].edits == 2


@pytest.mark.parametrize("applied", [False, True])
async def test_a_connection_reset_is_raised_to_the_caller(
    local: Sandbox, engine: Bot, applied: bool
) -> None:
    message = await engine.channel().send("before")
    local.faults.reset(EDIT, applied=applied)
    with pytest.raises((ConnectionResetError, aiohttp.ClientConnectionError)):
        await message.edit(content="after")
    assert (await message.fetch()).content == ("after" if applied else "before")
    assert [each.status for each in local.requests if each.name == EDIT] == [None]


async def test_cleared_faults_no_longer_occur(local: Sandbox, engine: Bot) -> None:
    local.faults.fail(SEND, 503, times=100)
    local.faults.clear()
    await engine.channel().send("peace")


async def test_a_long_rate_limit_is_raised_to_the_caller(local: Sandbox, engine: Bot) -> None:
    local.faults.limit(SEND, 45.0)
    with pytest.raises(discord.RateLimited) as limited:  # this client waits 30 s at most
        await engine.channel().send("later")
    assert limited.value.retry_after == 45.0
    await engine.channel().send("and then it works")


async def test_discord_py_waits_for_a_short_rate_limit(local: Sandbox, engine: Bot) -> None:
    local.faults.limit(SEND, 0.2)
    await engine.channel().send("a little later")
    assert [each.status for each in local.requests if each.name == SEND] == [429, 200]


async def test_an_upload_that_is_cut_off_midway_leaves_no_message(
    local: Sandbox, engine: Bot
) -> None:
    local.faults.cut(SEND)
    upload = discord.File(io.BytesIO(bytes(1 << 22)), "large.png")
    with pytest.raises((ConnectionError, aiohttp.ClientError)):
        await engine.channel().send(file=upload)
    assert local.channel.messages == {}
    (request,) = [each for each in local.requests if each.name == SEND]
    assert (request.status, request.files) == (None, ())


async def test_renewing_the_token_ends_the_session_and_invalidates_the_old_token(
    local: Sandbox, bot: Bot, engine: Bot
) -> None:
    await bot.login(local.token)
    connecting = asyncio.create_task(bot.connect())
    await with_timeout(bot.wait_until_ready())
    old = local.token
    assert await local.renew_token() == local.token != old
    with pytest.raises(discord.ConnectionClosed) as closed:
        await with_timeout(connecting)
    assert closed.value.code == 4004
    with pytest.raises(discord.HTTPException) as refused:
        await engine.channel().send("with the old one")
    assert refused.value.status == 401
    async with discord.Client(intents=discord.Intents.none()) as renewed:
        await renewed.login(local.token)


async def test_deleting_a_guild_deletes_its_channels(local: Sandbox, bot: Bot) -> None:
    others = local.world.add_guild("Others", local.world.application.owner)
    channel = local.world.add_channel(others, "theirs")
    await bot.go_online()
    removed = asyncio.create_task(bot.wait_for("guild_remove"))
    await asyncio.sleep(0)
    local.world.delete_guild(others)
    assert (await with_timeout(removed)).id == others.id
    with pytest.raises(discord.NotFound) as gone:
        await bot.get_partial_messageable(channel.id).send("nowhere")
    assert gone.value.code == 10003
    assert [guild.id for guild in bot.guilds] == [local.guild.id]
