"""Fixtures for the tests of `bot`: the real bot, connected to the local Discord."""

import asyncio
import copy
import io
import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import discord
import pytest
import structlog
from discord.app_commands import CommandTree
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from bot import registration
from bot.__main__ import make_bot
from bot.client import AnyCommand, ImagineBot
from core.database.claims import Claims
from core.database.connection import Database
from core.database.deletions import Deletions
from core.database.jobs import Jobs
from core.database.pending_responses import PendingResponses
from core.database.queue import JobQueue
from core.job import Job, State
from core.logging import configure_logging
from core.recipe import Recipe
from core.settings import Settings
from core.storage.paths import folder_of, timelapse_of
from sandbox import Member, MessageView, Reply, Sandbox
from sandbox.client.views import components_of
from sandbox.discord import limits
from sandbox.discord.permissions import Permission
from tests import openapi
from tests.databases import new_database

RESPONSE_TIMEOUT = 300.0
"""Seconds that the local Discord waits for a response, instead of 3."""

TIMEOUT = 240.0
"""Seconds after which a test that waits for something gives up."""

WRONG_PATH = "/wrong"
"""Makes an API address wrong; requests to it are not checked against Discord's description."""


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """A local Discord. Afterwards, checks all requests against Discord's OpenAPI description."""
    async with Sandbox() as sandbox:
        yield sandbox
        if openapi.DESCRIPTION.exists():
            openapi.assert_valid(
                request for request in sandbox.requests if WRONG_PATH not in request.name
            )


@pytest.fixture(autouse=True)
def _long_timeouts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine may make the bot slow: nothing times out until a test advances the clock."""
    for name in (
        "bot.commands.autocompletion.AUTOCOMPLETE_SECONDS",
        "bot.commands.context_menus.FETCH_SECONDS",
        "bot.services.preferences.PREFERENCES_SECONDS",
        "bot.state.pending_responses.INSERT_SECONDS",
        "sandbox.discord.interactions.RESPONSE_SECONDS",
    ):
        monkeypatch.setattr(name, RESPONSE_TIMEOUT)


@pytest.fixture
def short_rate_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rate limits with as many requests as usual, in a tenth of the time."""
    rules = {route: (limit, per / 10) for route, (limit, per) in limits._RULES.items()}
    monkeypatch.setattr(limits, "_RULES", rules)


@pytest.fixture
def settings(sandbox: Sandbox, tmp_path: Path) -> Settings:
    return Settings(
        images_per_request=1,
        discord_token=sandbox.token,
        discord_api_url=sandbox.api_url,
        discord_guild_id=sandbox.guild.id,
        database_path=tmp_path / "imagine.db",
        data_dir=tmp_path / "data",
    )


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    async with new_database(settings.database_path) as database:
        yield database


@pytest.fixture(autouse=True)
def _translate_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Caches translated commands: translating them is the slowest part of starting a bot."""
    translate = registration._wanted

    async def wanted(tree: CommandTree[Any], guild: discord.Object | None) -> list[dict[str, Any]]:
        untranslated = json.dumps([each.to_dict(tree) for each in tree.get_commands(guild=guild)])
        if untranslated not in _translated:
            _translated[untranslated] = await translate(tree, guild)
        return copy.deepcopy(_translated[untranslated])

    monkeypatch.setattr(registration, "_wanted", wanted)


_translated: dict[str, list[dict[str, Any]]] = {}
"""Commands in all languages, by their untranslated JSON."""


@asynccontextmanager
async def running_bot(
    sandbox: Sandbox, settings: Settings, database: Database, *extra: AnyCommand
) -> AsyncIterator[ImagineBot]:
    """The bot, connected and with its commands registered."""
    async with make_bot(settings, database, *extra) as bot:
        # Not 2 s: by then, the local Discord has sent all servers.
        bot._connection.guild_ready_timeout = 0.2
        running = asyncio.create_task(bot.start(settings.token()))
        connected = asyncio.create_task(sandbox.client.wait_for_command("imagine"))
        done, _ = await asyncio.wait({running, connected}, return_when=asyncio.FIRST_COMPLETED)
        if running in done:
            connected.cancel()
            running.result()
        await connected
        yield bot
        await bot.close()
        with suppress(asyncio.CancelledError):
            running.cancel()
            await running


@pytest.fixture
async def bot(
    sandbox: Sandbox, settings: Settings, database: Database
) -> AsyncIterator[ImagineBot]:
    async with running_bot(sandbox, settings, database) as bot:
        yield bot


@pytest.fixture
def logged(settings: Settings) -> Iterator[io.StringIO]:
    """The bot's log from here on, as JSON lines, down to DEBUG."""
    root, before = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers, root.level
    stream = io.StringIO()
    configure_logging(settings.model_copy(update={"log_level": "DEBUG"}), stream)
    yield stream
    root.handlers = handlers
    root.setLevel(level)
    structlog.configure(**before)


@pytest.fixture
async def ada(sandbox: Sandbox) -> Member:
    return await sandbox.member("Ada")


@pytest.fixture
async def bob(sandbox: Sandbox) -> Member:
    return await sandbox.member("Bob")


@pytest.fixture
async def mo(sandbox: Sandbox) -> Member:
    """A moderator."""
    return await sandbox.member("Mo", permissions=int(Permission.MANAGE_MESSAGES))


async def refusal(member: Member) -> str:
    """The text of an ephemeral message, which must be the only message that the member sees."""
    message = await member.wait_for(lambda message: message.ephemeral and not message.loading)
    assert [each.id for each in await member.messages()] == [message.id]
    return message.content


async def ephemeral_message(member: Member, text: str) -> MessageView:
    """An ephemeral message that contains this text, once the member sees one."""
    return await member.wait_for(lambda message: message.ephemeral and text in message.text)


async def wait_for_pending_responses(database: Database) -> None:
    """Waits until the bot has no pending responses."""
    async with asyncio.timeout(TIMEOUT):
        while True:
            if not await PendingResponses(database).all():
                return
            await asyncio.sleep(0.02)


async def wait_for_deletions(database: Database) -> None:
    """Waits until all deletions are carried out, on disk and in Discord."""
    async with asyncio.timeout(TIMEOUT):
        while True:
            if not await Deletions(database).pending():
                return
            await asyncio.sleep(0.02)


def entries(logged: io.StringIO, level: str) -> list[dict[str, Any]]:
    """The log entries of this level."""
    lines = [json.loads(line) for line in logged.getvalue().splitlines()]
    return [line for line in lines if line["level"] == level]


async def request_image(member: Member, **options: Any) -> MessageView:
    """Requests an image as this member; returns the job message."""
    all_options = {"include": "a red circle", "exclude": "fog", "seed": 7, "steps": 40} | options
    return await member.wait_filled(await member.slash("imagine", **all_options))


async def requested_recipe(member: Member, database: Database, **options: str | int) -> Recipe:
    """Requests an image as this member; returns the recipe of the job."""
    all_options = {"include": "a red circle"} | options
    await member.wait_filled(await member.slash("imagine", **all_options))
    return max(await JobQueue(database).waiting(), key=lambda job: job.id).recipe


@pytest.fixture
def rendered_job(database: Database, settings: Settings) -> Any:
    """Requests an image and ends the job as an engine would; returns the job and its message."""

    async def rendered_job(member: Member, **options: Any) -> tuple[Job, MessageView]:
        message = await request_image(member, **options)
        job = await Claims(database).claim("engine", 60, options.get("model"))
        assert job
        _write_images(job.recipe, folder_of(job.id, settings.data_dir))
        await Claims(database).finish(job.id, "engine", State.DONE)
        await Jobs(database).mark_posted(job.id)
        done = await Jobs(database).get(job.id)
        assert done
        return done, message

    return rendered_job


def _write_images(recipe: Recipe, folder: Path) -> None:
    folder.mkdir(parents=True)
    metadata = PngInfo()
    metadata.add_itxt("pair", "sketch")
    metadata.add_itxt("versions", '{"torch": "2.15"}')
    for row in range(recipe.count):
        Image.new("RGB", (8, 8), (row, 0, 0)).save(folder / f"final-{row}.png", pnginfo=metadata)
    timelapse_of(folder).write_bytes(b"film")


async def press_button(
    sandbox: Sandbox, member: Member, message: MessageView, custom_id: str
) -> Reply:
    """Puts a button on a message, as the engine would have by now, and presses it."""
    stored = sandbox.channel.messages[message.id]
    part = {"type": 2, "style": 2, "label": "x", "custom_id": f"imagine:{custom_id}", "id": 2}
    stored.components = [{"type": 1, "id": 1, "components": [part]}]
    return await member.press(message, f"imagine:{custom_id}")


async def shown_preferences(member: Member, **options: Any) -> dict[str, str]:
    """The preferences that /prefer shows, by setting."""
    return selected_options(await member.wait_filled(await member.slash("prefer", **options)))


def selected_options(form: MessageView) -> dict[str, str]:
    """The options selected in the menus of the form of /prefer, by setting."""
    selects = [part for part in components_of(form.raw) if part["type"] == 3]
    return {
        part["custom_id"].rpartition(":")[2]: option["label"]
        for part in selects
        for option in part["options"]
        if option.get("default")
    }
