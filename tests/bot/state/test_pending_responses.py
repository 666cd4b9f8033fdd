"""Every acknowledged interaction gets its response, whatever fails; see also test_responses.py."""

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
from tests.bot.conftest import ephemeral_message, refusal, running_bot, wait_for_pending_responses

CALLBACK = "POST /interactions/{interaction_id}/{interaction_token}/callback"
FOLLOW_UP = "POST /webhooks/{webhook_id}/{webhook_token}"


@pytest.fixture(autouse=True)
def fast_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(responses, "RESUME_SECONDS", 0.05)


@pytest.mark.parametrize("applied", [False, True])
@pytest.mark.parametrize("status", [None, 500])
async def test_an_acknowledgement_counts_even_if_discords_answer_is_lost(
    bot: ImagineBot,
    sandbox: Sandbox,
    database: Database,
    ada: Member,
    status: int | None,
    applied: bool,
) -> None:
    if status:
        sandbox.faults.fail(CALLBACK, status, applied=applied)
    else:
        sandbox.faults.reset(CALLBACK, applied=applied)
    reply = await ada.slash("imagine", include="a red circle")
    message = await ada.wait_filled(reply)
    assert "Position 1" in message.text
    (job,) = await JobQueue(database).waiting()
    assert job.message_id == message.id
    assert [each.id for each in await ada.messages()] == [message.id]


async def test_an_interaction_that_discord_delivers_twice_makes_one_job(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada: Member
) -> None:
    events: list[Event] = []
    stop = sandbox.world.listen(events.append)
    message = await ada.wait_filled(await ada.slash("imagine", include="a red circle"))
    stop()
    (interaction,) = [event for event in events if event.name == "INTERACTION_CREATE"]
    sandbox.world.emit(interaction)
    await asyncio.sleep(0.3)
    assert len(await JobQueue(database).waiting()) == 1
    assert [each.id for each in await ada.messages()] == [message.id]


async def test_a_reason_that_could_not_be_sent_is_sent_later(
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
        message = await ephemeral_message(ada, "Something went wrong")
        assert [each.id for each in await ada.messages()] == [message.id]
        await wait_for_pending_responses(database)


async def test_a_refused_request_stays_refused_even_if_the_member_may_not_have_read_why(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada: Member
) -> None:
    """The reason may no longer apply, but a member who has read it doesn't expect an image."""
    await ModerationQueue(database).pause(sandbox.guild.id, 1, None)
    sandbox.faults.reset(FOLLOW_UP, times=2, applied=True)
    await ada.slash("imagine", include="a red circle")
    await ephemeral_message(ada, "Image requests are paused")
    await ModerationQueue(database).resume(sandbox.guild.id, 1)
    await wait_for_pending_responses(database)
    assert await JobQueue(database).waiting() == []


@pytest.fixture
async def undelivered(
    sandbox: Sandbox, settings: Settings, ada: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job was queued, but its message could not be shown before the bot was closed."""

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


async def test_an_expired_token_leaves_no_pending_response(
    sandbox: Sandbox, settings: Settings, ada: Member, undelivered: None
) -> None:
    """The job stays in the queue for the engine to show; nobody waits for the response any more."""
    sandbox.clock.advance(TOKEN_SECONDS + 1)
    async with Database.open(settings.database_path) as database:
        assert len(await PendingResponses(database).all()) == 1
        async with running_bot(sandbox, settings, database):
            await wait_for_pending_responses(database)
            assert len(await JobQueue(database).waiting()) == 1


async def test_a_wrong_clock_does_not_drop_a_response_that_discord_still_accepts(
    sandbox: Sandbox, settings: Settings, ada: Member, undelivered: None
) -> None:
    ahead = TOKEN_SECONDS + 1
    async with (
        Database.open(settings.database_path, clock=lambda: time.time() + ahead) as database,
        running_bot(sandbox, settings, database),
    ):
        await wait_for_pending_responses(database)
    (message,) = await ada.messages()
    assert "Position 1" in message.text


async def test_a_delivered_response_does_not_run_again_while_its_row_cannot_be_deleted(
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

        async def recorded(member_id: int) -> int:
            deleted.append(member_id)
            return await delete_member(member_id)

        monkeypatch.setattr(deletions, "delete_member", recorded)
        reply = await ada.slash("privacy")
        message = await ada.wait_filled(reply)
        await ada.press(message, message.buttons[0].custom_id)
        await ada.wait_for(lambda each: each.id == message.id and "Deleted" in each.text)
        await wait_for_pending_responses(database)
    assert deleted == [ada.id]


async def test_a_row_from_an_older_version_gets_an_apology(
    sandbox: Sandbox, settings: Settings, ada: Member, undelivered: None
) -> None:
    async with Database.open(settings.database_path) as database:
        async with database.transaction() as db:
            await db.execute("UPDATE pending_responses SET payload = NULL, job_id = NULL")
        async with running_bot(sandbox, settings, database):
            await ada.wait_for(lambda message: message.text == pending_responses.INTERRUPTED)
            await wait_for_pending_responses(database)


async def test_a_row_that_cannot_be_resumed_does_not_block_others(
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


async def test_an_interaction_is_not_acknowledged_before_its_row_is_on_disk(
    bot: ImagineBot, database: Database, ada: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bot killed now could not resume it, so the member reads at once that it failed."""
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
    await wait_for_pending_responses(database)
    assert not await JobQueue(database).waiting()


async def test_responses_are_resumed_after_the_database_has_failed_for_a_while(
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
