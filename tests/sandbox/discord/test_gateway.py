"""Logging in, the gateway, and reconnecting after a lost connection."""

import asyncio
from typing import Any

import aiohttp
import discord
import pytest

from sandbox import Member, Sandbox
from tests.sandbox.conftest import Bot, with_timeout


async def test_a_bot_logs_in_and_knows_its_guild(local: Sandbox, bot: Bot) -> None:
    await bot.go_online()

    assert bot.user is not None
    assert bot.user.id == local.world.application.bot.id
    guild = bot.get_guild(local.guild.id)
    assert guild is not None
    channel = guild.get_channel(local.channel.id)
    assert isinstance(channel, discord.TextChannel)
    assert channel.permissions_for(guild.me).attach_files
    assert not channel.permissions_for(guild.me).manage_messages


async def test_a_wrong_token_is_refused_over_rest_and_gateway(local: Sandbox, bot: Bot) -> None:
    with pytest.raises(discord.LoginFailure):
        await bot.login("not-the-token")
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{local.gateway.url}?v=10&encoding=json") as socket,
    ):
        assert (await socket.receive_json())["op"] == 10
        await socket.send_json({"op": 2, "d": {"token": "wrong", "intents": 1, "properties": {}}})
        await socket.receive()
        assert socket.close_code == 4004


async def test_privileged_intents_are_refused_unless_enabled(local: Sandbox) -> None:
    client = discord.Client(intents=discord.Intents.all())
    with pytest.raises(discord.PrivilegedIntentsRequired):
        await client.start(local.token)
    await client.close()


async def test_without_the_content_intent_others_messages_are_blank(
    local: Sandbox, bot: Bot, ada: Member
) -> None:
    received: asyncio.Queue[discord.Message] = asyncio.Queue()

    @bot.event
    async def on_message(message: discord.Message) -> None:
        received.put_nowait(message)

    await bot.go_online()
    await ada.say("a secret")
    assert (await with_timeout(received.get())).content == ""
    await ada.say(f"<@{local.world.application.bot.id}> hello")
    assert "hello" in (await with_timeout(received.get())).content


async def test_a_dropped_connection_resumes_and_receives_what_it_missed(
    local: Sandbox, bot: Bot, ada: Member
) -> None:
    received: asyncio.Queue[str] = asyncio.Queue()
    resumed = asyncio.Event()

    @bot.event
    async def on_message(message: discord.Message) -> None:
        received.put_nowait(message.content)

    @bot.event
    async def on_resumed() -> None:
        resumed.set()

    mention = f"<@{local.world.application.bot.id}>"
    await bot.go_online()
    local.faults.drop_gateway()
    assert not local.gateway.connected
    await ada.say(f"{mention} while you were away")
    await with_timeout(resumed.wait())
    assert await with_timeout(received.get()) == f"{mention} while you were away"
    assert local.gateway.start_limit()["remaining"] == 999  # no second IDENTIFY


async def test_a_lost_session_is_replaced_by_a_new_one(
    local: Sandbox, bot: Bot, ada: Member
) -> None:
    received: asyncio.Queue[str] = asyncio.Queue()

    @bot.event
    async def on_message(message: discord.Message) -> None:
        received.put_nowait(message.content)

    await bot.go_online()
    # discord.py waits 5 s before it identifies again. This test does not need that wait.
    bot.before_identify_hook = _without_waiting  # type: ignore[method-assign]
    local.faults.drop_gateway(resumable=False)
    await ada.say(f"<@{local.world.application.bot.id}> nobody hears this")
    await with_timeout(local.gateway.wait_connected())
    assert local.gateway.start_limit()["remaining"] == 998
    await ada.say(f"<@{local.world.application.bot.id}> this is heard")
    assert (await with_timeout(received.get())).endswith("this is heard")


async def _without_waiting(shard_id: int | None, *, initial: bool = False) -> None:
    return


async def test_every_request_of_discord_py_has_a_route(
    local: Sandbox, bot: Bot, engine: Bot
) -> None:
    await bot.go_online()
    await engine.fetch_guild(local.guild.id)
    await engine.fetch_channel(local.channel.id)
    assert local.unhandled == []
    with pytest.raises(discord.NotFound):
        await engine.http.request(discord.http.Route("GET", "/guilds/1/nonsense"))
    assert local.requests[-1].response == {"message": "404: Not Found", "code": 0}
    assert [each.path for each in local.unhandled] == ["/guilds/1/nonsense"]


async def test_recorded_requests_contain_no_tokens(local: Sandbox, bot: Bot, ada: Member) -> None:
    tokens: list[str] = []

    @bot.tree.command(description="Say hello.")
    async def hello(interaction: discord.Interaction) -> None:
        tokens.append(interaction.token)
        await interaction.response.defer()
        await interaction.followup.send("Hello")

    await bot.go_online()
    await ada.wait_filled(await ada.slash("hello"))
    recorded = repr(local.requests)
    assert tokens[0] not in recorded
    assert local.token not in recorded


async def test_reactions_reach_a_bot_with_the_intents(
    local: Sandbox, bot: Bot, ada: Member
) -> None:
    received: asyncio.Queue[discord.RawReactionActionEvent] = asyncio.Queue()
    bot.event(_listener("on_raw_reaction_add", received))
    bot.event(_listener("on_raw_reaction_remove", received))
    await bot.go_online()
    message = await ada.say("look")
    await ada.react(message, "⭐")
    await ada.react(message, "⭐")  # again, which changes nothing
    await ada.unreact(message, "⭐")
    added, removed = await with_timeout(received.get()), await with_timeout(received.get())
    assert (added.event_type, removed.event_type) == ("REACTION_ADD", "REACTION_REMOVE")
    for event in (added, removed):
        found = (event.user_id, event.message_id, event.channel_id, event.guild_id)
        assert found == (ada.id, message.id, local.channel.id, local.guild.id)
        assert str(event.emoji) == "⭐"
    assert added.member
    assert (added.member.id, removed.member) == (ada.id, None)

    direct = await ada.direct()
    private = await direct.say("here, too")
    await direct.react(private, "❌")
    event = await with_timeout(received.get())
    assert (event.guild_id, event.member) == (None, None)
    assert received.empty()


def _listener(name: str, received: asyncio.Queue[Any]) -> Any:
    async def listener(event: Any) -> None:
        received.put_nowait(event)

    listener.__name__ = name
    return listener


async def test_reactions_do_not_reach_a_bot_without_the_intents(
    local: Sandbox, ada: Member
) -> None:
    client = Bot(local)
    client._connection._intents = discord.Intents(guilds=True, guild_messages=True)
    received: asyncio.Queue[Any] = asyncio.Queue()
    client.event(_listener("on_raw_reaction_add", received))
    client.event(_listener("on_message", received))
    await client.go_online()
    message = await ada.say("look")
    await ada.react(message, "⭐")
    await ada.say("again")
    types = [type(await with_timeout(received.get())) for _ in range(2)]
    assert types == [discord.Message, discord.Message]
    await client.go_offline()
