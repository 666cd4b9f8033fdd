"""/queue, as different members see it."""

from bot.client import ImagineBot
from bot.components.pagination import PAGE_SIZE as PAGE
from core.database.claims import Claims
from core.database.connection import Database
from core.database.jobs import Jobs
from core.job import NewJob
from core.recipe import Recipe
from core.settings import Settings
from sandbox import Member, Sandbox
from tests.bot.conftest import ephemeral_message, running_bot


async def queue_job(
    database: Database,
    include: str,
    member: Member,
    *,
    guild_id: int | None,
    channel_id: int | None = None,
) -> int:
    job = await Jobs(database).insert(
        NewJob(
            recipe=Recipe.make(include, width=64, height=64, steps=50),
            guild_id=guild_id,
            channel_id=channel_id or member.channel_id,
            message_id=None,
            member_id=member.id,
            member_name=member.name,
        )
    )
    return job.id


async def test_the_command_reports_an_empty_queue(bot: ImagineBot, ada: Member) -> None:
    await ada.slash("queue")
    await ephemeral_message(ada, "The queue is empty")


async def test_running_and_waiting_jobs_are_listed_and_the_members_own_are_marked(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada: Member, bob: Member
) -> None:
    here = sandbox.guild.id
    await queue_job(database, "a running dog", bob, guild_id=here)
    await Claims(database).claim("engine", 60)
    await Claims(database).heartbeat("engine", 60, {1: 20})
    await queue_job(database, "mine *here*", ada, guild_id=here)
    await queue_job(database, "hidden in a channel", bob, guild_id=here, channel_id=5)
    await queue_job(database, "hidden in a server", bob, guild_id=here + 1)
    await ada.slash("queue")
    text = (await ephemeral_message(ada, "Waiting")).text
    assert "20/50 · #1 · Bob · a running dog" in text
    assert r"#2 · **yours** · mine \*here\*" in text
    assert "#3 · Bob · in another channel" in text
    assert "on another server" in text
    assert "hidden" not in text


async def test_the_members_own_position_is_shown_even_far_down_the_queue(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada: Member, bob: Member
) -> None:
    here = sandbox.guild.id
    for number in range(PAGE + 5):
        await Jobs(database).insert(
            NewJob(
                recipe=Recipe.make(f"picture {number}", width=64, height=64, steps=50),
                guild_id=here,
                channel_id=ada.channel_id,
                message_id=None,
                member_id=1000 + number,
                member_name="x" * 100,
            )
        )
    await queue_job(database, "mine at last", ada, guild_id=here)
    await ada.slash("queue")
    text = (await ephemeral_message(ada, "Waiting")).text
    assert f"**Waiting** ({PAGE + 6})" in text
    assert text.count("mine at last") == 1
    assert f"**Yours**\n{PAGE + 6}. · #{PAGE + 6} · **yours** · mine at last" in text


async def test_a_page_of_text_that_needs_many_escapes_fits_discords_limit(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada: Member
) -> None:
    for number in range(3 * PAGE):
        await Jobs(database).insert(
            NewJob(
                recipe=Recipe.make("*" * 99 + "a", width=64, height=64, steps=50),
                guild_id=sandbox.guild.id,
                channel_id=ada.channel_id,
                message_id=None,
                member_id=1000 + number if number < 2 * PAGE else ada.id,
                member_name="_" * 100,
            )
        )
    for _ in range(PAGE):
        await Claims(database).claim("engine", 60)
    await ada.slash("queue")
    text = (await ephemeral_message(ada, "Waiting")).text
    assert text.count("#") == 3 * PAGE


async def test_pages_can_be_turned_after_a_restart(
    sandbox: Sandbox, settings: Settings, database: Database, ada: Member, bob: Member
) -> None:
    for number in range(PAGE + 2):
        await queue_job(database, f"prompt {number}", bob, guild_id=sandbox.guild.id)
    async with running_bot(sandbox, settings, database):
        await ada.slash("queue")
        first = await ephemeral_message(ada, "Page 1 of 2")
    assert [button.disabled for button in first.buttons] == [True, False]
    await sandbox.gateway.wait_connected(connected=False)
    async with running_bot(sandbox, settings, database):
        await ada.press(first, first.buttons[1].custom_id)
        second = await ephemeral_message(ada, "Page 2 of 2")
    assert f"{PAGE + 2}. #{PAGE + 2} · Bob · prompt {PAGE + 1}" in second.text
    assert "prompt 0" not in second.text
