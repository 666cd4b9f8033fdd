"""The weekly digest for moderators."""

import asyncio
import io

import pytest

from bot.client import ImagineBot
from bot.services import weekly_digest
from core.database.connection import Database
from core.database.statistics import WEEK
from core.database.weekly_digests import WeeklyDigests
from core.settings import Settings
from sandbox import Member, Sandbox
from sandbox.discord.permissions import Permission
from tests.bot.conftest import (
    TIMEOUT,
    entries,
    ephemeral_message,
    request_image,
    running_bot,
)


@pytest.fixture(autouse=True)
def fast_polling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weekly_digest, "POLL_SECONDS", 0.02)


async def wait_until_due(digests: WeeklyDigests, *guild_ids: int) -> None:
    """Waits until every digest that was due is posted and recorded, except those of some servers.

    Those have to stay due.
    """
    async with asyncio.timeout(TIMEOUT):
        while len(due := await digests.due()) > len(guild_ids):  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.02)
    assert [each.guild_id for each in due] == [*guild_ids]


async def test_a_digest_is_posted_in_the_log_channel_once_a_week(
    sandbox: Sandbox, settings: Settings, database: Database, ada: Member
) -> None:
    mo = await sandbox.member("Mo", permissions=int(Permission.MANAGE_MESSAGES))
    office = mo.at(await sandbox.client.channel("office"))
    clock, passed = database._clock, 0.0
    database._clock = lambda: clock() + passed
    async with running_bot(sandbox, settings, database):
        await mo.slash("mod log weekly", on=True)
        await ephemeral_message(mo, "Set a log channel first")
        await mo.slash("mod log channel", channel=office.channel_id)
        await ephemeral_message(mo, "The log is posted in")
        await mo.slash("mod log weekly", on=True)
        await ephemeral_message(mo, "the first in 7 days")
        passed = WEEK / 2
        await request_image(ada)
        passed = WEEK + 1
        first = await office.wait_for(lambda each: "The last 7 days" in each.text)
        assert "**Requests** 1:" in first.text
        assert "**Members** 1" in first.text
        await wait_until_due(WeeklyDigests(database))
    await sandbox.gateway.wait_connected(connected=False)
    async with running_bot(sandbox, settings, database) as bot:
        await bot.wait_until_ready()
        passed = 2 * WEEK + 1
        sandbox.clock.advance(passed)
        await office.wait_for(lambda each: each.id != first.id and "**Requests** 0:" in each.text)
        await wait_until_due(WeeklyDigests(database))
        async with database.transaction() as db:  # as if it had crashed right after sending it
            await db.execute("UPDATE guilds SET digest_due_at = digest_due_at - ?", (WEEK,))
        sandbox.clock.advance(3600)  # longer than Discord recognises a nonce
        passed += 3600
        await wait_until_due(WeeklyDigests(database))
    digests = [each for each in await office.messages() if "The last 7 days" in each.text]
    assert len(digests) == 2


async def test_a_digest_whose_channel_is_gone_waits_for_another_and_holds_up_no_other_server(
    bot: ImagineBot,
    sandbox: Sandbox,
    database: Database,
    ada: Member,
    logged: io.StringIO,
) -> None:
    world, digests = sandbox.world, WeeklyDigests(database)
    other = world.add_guild("Atelier", world.users[ada.id])
    lobby, office = world.add_channel(other, "lobby"), await sandbox.client.channel("office")
    world.invite_bot(other)
    for guild_id, channel_id in ((sandbox.guild.id, 404), (other.id, lobby.id)):
        await bot.guild_settings.set_log_channel(guild_id, channel_id, 1)
        await digests.set_enabled(guild_id, 1, enabled=True)
    clock = database._clock
    database._clock = lambda: clock() + WEEK + 1
    await ada.at(lobby.id).wait_for(lambda each: "The last 7 days" in each.text)
    await wait_until_due(digests, sandbox.guild.id)

    await bot.guild_settings.set_log_channel(sandbox.guild.id, office.id, 1)
    await ada.at(office).wait_for(lambda each: "The last 7 days" in each.text)
    await wait_until_due(digests)
    gone = [each for each in entries(logged, "warning") if each.get("channel") == 404]
    assert len(gone) == 1  # it is tried once an hour, not every minute
