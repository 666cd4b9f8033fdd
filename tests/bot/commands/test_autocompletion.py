"""Suggestions while a member types, when the database is slow or broken."""

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bot.client import ImagineBot
from bot.commands import autocompletion
from core.database.connection import Database
from core.database.errors import StoreLockedError
from sandbox import Member, Sandbox
from sandbox.discord.permissions import Permission
from tests.bot.conftest import asked, entries

OPTIONS = [
    ("imagine", "include"),
    ("cancel", "job"),
    ("mod cancel", "job"),
    ("mod remove", "job"),
    ("mod up", "job"),
    ("mod words remove", "word"),
]
"""Every option whose suggestions come from the database."""


@pytest.fixture
async def mo(sandbox: Sandbox, bot: ImagineBot) -> Member:
    """A moderator with something to suggest for each option."""
    mo = await sandbox.member("Mo", permissions=int(Permission.MANAGE_MESSAGES))
    await asked(mo)
    await mo.slash("mod words add", word="fog")
    await mo.wait_for(lambda message: "“fog”" in message.text)
    return mo


@pytest.mark.parametrize(("command", "option"), OPTIONS)
async def test_a_broken_database_suggests_nothing_and_logs_no_error(
    database: Database,
    mo: Member,
    logged: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    option: str,
) -> None:
    assert await mo.complete(command, option, **{option: ""})

    @asynccontextmanager
    async def broken() -> AsyncIterator[None]:
        raise StoreLockedError("The database is locked.")
        yield

    monkeypatch.setattr(database, "read", broken)
    assert await mo.complete(command, option, **{option: ""}) == []
    assert not entries(logged, "error")


@pytest.mark.parametrize(("command", "option"), OPTIONS)
async def test_a_slow_database_suggests_nothing_within_discords_three_seconds(
    database: Database,
    mo: Member,
    logged: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    option: str,
) -> None:
    monkeypatch.setattr(autocompletion, "AUTOCOMPLETE_SECONDS", 0.05)

    @asynccontextmanager
    async def slow() -> AsyncIterator[None]:
        await asyncio.Event().wait()
        yield

    monkeypatch.setattr(database, "read", slow)
    assert await mo.complete(command, option, **{option: ""}) == []
    assert not entries(logged, "error")
