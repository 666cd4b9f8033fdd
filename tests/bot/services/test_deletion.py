"""Deletions are carried out on disk and in Discord, whatever fails in between."""

import asyncio
from collections.abc import Callable
from typing import Any

import aiosqlite
import discord
import pytest

from bot.client import ImagineBot
from bot.services import deletion as worker
from bot.services.deletion import process_deletions
from core.database import deletions as outbox
from core.database import journal_replay
from core.database.connection import Database
from core.database.deletions import Deletions
from core.database.jobs import Jobs
from core.database.messages import Kind, Messages
from core.job import NewJob
from core.recipe import Recipe
from core.settings import Settings
from core.storage import paths
from core.storage.paths import folder_of
from sandbox import Member, MessageView, Sandbox
from tests.bot.conftest import press_button, wait_for_deletions

ADA, BOB = 71, 72
DELETE = "DELETE /channels/{channel_id}/messages/{message_id}"


@pytest.fixture(autouse=True)
def _fast_polling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "POLL_SECONDS", 0.02)
    monkeypatch.setattr(worker, "RETRY_SECONDS", 0.02)
    monkeypatch.setattr(outbox, "FIRST_RETRY", 0.05)


async def public_messages(sandbox: Sandbox) -> list[MessageView]:
    """The bot's messages that everyone can see."""
    world = sandbox.world
    return [
        message
        for channel in world.channels.values()
        for message in channel.messages.values()
        if message.author.id == world.application.bot.id and message.only_for is None
    ]


@pytest.fixture
async def check_deleted(
    bot: ImagineBot,
    sandbox: Sandbox,
    database: Database,
    ada: Member,
    bob: Member,
    rendered_job: Any,
) -> Callable[[], Any]:
    """Two jobs of Ada's, with a timelapse and a copy in direct messages, and one of Bob's.

    Returns a check that only Bob's is left.
    """
    for _ in range(2):
        job, job_message = await rendered_job(ada)
    _, bobs_message = await rendered_job(bob)
    await ada.wait_filled(await press_button(sandbox, bob, job_message, f"timelapse:{job.id}"))
    direct = await bot.create_dm(discord.Object(ada.id))
    copy = await direct.send("a copy")
    await Messages(database).sent(job.id, Kind.DIRECT_COPY, direct.id, copy.id)

    async def check() -> None:
        await wait_for_deletions(database)
        assert [message.id for message in await public_messages(sandbox)] == [bobs_message.id]
        folders = sorted(path.name for path in (bot.settings.data_dir / "pictures").iterdir())
        assert folders == ["3"]

    return check


@pytest.mark.slow
async def test_deletions_are_retried_while_discord_fails(
    sandbox: Sandbox, database: Database, ada: Member, check_deleted: Any
) -> None:
    sandbox.faults.fail(DELETE, 503, times=2)
    sandbox.faults.reset(DELETE, times=2)
    sandbox.faults.fail(DELETE, 500, applied=True, times=6)
    await Deletions(database).delete_member(ada.id)
    await check_deleted()
    assert not sandbox.faults.pending


async def test_a_message_that_is_gone_or_out_of_reach_counts_as_deleted(
    bot: ImagineBot,
    sandbox: Sandbox,
    database: Database,
    ada: Member,
    check_deleted: Any,
    logged: Any,
) -> None:
    second = sorted(sandbox.channel.messages)[1]
    sandbox.world.delete(sandbox.channel, sandbox.channel.messages[second])
    sandbox.faults.fail(DELETE, 403)
    await Deletions(database).delete_member(ada.id)
    await wait_for_deletions(database)
    assert len(await public_messages(sandbox)) == 2
    assert "a message is out of reach" in logged.getvalue()


async def test_a_folder_that_cannot_be_removed_is_retried(
    database: Database, ada: Member, check_deleted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rmtree, failures = paths.shutil.rmtree, [OSError("the disk fails")] * 3

    def failing(*arguments: Any, **options: Any) -> None:
        if failures:
            raise failures.pop()
        rmtree(*arguments, **options)

    monkeypatch.setattr(paths.shutil, "rmtree", failing)
    await Deletions(database).delete_member(ada.id)
    await check_deleted()
    assert not failures


async def test_a_message_without_a_recorded_id_is_found_by_its_nonce(
    bot: ImagineBot,
    sandbox: Sandbox,
    database: Database,
    ada: Member,
    check_deleted: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The engine was killed after it sent a message and before it recorded its id."""
    monkeypatch.setattr(journal_replay, "TAKEN_SECONDS", 0.1)
    channel = bot.get_partial_messageable(sandbox.channel.id)
    await Messages(database).announce(1, Kind.JOB, channel.id, "sent")
    await channel.send("an image of Ada's", nonce="sent")
    await Messages(database).announce(1, Kind.JOB, channel.id, "never sent")
    await Deletions(database).delete_member(ada.id)
    await check_deleted()


async def test_two_workers_do_not_delete_a_message_twice(
    bot: ImagineBot,
    sandbox: Sandbox,
    settings: Settings,
    database: Database,
    ada: Member,
    check_deleted: Any,
) -> None:
    async with Database.open(settings.database_path) as other:
        second = asyncio.create_task(process_deletions(bot, Deletions(other), settings.data_dir))
        before = len(sandbox.requests)
        await Deletions(database).delete_member(ada.id)
        await check_deleted()
        second.cancel()
        await asyncio.wait({second})
    deletes = [each.path for each in list(sandbox.requests)[before:] if each.name == DELETE]
    assert len(deletes) == len(set(deletes)) == 4


async def test_a_message_in_an_archived_thread_is_deleted(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada: Member, rendered_job: Any
) -> None:
    thread = await ada.open_thread("a thread")
    there = ada.at(thread.id)
    await rendered_job(there)
    await sandbox.client.archive(thread)
    await Deletions(database).delete_member(ada.id)
    await wait_for_deletions(database)
    assert [
        message for message in await public_messages(sandbox) if message.channel_id == thread.id
    ] == []


class Killed(BaseException):
    """Stands for the end of the process."""


async def test_after_a_kill_at_any_step_the_next_bot_continues(
    sandbox: Sandbox, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each bot gets one step further than the one before it, and is then killed."""
    monkeypatch.setattr(outbox, "TAKEN_SECONDS", 0.0)
    monkeypatch.setattr(discord.http.Route, "BASE", sandbox.api_url)
    recipe = Recipe.make("a red circle", width=64, height=64, steps=10)
    async with discord.Client(intents=discord.Intents.none()) as client:
        await client.login(sandbox.token)
        channel = client.get_partial_messageable(sandbox.channel.id)
        async with Database.open(settings.database_path) as database:
            for member_id in (ADA, ADA, BOB):
                job = await Jobs(database).insert(
                    NewJob(
                        recipe=recipe,
                        guild_id=sandbox.guild.id,
                        channel_id=channel.id,
                        message_id=(await channel.send("an image")).id,
                        member_id=member_id,
                        member_name="somebody",
                    )
                )
                folder_of(job.id, settings.data_dir).mkdir(parents=True)
                (folder_of(job.id, settings.data_dir) / "final-0.png").touch()
            await Deletions(database).delete_member(ADA)
        steps = Steps(monkeypatch)
        for steps_left in range(1, 200):
            async with Database.open(settings.database_path) as database:
                steps.left = steps_left
                try:
                    while deletion := await Deletions(database).take():
                        await worker._delete(
                            client, Deletions(database), deletion, settings.data_dir
                        )
                    break
                except Killed:
                    pass
                finally:
                    steps.left = -1
    assert steps_left > 10
    assert list(sandbox.channel.messages) == [job.message_id]
    assert [path.name for path in (settings.data_dir / "pictures").iterdir()] == [str(job.id)]


class Steps:
    """Kills the process before or after a query or a request to Discord, after `left` steps."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left = -1
        for owner, name in (
            (aiosqlite.Connection, "execute"),
            (aiosqlite.Connection, "execute_fetchall"),
            (discord.http.HTTPClient, "request"),
        ):
            monkeypatch.setattr(owner, name, self._counted(getattr(owner, name)))

    def _counted(self, function: Callable[..., Any]) -> Callable[..., Any]:
        async def counted(*arguments: Any, **options: Any) -> Any:
            self._step()
            result = await function(*arguments, **options)
            self._step()
            return result

        return counted

    def _step(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise Killed
