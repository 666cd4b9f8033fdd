"""Reconnecting to the gateway: soon, but within Discord's daily limit of sessions."""

import asyncio
import io

import discord
import pytest

from bot.client import ImagineBot
from bot.gateway import MAX_DELAY_SECONDS, Backoff
from core.database.connection import Database
from core.settings import Settings
from sandbox import Member, Sandbox
from tests.bot.conftest import entries, running_bot

FEW_SESSIONS = {"total": 1000, "remaining": 3, "reset_after": 50, "max_concurrency": 1}


async def test_a_lost_connection_is_resumed(bot: ImagineBot, sandbox: Sandbox, ada: Member) -> None:
    sandbox.faults.drop_gateway(resumable=True)
    await sandbox.gateway.wait_connected()
    await ada.wait_filled(await ada.slash("imagine", include="a red circle"))


async def test_the_bot_reconnects_within_half_a_minute_after_an_outage_of_any_length(
    bot: ImagineBot, sandbox: Sandbox, ada: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    delays: list[float] = []
    tried_often = asyncio.Event()

    def no_delay(backoff: Backoff) -> float:
        delays.append(original(backoff))
        if len(delays) == 20:
            tried_often.set()
        return 0.0

    original = Backoff.delay
    monkeypatch.setattr(Backoff, "delay", no_delay)
    sandbox.outage.begin()
    await tried_often.wait()
    sandbox.outage.end()
    await sandbox.gateway.wait_connected()
    assert max(delays) == MAX_DELAY_SECONDS
    assert delays[0] <= 2
    await ada.wait_filled(await ada.slash("imagine", include="a red circle"))


async def test_the_bot_waits_before_it_connects_if_few_sessions_are_left(
    sandbox: Sandbox,
    settings: Settings,
    database: Database,
    logged: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Discord would reset the token of a bot that exceeds the limit."""
    monkeypatch.setattr(sandbox.gateway, "start_limit", lambda: FEW_SESSIONS)
    async with running_bot(sandbox, settings, database):
        (entry,) = entries(logged, "error")
    assert "too many sessions today" in entry["event"]
    assert entry["seconds"] == 0.05


async def identify_at_once(
    client: discord.Client, shard_id: int | None, *, initial: bool = False
) -> None:
    """Replaces discord.py's hook, which waits for 5 s before each new session."""


async def test_the_bot_waits_before_it_replaces_a_lost_session_if_few_are_left(
    bot: ImagineBot,
    sandbox: Sandbox,
    ada: Member,
    logged: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sandbox.gateway, "start_limit", lambda: FEW_SESSIONS)
    monkeypatch.setattr(discord.Client, "before_identify_hook", identify_at_once)
    sandbox.faults.drop_gateway(resumable=False)
    await sandbox.gateway.wait_connected()
    (entry,) = entries(logged, "error")
    assert "too many sessions today" in entry["event"]
    await ada.wait_filled(await ada.slash("imagine", include="a red circle"))
