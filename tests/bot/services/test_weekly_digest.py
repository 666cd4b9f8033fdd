"""What moderators read once a week."""

import asyncio

import pytest

from bot.client import ImagineBot
from bot.services import weekly_digest
from core.database.connection import Database
from core.database.statistics import WEEK
from core.database.weekly_digests import WeeklyDigests
from core.settings import Settings
from sandbox import Member, Sandbox
from sandbox.discord.permissions import Permission
from tests.bot.conftest import PATIENCE, asked, private_message, running_bot


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weekly_digest, "POLL_SECONDS", 0.02)


async def none_due(digests: WeeklyDigests) -> None:
    """Waits until what was due is posted, and recorded as posted."""
    async with asyncio.timeout(PATIENCE):
        while await digests.due():  # noqa: ASYNC110 - the database tells nobody
            await asyncio.sleep(0.02)


async def test_a_digest_is_posted_in_the_log_channel_once_a_week(
    sandbox: Sandbox, settings: Settings, database: Database, ada: Member
) -> None:
    mo = await sandbox.member("Mo", permissions=int(Permission.MANAGE_MESSAGES))
    office = mo.at(await sandbox.client.channel("office"))
    clock, passed = database._clock, 0.0
    database._clock = lambda: clock() + passed
    async with running_bot(sandbox, settings, database):
        await mo.slash("mod log weekly", on=True)
        await private_message(mo, "Set a log channel first")
        await mo.slash("mod log channel", channel=office.channel_id)
        await private_message(mo, "The log is posted in")
        await mo.slash("mod log weekly", on=True)
        await private_message(mo, "the first in 7 days")
        passed = WEEK / 2
        await asked(ada)
        passed = WEEK + 1
        first = await office.wait_for(lambda each: "The last 7 days" in each.text)
        assert "**Requests** 1:" in first.text
        assert "**Members** 1" in first.text
        await none_due(WeeklyDigests(database))
    await sandbox.gateway.wait_connected(connected=False)
    async with running_bot(sandbox, settings, database) as bot:
        await bot.wait_until_ready()
        passed = 2 * WEEK + 1
        sandbox.clock.advance(passed)
        await office.wait_for(lambda each: each.id != first.id and "**Requests** 0:" in each.text)
        await none_due(WeeklyDigests(database))
        async with database.transaction() as db:  # as if it had crashed right after sending it
            await db.execute("UPDATE guilds SET digest_due_at = digest_due_at - ?", (WEEK,))
        sandbox.clock.advance(3600)  # longer than Discord recognises a nonce
        passed += 3600
        await none_due(WeeklyDigests(database))
    digests = [each for each in await office.messages() if "The last 7 days" in each.text]
    assert len(digests) == 2


async def test_a_digest_whose_channel_is_gone_is_dropped(
    bot: ImagineBot, sandbox: Sandbox, database: Database
) -> None:
    digests = WeeklyDigests(database)
    await bot.guild_settings.set_log_channel(sandbox.guild.id, 404, 1)
    await digests.turn(sandbox.guild.id, 1, on=True)
    clock = database._clock
    database._clock = lambda: clock() + WEEK + 1
    await none_due(digests)
