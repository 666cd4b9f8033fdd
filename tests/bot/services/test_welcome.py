"""The greeting that the bot posts when it joins a server."""

from bot.client import ImagineBot
from core.database.connection import Database
from core.database.queue import JobQueue
from sandbox import Member, Sandbox
from sandbox.discord.permissions import Permission


async def test_a_server_is_greeted_in_its_language_where_the_bot_may_post(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada: Member
) -> None:
    await bot.wait_until_ready()
    world = sandbox.world
    guild = world.add_guild("Atelier", world.users[ada.id])
    guild.locale = "de"
    rules, adult = world.add_channel(guild, "rules"), world.add_channel(guild, "adult", nsfw=True)
    lobby = world.add_channel(guild, "lobby")
    world.overwrite(rules, guild.id, deny=int(Permission.SEND_MESSAGES))
    world.remove_bot(guild)
    world.invite_bot(guild)
    visitor = ada.at(lobby.id)
    greeting = await visitor.wait_for(lambda message: "/imagine" in message.text)
    assert greeting.title.startswith("Hallo")
    assert len(greeting.buttons) == 3
    assert not rules.messages
    assert not adult.messages
    await visitor.wait_filled(await visitor.press(greeting, greeting.buttons[0].custom_id))
    (job,) = await JobQueue(database).waiting()
    assert (job.member_id, job.recipe.title) == (ada.id, greeting.buttons[0].label)


async def test_a_server_without_a_channel_to_post_in_is_not_greeted(
    bot: ImagineBot, sandbox: Sandbox, ada: Member
) -> None:
    await bot.wait_until_ready()
    world = sandbox.world
    silent = world.add_guild("Silent", world.users[ada.id])
    locked = world.add_channel(silent, "locked")
    world.overwrite(locked, silent.id, deny=int(Permission.SEND_MESSAGES))
    loud = world.add_guild("Loud", world.users[ada.id])
    lobby = world.add_channel(loud, "lobby")
    for guild in (silent, loud):
        world.remove_bot(guild)
        world.invite_bot(guild)
    await ada.at(lobby.id).wait_for(lambda message: "/imagine" in message.text)
    assert not locked.messages
