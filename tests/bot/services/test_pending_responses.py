"""What the bot acknowledges is answered, whatever dies or breaks in between."""

import asyncio
import sqlite3
from typing import Any

import pytest

from bot.client import ImagineBot
from bot.services import pending_responses
from core.database.jobs import Store
from core.database.pending_responses import Answers
from core.job import Job
from core.settings import Settings
from sandbox import Member, Sandbox
from sandbox.discord.models import Event
from tests.bot.conftest import all_given, running_bot, told

ANSWER = "POST /interactions/{interaction_id}/{interaction_token}/callback"
FOLLOW_UP = "POST /webhooks/{webhook_id}/{webhook_token}"


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pending_responses, "LOOK_SECONDS", 0.05)


class DyingStore(Store):
    """A bot that is torn away while it queues a job, before or after the job is there."""

    queues: bool

    async def add(self, *arguments: Any, **options: Any) -> Job:
        if self.queues:
            await super().add(*arguments, **options)
        raise asyncio.CancelledError


@pytest.mark.parametrize("private", [False, True])
@pytest.mark.parametrize("queued", [False, True])
async def test_what_a_killed_bot_left_open_is_answered_by_the_next(
    sandbox: Sandbox,
    settings: Settings,
    ada: Member,
    monkeypatch: pytest.MonkeyPatch,
    queued: bool,
    private: bool,
) -> None:
    async with DyingStore.open(settings.database_path) as store:
        store.queues = queued
        with monkeypatch.context() as dying:
            dying.setattr(pending_responses, "LOOK_SECONDS", 100)
            async with running_bot(sandbox, settings, store):
                reply = await ada.slash("imagine", include="a red circle", private=private)
                await asyncio.sleep(0.2)
        assert reply.message
        assert len(await Answers(store).left()) == 1
    async with (
        Store.open(settings.database_path) as store,
        running_bot(sandbox, settings, store),
    ):
        message = await ada.wait_filled(reply)
        if not queued:
            assert message.text == pending_responses.INTERRUPTED
        elif private:
            (job,) = await store.waiting()
            assert f"/{job.channel_id}" in message.text
        else:
            assert "In the queue\nPosition 1" in message.text
            assert [button.label for button in message.buttons] == ["Cancel"]
        await all_given(store)
        assert len(await store.waiting()) == queued
        assert [each.id for each in await ada.messages()] == [reply.message.id]


@pytest.mark.parametrize("applied", [False, True])
@pytest.mark.parametrize("status", [None, 500])
async def test_an_acknowledgement_whose_answer_is_lost_holds(
    bot: ImagineBot,
    sandbox: Sandbox,
    store: Store,
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
    (job,) = await store.waiting()
    assert job.message_id == card.id
    assert [each.id for each in await ada.messages()] == [card.id]


async def test_a_wish_that_discord_tells_twice_is_one(
    bot: ImagineBot, sandbox: Sandbox, store: Store, ada: Member
) -> None:
    heard: list[Event] = []
    stop = sandbox.world.listen(heard.append)
    card = await ada.wait_filled(await ada.slash("imagine", include="a red circle"))
    stop()
    (wish,) = [event for event in heard if event.name == "INTERACTION_CREATE"]
    sandbox.world.emit(wish)
    await asyncio.sleep(0.3)
    assert len(await store.waiting()) == 1
    assert [each.id for each in await ada.messages()] == [card.id]


async def test_a_reason_that_could_not_be_told_is_told_later(
    sandbox: Sandbox, settings: Settings, ada: Member
) -> None:
    async with (
        Store.open(settings.database_path) as store,
        running_bot(sandbox, settings, store),
    ):
        sandbox.faults.reset(FOLLOW_UP)

        async def failing(*arguments: Any, **options: Any) -> Job:
            raise sqlite3.OperationalError("disk I/O error")

        store.add = failing  # type: ignore[method-assign]
        await ada.slash("imagine", include="a red circle")
        message = await told(ada, pending_responses.INTERRUPTED)
        assert [each.id for each in await ada.messages()] == [message.id]
        await all_given(store)
