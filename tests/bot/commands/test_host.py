"""/host, used by the host and by others."""

import re

import pytest

from bot.client import ImagineBot
from core.database.claims import Claims
from core.database.connection import Database
from core.database.engines import Engine, Engines
from core.job import State
from sandbox import Member, MessageView, OptionError, Sandbox
from sandbox.discord.permissions import Permission
from tests.bot.conftest import ephemeral_message, request_image

LEASE = 30.0


@pytest.fixture
async def host(sandbox: Sandbox) -> Member:
    """The application's owner, who is an administrator of the server."""
    member = await sandbox.member("Hal", permissions=int(Permission.ADMINISTRATOR))
    sandbox.world.application.owner = sandbox.world.users[member.id]
    return member


async def run_host(member: Member, command: str, /, **options: object) -> MessageView:
    """Runs a /host command; returns the reply, which only the member can see."""
    before = {message.id for message in await member.messages()}
    await member.slash(f"host {command}", **options)
    return await member.wait_for(
        lambda each: each.id not in before and each.ephemeral and not each.loading
    )


async def test_only_the_host_may_use_it_and_every_use_is_checked(
    bot: ImagineBot, sandbox: Sandbox, database: Database, host: Member, ada: Member
) -> None:
    with pytest.raises(OptionError):
        await ada.slash("host pause")  # Discord doesn't even show her the command
    admin = await sandbox.member("Bo", permissions=int(Permission.ADMINISTRATOR))
    for command in ("status", "statistics", "pause", "resume"):
        assert "Only whoever runs this bot" in (await run_host(admin, command)).text
    assert "Only whoever runs this bot" in (await run_host(admin, "notice", text="free pizza")).text
    assert not [each for each in await ada.messages() if "pizza" in each.text]
    assert "Status" in (await run_host(host, "status")).text
    sandbox.world.application.owner = sandbox.world.users[admin.id]
    assert "Only whoever runs this bot" in (await run_host(host, "status")).text


async def test_the_status_shows_engines_queue_damaged_jobs_and_disk(
    bot: ImagineBot, database: Database, host: Member, ada: Member
) -> None:
    assert "**Engines** (0)" in (await run_host(host, "status")).text
    await request_image(ada)
    await request_image(ada)
    await Claims(database).claim("box:1:ab", LEASE)
    await Engines(database).report(Engine("box:1:ab", "0.1.0", "sketch", 2))
    async with database.transaction() as db:
        await db.execute("UPDATE jobs SET recipe = '{}' WHERE id = 2")
    await bot.queue.waiting()  # finds that it is unreadable
    text = (await run_host(host, "status")).text
    assert "`box:1:ab` · sketch · 0.1.0 · 2 renderers · 1 in progress" in text
    assert "**Queue** 0 waiting, 1 in progress, 1 not posted yet" in text
    assert "**Damaged jobs** 1 (#2)" in text
    assert re.search(r"\*\*Disk\*\* [\d.]+ GB free of \d+ GB", text)
    assert "**Servers** 1" in text
    assert "discord.py 2" in text


async def test_a_pause_by_the_host_is_shown_to_members_and_can_be_ended(
    bot: ImagineBot, database: Database, host: Member, ada: Member
) -> None:
    await request_image(ada)
    await Claims(database).claim("engine", LEASE)
    assert "paused on all servers" in (await run_host(host, "pause", why="new *disks*")).text
    assert await Claims(database).held("engine") == {}
    await ada.slash("queue")
    await ephemeral_message(ada, "Imagine is paused on all servers**: new \\*disks\\*")
    await ada.slash("imagine", include="a red circle")
    await ephemeral_message(ada, "paused on all servers. Reason: new \\*disks\\*.")
    assert "paused on all servers" in (await run_host(host, "status")).text
    assert "running again" in (await run_host(host, "resume")).text
    assert "not paused" in (await run_host(host, "resume")).text
    assert await Claims(database).claim("engine", LEASE)


async def test_the_statistics_cover_the_last_week(
    bot: ImagineBot, database: Database, host: Member, ada: Member, bob: Member
) -> None:
    for member in (ada, ada, bob):
        await request_image(member)
    job = await Claims(database).claim("engine", LEASE)
    assert job
    await Claims(database).finish(job.id, "engine", State.DONE)
    text = (await run_host(host, "statistics")).text
    assert "**Requests** 3: 1 done, 0 failed, 0 cancelled" in text
    assert "**Members** 2" in text
    assert "90 % within about" in text
    clock, database._clock = database._clock, lambda: clock() + 8 * 86_400
    assert "**Requests** 0:" in (await run_host(host, "statistics")).text


async def test_a_notice_reaches_each_server_once(
    bot: ImagineBot, sandbox: Sandbox, host: Member, ada: Member
) -> None:
    await bot.wait_until_ready()
    world = sandbox.world
    other, silent = (world.add_guild(name, world.users[ada.id]) for name in ("Atelier", "Silent"))
    lobby, locked = world.add_channel(other, "lobby"), world.add_channel(silent, "locked")
    world.overwrite(locked, silent.id, deny=int(Permission.SEND_MESSAGES))
    other.locale = "de"
    for guild in (other, silent):
        world.remove_bot(guild)
        world.invite_bot(guild)
    there = ada.at(lobby.id)
    await there.wait_for(lambda each: "/imagine" in each.text)  # it has joined
    text = (await run_host(host, "notice", text="Back at <t:1:t>, @everyone.")).text
    assert "The notice reached 2 of 3 servers." in text
    assert f"Not reached: {silent.id}" in text
    for member in (ada, there):
        notices = [each for each in await member.messages() if "Back at" in each.text]
        assert len(notices) == 1
    assert "whoever runs this bot" not in notices[0].text  # it is in German there
