"""A moderator pauses the bot while an image is being rendered."""

import pytest

from core.job import State
from sandbox.discord.permissions import Permission
from tests.end_to_end.conftest import Product, images_of, title

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_paused_job_resumes_at_its_step_and_ends_with_the_same_image(
    product: Product,
) -> None:
    await product.start("bot", "engine")
    (ada,) = await product.members("Ada")
    mo = await product.discord.member("Mo", permissions=int(Permission.MANAGE_MESSAGES))
    options = {"include": "a red circle", "seed": 7, "steps": 60}
    job_message = await product.imagine(ada, **options)
    await product.wait_rendering(job_message)
    await mo.slash("mod pause", why="a film evening")
    paused = await ada.wait_for(
        lambda each: each.id == job_message.id and "film evening" in each.text
    )
    assert title(paused) == "In the queue"
    assert (await product.job_of(job_message)).state is State.QUEUED
    (dropped,) = product.entries("engine", "job dropped")
    await mo.slash("mod resume")
    job = await product.wait_posted(job_message)
    assert (job.state, job.attempts) == (State.DONE, 1)
    assert [entry["step"] for entry in product.entries("engine", "job started")] == [
        0,
        dropped["step"],
    ]

    message = await product.wait_ended(ada, job_message)
    (image,) = await images_of(ada, message)
    again = await product.wait_ended(ada, await product.imagine(ada, **options))
    (uninterrupted,) = await images_of(ada, again)
    assert image.tobytes() == uninterrupted.tobytes()
