"""Troubles on order: what the real discord.py makes of them."""

import aiohttp
import discord
import pytest

from sandbox import Sandbox
from tests.sandbox.conftest import Bot

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
