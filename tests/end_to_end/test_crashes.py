"""Every acknowledged request ends exactly once in the channel, whatever crashes in between."""

import time

import pytest

from core.database.claims import Claims
from core.database.connection import Database
from core.job import State
from core.storage.paths import folder_of, state_of
from sandbox import MessageView
from tests.end_to_end.conftest import Product, images_of, job_id, title

pytestmark = pytest.mark.asyncio(loop_scope="module")

EDIT = "PATCH /channels/{channel_id}/messages/{message_id}"


async def test_the_cancel_button_works_after_the_bot_was_killed(product: Product) -> None:
    await product.start("bot")
    (ada,) = await product.members("Ada")
    job_message = await product.imagine(ada, "a red circle", steps=10)
    await product.kill("bot")
    await product.start("bot")
    reply = await ada.press(job_message, job_message.buttons[0].custom_id)
    assert reply.kind == "deferred_update"
    await ada.wait_for(lambda message: title(message) == "Cancelled")
    await product.start("engine")
    job = await product.wait_posted(job_message)
    assert (job.state, job.attempts) == (State.CANCELLED, 0)
    (message,) = await product.job_messages(ada)
    assert message.id == job_message.id
    assert "Cancelled by Ada." in message.text
    assert [button.label for button in message.buttons] == ["Again", "Edit"]


async def test_another_engine_resumes_the_job_of_a_killed_engine(product: Product) -> None:
    await product.start("bot", "engine")
    (ada,) = await product.members("Ada")
    options = {"include": "a red circle", "seed": 7, "steps": 40}
    job_message = await product.imagine(ada, **options)
    saved = state_of(folder_of(job_id(job_message), product.folder))
    await product.until(saved.exists)
    await product.kill("engine")
    job = await product.job_of(job_message)
    assert job.state is State.RUNNING
    assert job.engine
    async with Database.open(product.database_path, clock=lambda: time.time() - 60) as a_minute_ago:
        await Claims(a_minute_ago).heartbeat(job.engine, lease_seconds=20)

    await product.start("engine")
    job = await product.wait_posted(job_message)
    assert (job.state, job.attempts) == (State.DONE, 2)
    start_steps = [
        entry["step"]
        for entry in product.entries("engine", "job started")
        if entry["job"] == job.id
    ]
    assert start_steps[0] == 0 < start_steps[1]  # resumed from its checkpoint
    (message,) = await product.job_messages(ada)
    assert message.id == job_message.id
    (image,) = await images_of(ada, message)

    again = await product.wait_ended(ada, await product.imagine(ada, **options))
    (uninterrupted,) = await images_of(ada, again)
    assert image.tobytes() == uninterrupted.tobytes()
    assert image.info["recipe"] == uninterrupted.info["recipe"]


async def test_stopping_the_engine_loses_no_work(product: Product) -> None:
    await product.start("bot", "engine")
    (ada,) = await product.members("Ada")
    options = {"include": "a red circle", "seed": 7, "steps": 60}
    job_message = await product.imagine(ada, **options)
    await product.wait_rendering(job_message)
    await product.stop("engine")
    job = await product.job_of(job_message)
    assert (job.state, job.attempts) == (State.QUEUED, 0)

    await product.start("engine")
    job = await product.wait_posted(job_message)
    assert (job.state, job.attempts) == (State.DONE, 1)
    start_steps = [
        entry["step"]
        for entry in product.entries("engine", "job started")
        if entry["job"] == job.id
    ]
    assert start_steps[0] == 0
    assert len(start_steps) == 2
    assert start_steps[1] > 0
    (message,) = await product.job_messages(ada)
    (image,) = await images_of(ada, message)
    again = await product.wait_ended(ada, await product.imagine(ada, **options))
    (uninterrupted,) = await images_of(ada, again)
    assert image.tobytes() == uninterrupted.tobytes()


async def test_an_image_that_was_rendered_but_not_posted_is_posted_by_the_next_engine(
    product: Product,
) -> None:
    await product.start("bot", "engine")
    (ada,) = await product.members("Ada")
    product.discord.faults.fail(EDIT, 503, times=10_000)
    job_message = await product.imagine(ada, "a blue star", steps=10)
    await product.until(lambda: outcome_statuses(product, job_message))
    await product.kill("engine")
    product.discord.faults.clear()
    job = await product.job_of(job_message)
    assert (job.state, job.posted) == (State.DONE, False)

    await product.start("engine")
    job = await product.wait_posted(job_message)
    assert job.attempts == 1  # posted, not rendered again
    (message,) = await product.job_messages(ada)
    assert message.id == job_message.id
    assert len(await images_of(ada, message)) == 1


async def test_an_image_is_posted_while_discord_fails(product: Product) -> None:
    await product.start("bot", "engine")
    faults = product.discord.faults
    faults.fail(EDIT, 503)
    faults.reset(EDIT)
    (ada,) = await product.members("Ada")
    job_message = await product.imagine(ada, "a green square", steps=30)
    await product.wait_rendering(job_message)
    faults.fail(EDIT, 503, times=10_000)
    await product.until(lambda: outcome_statuses(product, job_message))
    faults.clear()
    faults.reset(EDIT)
    faults.reset(EDIT, applied=True)
    job = await product.wait_posted(job_message)
    assert job.state is State.DONE
    statuses = outcome_statuses(product, job_message)
    assert len(statuses) >= 2
    assert statuses[-1] == 200
    (message,) = await product.job_messages(ada)
    assert message.id == job_message.id
    assert title(message) == "Painted"
    assert len(await images_of(ada, message)) == 1


def outcome_statuses(product: Product, job_message: MessageView) -> list[int | None]:
    """The response status of each request that sent the finished image; None: broken connection."""
    name = f"imagine-{job_id(job_message)}-1.png"
    return [
        request.status
        for request in product.discord.requests
        if [file.filename for file in request.files] == [name]
    ]
