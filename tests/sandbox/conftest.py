"""A local Discord for each test, with the real discord.py connected to it."""

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Iterator
from typing import TypeVar

import discord
import pytest
import yarl
from discord import app_commands
from PIL import Image

from sandbox import Member, Sandbox

T = TypeVar("T")


async def with_timeout(awaitable: Awaitable[T]) -> T:
    """Await something that must happen. Raises TimeoutError after 240 s."""
    async with asyncio.timeout(240):
        return await awaitable


class Bot(discord.Client):
    """A plain discord.py bot with a command tree."""

    def __init__(self, local: Sandbox, **settings: object) -> None:
        super().__init__(
            intents=discord.Intents.default(),
            allowed_mentions=discord.AllowedMentions.none(),
            guild_ready_timeout=0.05,
            **settings,
        )
        self.local = local
        self.tree = app_commands.CommandTree(self)
        self.errors: asyncio.Queue[BaseException] = asyncio.Queue()
        self.tree.error(self._record_error)
        self._connection_task: asyncio.Task[None] | None = None

    async def _record_error(
        self, interaction: discord.Interaction, error: app_commands.AppCommandError
    ) -> None:
        self.errors.put_nowait(getattr(error, "original", error))

    async def go_online(self) -> None:
        """Log in, register the commands, connect to the gateway and wait until ready."""
        await self.login(self.local.token)
        guild = discord.Object(self.local.guild.id)
        self.tree.copy_global_to(guild=guild)
        if self.tree.get_commands(guild=guild):
            await self.tree.sync(guild=guild)
        self._connection_task = asyncio.create_task(self.connect())
        await with_timeout(self.wait_until_ready())

    async def go_offline(self) -> None:
        await self.close()
        if self._connection_task is not None:
            await self._connection_task

    def channel(self) -> discord.PartialMessageable:
        """The sandbox's channel, addressed by its id, which needs no gateway."""
        return self.get_partial_messageable(self.local.channel.id)


@pytest.fixture
async def local(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sandbox]:
    """A local Discord, with discord.py pointed at it."""
    async with Sandbox() as sandbox:
        monkeypatch.setattr(discord.http.Route, "BASE", sandbox.api_url)
        monkeypatch.setattr(
            discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", yarl.URL(sandbox.gateway.url)
        )
        yield sandbox


@pytest.fixture
async def bot(local: Sandbox) -> AsyncIterator[Bot]:
    """A bot that is still offline, so the test can add commands first."""
    client = Bot(local)
    yield client
    await client.go_offline()


@pytest.fixture
async def engine(local: Sandbox) -> AsyncIterator[Bot]:
    """A client like the engine's: logged in over REST, not connected to the gateway."""
    client = Bot(local, max_ratelimit_timeout=30.0)
    await client.login(local.token)
    yield client
    await client.close()


@pytest.fixture
async def ada(local: Sandbox) -> Member:
    return await local.member("Ada")


@pytest.fixture
def png() -> Iterator[bytes]:
    """A PNG of 64 × 32 pixels."""
    with io.BytesIO() as out:
        Image.new("RGB", (64, 32), "red").save(out, "PNG")
        yield out.getvalue()
