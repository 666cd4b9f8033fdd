"""Troubles on order: what the real discord.py makes of them."""

import asyncio
import io

import aiohttp
import discord
import pytest

from sandbox import Sandbox
from tests.sandbox.conftest import Bot, soon

SEND = "POST /channels/{channel_id}/messages"
EDIT = "PATCH /channels/{channel_id}/messages/{message_id}"


async def test_an_unavailable_discord_is_not_asked_again(local: Sandbox, engine: Bot) -> None:
    local.faults.fail(SEND, 503)
    with pytest.raises(discord.DiscordServerError):
        await engine.place().send("lost")
    assert local.channel.messages == {}
    await engine.place().send("and then it works")


async def test_an_answer_lost_after_its_effect_makes_discord_py_act_again(
    local: Sandbox, engine: Bot
) -> None:
    local.faults.fail(SEND, 500, applied=True)
    sent = await engine.place().send("once")  # the nonce, which discord.py adds, prevents a second
    assert list(local.channel.messages) == [sent.id]
    local.faults.fail(EDIT, 500, applied=True)
    await sent.edit(content="edited twice")
    assert local.channel.messages[sent.id].edits == 2


@pytest.mark.parametrize("applied", [False, True])
async def test_a_reset_connection_reaches_the_caller(
    local: Sandbox, engine: Bot, applied: bool
) -> None:
    message = await engine.place().send("before")
    local.faults.reset(EDIT, applied=applied)
    with pytest.raises((ConnectionResetError, aiohttp.ClientConnectionError)):
        await message.edit(content="after")
    assert (await message.fetch()).content == ("after" if applied else "before")
    assert [each.status for each in local.requests if each.name == EDIT] == [None]


async def test_troubles_end(local: Sandbox, engine: Bot) -> None:
    local.faults.fail(SEND, 503, times=100)
    local.faults.clear()
    await engine.place().send("peace")


async def test_a_long_rate_limit_is_told_to_the_caller(local: Sandbox, engine: Bot) -> None:
    local.faults.limit(SEND, 45.0)
    with pytest.raises(discord.RateLimited) as limited:  # the engine waits 30 s at most
        await engine.place().send("later")
    assert limited.value.retry_after == 45.0
    await engine.place().send("and then it works")


async def test_a_short_rate_limit_is_waited_for(local: Sandbox, engine: Bot) -> None:
    local.faults.limit(SEND, 0.2)
    await engine.place().send("a little later")
    assert [each.status for each in local.requests if each.name == SEND] == [429, 200]


async def test_a_connection_that_is_cut_in_mid_upload_leaves_nothing(
    local: Sandbox, engine: Bot
) -> None:
    local.faults.cut(SEND)
    upload = discord.File(io.BytesIO(bytes(1 << 22)), "large.png")
    with pytest.raises((ConnectionError, aiohttp.ClientError)):
        await engine.place().send(file=upload)
    assert local.channel.messages == {}
    (request,) = [each for each in local.requests if each.name == SEND]
    assert (request.status, request.files) == (None, ())


async def test_a_renewed_token_ends_the_session_and_is_the_only_one_from_then_on(
    local: Sandbox, bot: Bot, engine: Bot
) -> None:
    await bot.login(local.token)
    connecting = asyncio.create_task(bot.connect())
    await soon(bot.wait_until_ready())
    old = local.token
    assert await local.renew_token() == local.token != old
    with pytest.raises(discord.ConnectionClosed) as closed:
        await soon(connecting)
    assert closed.value.code == 4004
    with pytest.raises(discord.HTTPException) as refused:
        await engine.place().send("with the old one")
    assert refused.value.status == 401
    async with discord.Client(intents=discord.Intents.none()) as renewed:
        await renewed.login(local.token)


async def test_a_deleted_guild_is_gone_with_its_channels(local: Sandbox, bot: Bot) -> None:
    others = local.world.add_guild("Others", local.world.application.owner)
    channel = local.world.add_channel(others, "theirs")
    await bot.go_online()
    heard = asyncio.create_task(bot.wait_for("guild_remove"))
    await asyncio.sleep(0)
    local.world.delete_guild(others)
    assert (await soon(heard)).id == others.id
    with pytest.raises(discord.NotFound) as gone:
        await bot.get_partial_messageable(channel.id).send("nowhere")
    assert gone.value.code == 10003
    assert [guild.id for guild in bot.guilds] == [local.guild.id]
