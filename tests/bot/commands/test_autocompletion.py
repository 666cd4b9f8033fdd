"""Autocompletion when the database is slow or broken."""

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
from tests.bot.conftest import entries, request_image

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
    """A moderator for whom every option has a suggestion."""
    mo = await sandbox.member("Mo", permissions=int(Permission.MANAGE_MESSAGES))
    await request_image(mo)
    await mo.slash("mod words add", word="fog")
    await mo.wait_for(lambda message: "“fog”" in message.text)
    return mo


@pytest.mark.parametrize(("command", "option"), OPTIONS)
async def test_autocompletion_suggests_nothing_and_logs_no_error_if_the_database_is_broken(
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
async def test_autocompletion_suggests_nothing_within_three_seconds_if_the_database_is_slow(
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
