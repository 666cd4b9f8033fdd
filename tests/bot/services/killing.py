"""Kills the bot at a given step: from then on, nothing that it does has any effect.

Each database transaction and each request to Discord has two steps: one before and one after it.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import aiosqlite
import discord.http
import discord.webhook.async_
import pytest

from core.database.connection import Database


class Killed(asyncio.CancelledError):
    """Stands for the end of the process."""


class Killer:
    """Counts the steps of an interaction, and kills the bot at step `at`."""

    def __init__(self) -> None:
        self.at = 0
        self.steps = 0
        self.armed = False

    def step(self) -> None:
        if not self.armed:
            return
        self.steps += 1
        if self.steps >= self.at:
            raise Killed

    @property
    def has_killed(self) -> bool:
        return self.steps >= self.at


@contextmanager
def killing(patch: pytest.MonkeyPatch) -> Iterator[Killer]:
    """Within the block, the killer can kill all bots of this process."""
    killer = Killer()
    with patch.context() as patches:
        patches.setattr(Database, "transaction", _transaction(killer))
        for owner in (discord.http.HTTPClient, discord.webhook.async_.AsyncWebhookAdapter):
            patches.setattr(owner, "request", _request(killer, owner.request))
        yield killer


def _transaction(killer: Killer) -> Any:
    transaction = Database.transaction

    @asynccontextmanager
    async def killed(database: Database, **options: Any) -> AsyncIterator[aiosqlite.Connection]:
        killer.step()
        async with transaction(database, **options) as db:
            yield db
        killer.step()

    return killed


def _request(killer: Killer, request: Any) -> Any:
    async def killed(*arguments: Any, **options: Any) -> Any:
        killer.step()
        answer = await request(*arguments, **options)
        killer.step()
        return answer

    return killed
