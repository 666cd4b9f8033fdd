"""The way back to the gateway: soon, and within what Discord allows."""

import asyncio
import io

import discord
import pytest

from bot.client import ImagineBot
from bot.gateway import LONGEST_PAUSE, Backoff
from core.database.connection import Database
from core.settings import Settings
from sandbox import Member, Sandbox
from tests.bot.conftest import entries, running_bot

FEW = {"total": 1000, "remaining": 3, "reset_after": 50, "max_concurrency": 1}


async def test_a_lost_connection_is_taken_up_again(
    bot: ImagineBot, sandbox: Sandbox, ada: Member
) -> None:
    sandbox.faults.drop_gateway(resumable=True)
    await sandbox.gateway.wait_connected()
    await ada.wait_filled(await ada.slash("imagine", include="a red circle"))


async def test_the_end_of_an_outage_is_met_within_half_a_minute_however_long_it_was(
    bot: ImagineBot, sandbox: Sandbox, ada: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    weary = asyncio.Event()

    def hurried(backoff: Backoff) -> float:
        pauses.append(delay(backoff))
        if len(pauses) == 20:
            weary.set()
        return 0.0

    delay = Backoff.delay
    monkeypatch.setattr(Backoff, "delay", hurried)
    sandbox.outage.begin()
    await weary.wait()
    sandbox.outage.end()
    await sandbox.gateway.wait_connected()
    assert max(pauses) == LONGEST_PAUSE
    assert pauses[0] <= 2
    await ada.wait_filled(await ada.slash("imagine", include="a red circle"))


async def test_too_many_starts_in_a_day_are_waited_out(
    sandbox: Sandbox,
    settings: Settings,
    database: Database,
    logged: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Discord would reset the token of a bot that goes on starting."""
    monkeypatch.setattr(sandbox.gateway, "start_limit", lambda: FEW)
    async with running_bot(sandbox, settings, database):
        (entry,) = entries(logged, "error")
    assert "too many sessions today" in entry["event"]
    assert entry["seconds"] == 0.05


async def at_once(client: discord.Client, shard_id: int | None, *, initial: bool = False) -> None:
    """Takes the place of discord.py's hook, without its rest."""


async def test_a_session_that_is_lost_is_begun_anew_only_while_there_are_enough(
    bot: ImagineBot,
    sandbox: Sandbox,
    ada: Member,
    logged: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sandbox.gateway, "start_limit", lambda: FEW)
    # discord.py would rest for 5 s before each new session.
    monkeypatch.setattr(discord.Client, "before_identify_hook", at_once)
    sandbox.faults.drop_gateway(resumable=False)
    await sandbox.gateway.wait_connected()
    (entry,) = entries(logged, "error")
    assert "too many sessions today" in entry["event"]
    await ada.wait_filled(await ada.slash("imagine", include="a red circle"))
