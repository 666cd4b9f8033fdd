"""What was acknowledged ends in the channel, once, whatever dies in between."""

import time

import pytest

from core.database.claims import Claims
from core.database.connection import Database
from core.job import State
from core.storage.paths import folder_of, state_of
from sandbox import MessageView
from tests.end_to_end.conftest import Product, job_id, pictures_of, title

pytestmark = pytest.mark.asyncio(loop_scope="module")

EDIT = "PATCH /channels/{channel_id}/messages/{message_id}"


async def test_the_cancel_button_outlives_a_bot_that_was_killed(product: Product) -> None:
    await product.start("bot")
    (ada,) = await product.members("Ada")
    card = await product.ask(ada, "a red circle", steps=10)
    await product.kill("bot")
    await product.start("bot")
    reply = await ada.press(card, card.buttons[0].custom_id)
    assert reply.kind == "deferred_update"
    await ada.wait_for(lambda message: title(message) == "Cancelled")
    await product.start("engine")
    job = await product.posted(card)
    assert (job.state, job.attempts) == (State.CANCELLED, 0)
    (message,) = await product.job_messages(ada)
    assert message.id == card.id
    assert "Cancelled by Ada." in message.text
    assert [button.label for button in message.buttons] == ["Again", "Edit"]


async def test_another_engine_renders_what_a_killed_one_left(product: Product) -> None:
    await product.start("bot", "engine")
    (ada,) = await product.members("Ada")
    options = {"include": "a red circle", "seed": 7, "steps": 40}
    card = await product.ask(ada, **options)
    saved = state_of(folder_of(job_id(card), product.folder))
    await product.until(saved.exists)
    await product.kill("engine")
    job = await product.job_of(card)
    assert job.state is State.RUNNING
    assert job.engine
    async with Database.open(product.database_path, clock=lambda: time.time() - 60) as a_minute_ago:
        await Claims(a_minute_ago).heartbeat(job.engine, lease_seconds=20)

    await product.start("engine")
    job = await product.posted(card)
    assert (job.state, job.attempts) == (State.DONE, 2)
    begun = [
        entry["step"]
        for entry in product.entries("engine", "job started")
        if entry["job"] == job.id
    ]
    assert begun[0] == 0 < begun[1]  # it went on from where it was
    (message,) = await product.job_messages(ada)
    assert message.id == card.id
    (picture,) = await pictures_of(ada, message)

    again = await product.ended(ada, await product.ask(ada, **options))
    (undisturbed,) = await pictures_of(ada, again)
    assert picture.tobytes() == undisturbed.tobytes()
    assert picture.info["recipe"] == undisturbed.info["recipe"]


async def test_an_engine_that_is_told_to_stop_loses_nothing(product: Product) -> None:
    await product.start("bot", "engine")
    (ada,) = await product.members("Ada")
    options = {"include": "a red circle", "seed": 7, "steps": 60}
    card = await product.ask(ada, **options)
    await product.painting(card)
    await product.stop("engine")
    job = await product.job_of(card)
    assert (job.state, job.attempts) == (State.QUEUED, 0)

    await product.start("engine")
    job = await product.posted(card)
    assert (job.state, job.attempts) == (State.DONE, 1)
    begun = [
        entry["step"]
        for entry in product.entries("engine", "job started")
        if entry["job"] == job.id
    ]
    assert begun[0] == 0
    assert len(begun) == 2
    assert begun[1] > 0
    (message,) = await product.job_messages(ada)
    (picture,) = await pictures_of(ada, message)
    again = await product.ended(ada, await product.ask(ada, **options))
    (undisturbed,) = await pictures_of(ada, again)
    assert picture.tobytes() == undisturbed.tobytes()


async def test_an_image_that_was_rendered_but_not_posted_is_posted_by_the_next_engine(
    product: Product,
) -> None:
    await product.start("bot", "engine")
    (ada,) = await product.members("Ada")
    product.discord.faults.fail(EDIT, 503, times=10_000)
    card = await product.ask(ada, "a blue star", steps=10)
    await product.until(lambda: tries_at_outcome(product, card))
    await product.kill("engine")
    product.discord.faults.clear()
    job = await product.job_of(card)
    assert (job.state, job.posted) == (State.DONE, False)

    await product.start("engine")
    job = await product.posted(card)
    assert job.attempts == 1  # shown, not painted once more
    (message,) = await product.job_messages(ada)
    assert message.id == card.id
    assert len(await pictures_of(ada, message)) == 1


async def test_an_image_gets_through_while_discord_fails(product: Product) -> None:
    await product.start("bot", "engine")
    faults = product.discord.faults
    faults.fail(EDIT, 503)
    faults.reset(EDIT)
    (ada,) = await product.members("Ada")
    card = await product.ask(ada, "a green square", steps=30)
    await product.painting(card)
    faults.fail(EDIT, 503, times=10_000)
    await product.until(lambda: tries_at_outcome(product, card))
    faults.clear()
    faults.reset(EDIT)
    faults.reset(EDIT, applied=True)
    job = await product.posted(card)
    assert job.state is State.DONE
    outcomes = tries_at_outcome(product, card)
    assert len(outcomes) >= 2
    assert outcomes[-1] == 200
    (message,) = await product.job_messages(ada)
    assert message.id == card.id
    assert title(message) == "Painted"
    assert len(await pictures_of(ada, message)) == 1


def tries_at_outcome(product: Product, card: MessageView) -> list[int | None]:
    """How Discord answered each request with the job's finished picture; None is a broken line."""
    name = f"imagine-{job_id(card)}-1.png"
    return [
        request.status
        for request in product.discord.requests
        if [file.filename for file in request.files] == [name]
    ]
