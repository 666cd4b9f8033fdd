"""What the bot acknowledges is answered, whatever breaks; see also test_responses.py."""

import asyncio
import json
import sqlite3
import time
from typing import Any

import pytest

from bot.client import ImagineBot
from bot.errors import UndeliveredError
from bot.services import responses
from bot.services.responses import Response
from bot.state import pending_responses
from core.database.connection import Database
from core.database.errors import StoreLockedError
from core.database.moderation_queue import ModerationQueue
from core.database.pending_responses import PendingResponses
from core.database.queue import JobQueue
from core.discord_ui.limits import TOKEN_SECONDS
from core.job import Job
from core.settings import Settings
from sandbox import Member, Sandbox
from sandbox.discord.models import Event
from tests.bot.conftest import all_given, private_message, refusal, running_bot

ANSWER = "POST /interactions/{interaction_id}/{interaction_token}/callback"
FOLLOW_UP = "POST /webhooks/{webhook_id}/{webhook_token}"


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(responses, "RESUME_SECONDS", 0.05)


@pytest.mark.parametrize("applied", [False, True])
@pytest.mark.parametrize("status", [None, 500])
async def test_an_acknowledgement_whose_answer_is_lost_holds(
    bot: ImagineBot,
    sandbox: Sandbox,
    database: Database,
    ada: Member,
    status: int | None,
    applied: bool,
) -> None:
    if status:
        sandbox.faults.fail(ANSWER, status, applied=applied)
    else:
        sandbox.faults.reset(ANSWER, applied=applied)
    reply = await ada.slash("imagine", include="a red circle")
    card = await ada.wait_filled(reply)
    assert "Position 1" in card.text
    (job,) = await JobQueue(database).waiting()
    assert job.message_id == card.id
    assert [each.id for each in await ada.messages()] == [card.id]


async def test_a_request_that_discord_delivers_twice_is_one(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada: Member
) -> None:
    heard: list[Event] = []
    stop = sandbox.world.listen(heard.append)
    card = await ada.wait_filled(await ada.slash("imagine", include="a red circle"))
    stop()
    (interaction,) = [event for event in heard if event.name == "INTERACTION_CREATE"]
    sandbox.world.emit(interaction)
    await asyncio.sleep(0.3)
    assert len(await JobQueue(database).waiting()) == 1
    assert [each.id for each in await ada.messages()] == [card.id]


async def test_a_reason_that_could_not_be_told_is_told_later(
    sandbox: Sandbox, settings: Settings, ada: Member
) -> None:
    async with (
        Database.open(settings.database_path) as database,
        running_bot(sandbox, settings, database) as bot,
    ):
        sandbox.faults.reset(FOLLOW_UP)

        async def failing(*arguments: Any, **options: Any) -> Job:
            raise sqlite3.OperationalError("disk I/O error")

        bot.jobs.insert = failing  # type: ignore[method-assign]
        await ada.slash("imagine", include="a red circle")
        message = await private_message(ada, "Something went wrong")
        assert [each.id for each in await ada.messages()] == [message.id]
        await all_given(database)


async def test_what_was_refused_stays_refused_if_it_is_not_known_whether_the_member_knows(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada: Member
) -> None:
    """Whatever was refused for may be over: a member who read the reason has moved on."""
    await ModerationQueue(database).pause(sandbox.guild.id, 1, None)
    sandbox.faults.reset(FOLLOW_UP, times=2, applied=True)
    await ada.slash("imagine", include="a red circle")
    await private_message(ada, "Image requests are paused")
    await ModerationQueue(database).resume(sandbox.guild.id, 1)
    await all_given(database)
    assert await JobQueue(database).waiting() == []


@pytest.fixture
async def undelivered(
    sandbox: Sandbox, settings: Settings, ada: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job is queued, and its message cannot be shown until the bot ends."""

    async def failing(*arguments: Any, **options: Any) -> Any:
        raise UndeliveredError

    with monkeypatch.context() as patch:
        patch.setattr(Response, "edit", failing)
        patch.setattr(responses, "RESUME_SECONDS", 1000.0)
        async with (
            Database.open(settings.database_path) as database,
            running_bot(sandbox, settings, database),
        ):
            await ada.slash("imagine", include="a red circle")
    await sandbox.gateway.wait_connected(connected=False)


async def test_after_the_token_has_expired_nothing_dangles(
    sandbox: Sandbox, settings: Settings, ada: Member, undelivered: None
) -> None:
    """The job is there, and the engine shows it; nobody waits for the response any more."""
    sandbox.clock.advance(TOKEN_SECONDS + 1)
    async with Database.open(settings.database_path) as database:
        assert len(await PendingResponses(database).all()) == 1
        async with running_bot(sandbox, settings, database):
            await all_given(database)
            assert len(await JobQueue(database).waiting()) == 1


async def test_a_clock_that_is_wrong_does_not_end_a_response_that_discord_still_takes(
    sandbox: Sandbox, settings: Settings, ada: Member, undelivered: None
) -> None:
    ahead = TOKEN_SECONDS + 1
    async with (
        Database.open(settings.database_path, clock=lambda: time.time() + ahead) as database,
        running_bot(sandbox, settings, database),
    ):
        await all_given(database)
    (message,) = await ada.messages()
    assert "Position 1" in message.text


async def test_what_was_delivered_does_not_run_again_while_its_row_cannot_be_deleted(
    sandbox: Sandbox, settings: Settings, ada: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    delete = PendingResponses.delete
    failures = iter(range(3))

    async def failing(self: PendingResponses, interaction_id: int) -> None:
        if next(failures, None) is not None:
            raise StoreLockedError("locked")
        await delete(self, interaction_id)

    monkeypatch.setattr(PendingResponses, "delete", failing)
    deleted: list[int] = []
    async with (
        Database.open(settings.database_path) as database,
        running_bot(sandbox, settings, database) as bot,
    ):
        deletions = bot.deletions
        delete_member = deletions.delete_member

        async def counted(member_id: int) -> int:
            deleted.append(member_id)
            return await delete_member(member_id)

        monkeypatch.setattr(deletions, "delete_member", counted)
        reply = await ada.slash("privacy")
        message = await ada.wait_filled(reply)
        await ada.press(message, message.buttons[0].custom_id)
        await ada.wait_for(lambda each: each.id == message.id and "Deleted" in each.text)
        await all_given(database)
    assert deleted == [ada.id]


async def test_a_row_of_an_older_version_is_apologised_for(
    sandbox: Sandbox, settings: Settings, ada: Member, undelivered: None
) -> None:
    async with Database.open(settings.database_path) as database:
        async with database.transaction() as db:
            await db.execute("UPDATE pending_responses SET payload = NULL, job_id = NULL")
        async with running_bot(sandbox, settings, database):
            await ada.wait_for(lambda message: message.text == pending_responses.INTERRUPTED)
            await all_given(database)


async def test_a_row_that_cannot_be_resumed_does_not_keep_others_waiting(
    sandbox: Sandbox, settings: Settings, ada: Member, undelivered: None
) -> None:
    async with Database.open(settings.database_path) as database:
        rows = PendingResponses(database)
        await rows.insert(
            1,
            member_id=1,
            payload=json.dumps({"id": 1}),
            updates_message=False,
            token="x",
            locale="de",
        )
        async with running_bot(sandbox, settings, database):
            await ada.wait_for(lambda message: "Position 1" in message.text)
            while len(await rows.all()) > 1:  # noqa: ASYNC110
                await asyncio.sleep(0.02)


async def test_without_a_row_on_disk_discord_is_not_told_that_the_bot_is_thinking(
    bot: ImagineBot, database: Database, ada: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bot that was killed now could not go on; so the member reads at once that it failed."""
    monkeypatch.setattr(pending_responses, "INSERT_SECONDS", 0.1)
    held = asyncio.Event()
    insert = PendingResponses.insert

    async def slow(*arguments: Any, **options: Any) -> None:
        await held.wait()
        await insert(*arguments, **options)

    monkeypatch.setattr(PendingResponses, "insert", slow)
    await ada.slash("imagine", include="a red circle")
    assert "nothing was queued" in await refusal(ada)
    held.set()
    await all_given(database)
    assert not await JobQueue(database).waiting()


async def test_a_database_that_fails_for_a_while_stops_no_resuming(
    sandbox: Sandbox,
    settings: Settings,
    ada: Member,
    undelivered: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    failures: list[Exception] = [StoreLockedError("locked"), ZeroDivisionError()]
    read = PendingResponses.all

    async def failing(rows: PendingResponses) -> Any:
        if failures:
            raise failures.pop()
        return await read(rows)

    async with Database.open(settings.database_path) as database:
        monkeypatch.setattr(PendingResponses, "all", failing)
        async with running_bot(sandbox, settings, database):
            await ada.wait_for(lambda message: "Position 1" in message.text)
    assert not failures
