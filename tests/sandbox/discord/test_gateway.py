"""Logging in, the gateway, and coming back after a lost connection."""

import asyncio
from typing import Any

import aiohttp
import discord
import pytest

from sandbox import Member, Sandbox
from tests.sandbox.conftest import Bot, soon


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


async def test_privileged_intents_are_refused_unless_switched_on(local: Sandbox) -> None:
    asking = discord.Client(intents=discord.Intents.all())
    with pytest.raises(discord.PrivilegedIntentsRequired):
        await asking.start(local.token)
    await asking.close()


async def test_without_the_content_intent_others_messages_are_blank(
    local: Sandbox, bot: Bot, ada: Member
) -> None:
    heard: asyncio.Queue[discord.Message] = asyncio.Queue()

    @bot.event
    async def on_message(message: discord.Message) -> None:
        heard.put_nowait(message)

    await bot.go_online()
    await ada.say("a secret")
    assert (await soon(heard.get())).content == ""
    await ada.say(f"<@{local.world.application.bot.id}> hello")
    assert "hello" in (await soon(heard.get())).content


async def test_a_dropped_connection_resumes_and_hears_what_it_missed(
    local: Sandbox, bot: Bot, ada: Member
) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    resumed = asyncio.Event()

    @bot.event
    async def on_message(message: discord.Message) -> None:
        heard.put_nowait(message.content)

    @bot.event
    async def on_resumed() -> None:
        resumed.set()

    mention = f"<@{local.world.application.bot.id}>"
    await bot.go_online()
    local.faults.drop_gateway()
    assert not local.gateway.connected
    await ada.say(f"{mention} while you were away")
    await soon(resumed.wait())
    assert await soon(heard.get()) == f"{mention} while you were away"
    assert local.gateway.start_limit()["remaining"] == 999  # no second IDENTIFY


async def test_a_lost_session_starts_anew(local: Sandbox, bot: Bot, ada: Member) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()

    @bot.event
    async def on_message(message: discord.Message) -> None:
        heard.put_nowait(message.content)

    await bot.go_online()
    # discord.py waits 5 s between identifying twice; the wait itself is its business.
    bot.before_identify_hook = _at_once  # type: ignore[method-assign]
    local.faults.drop_gateway(resumable=False)
    await ada.say(f"<@{local.world.application.bot.id}> nobody hears this")
    await soon(local.gateway.wait_connected())
    assert local.gateway.start_limit()["remaining"] == 998
    await ada.say(f"<@{local.world.application.bot.id}> this is heard")
    assert (await soon(heard.get())).endswith("this is heard")


async def _at_once(shard_id: int | None, *, initial: bool = False) -> None:
    return


async def test_every_request_of_discord_py_finds_its_route(
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


async def test_no_record_holds_a_token(local: Sandbox, bot: Bot, ada: Member) -> None:
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


async def test_reactions_reach_a_bot_with_their_intents(
    local: Sandbox, bot: Bot, ada: Member
) -> None:
    heard: asyncio.Queue[discord.RawReactionActionEvent] = asyncio.Queue()
    bot.event(_named("on_raw_reaction_add", heard))
    bot.event(_named("on_raw_reaction_remove", heard))
    await bot.go_online()
    message = await ada.say("look")
    await ada.react(message, "⭐")
    await ada.react(message, "⭐")  # which it has already
    await ada.unreact(message, "⭐")
    added, removed = await soon(heard.get()), await soon(heard.get())
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
    event = await soon(heard.get())
    assert (event.guild_id, event.member) == (None, None)
    assert heard.empty()


def _named(name: str, heard: asyncio.Queue[Any]) -> Any:
    async def listener(event: Any) -> None:
        heard.put_nowait(event)

    listener.__name__ = name
    return listener


async def test_without_their_intents_no_reactions_arrive(local: Sandbox, ada: Member) -> None:
    deaf = Bot(local)
    deaf._connection._intents = discord.Intents(guilds=True, guild_messages=True)
    heard: asyncio.Queue[Any] = asyncio.Queue()
    deaf.event(_named("on_raw_reaction_add", heard))
    deaf.event(_named("on_message", heard))
    await deaf.go_online()
    message = await ada.say("look")
    await ada.react(message, "⭐")
    await ada.say("again")
    texts = [type(await soon(heard.get())) for _ in range(2)]
    assert texts == [discord.Message, discord.Message]
    await deaf.go_offline()
