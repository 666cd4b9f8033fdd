"""A moderator's word reaches the picture that is being painted."""

import pytest

from core.job import State
from sandbox.discord.permissions import Permission
from tests.end_to_end.conftest import Product, pictures_of, title

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_paused_image_goes_on_from_its_step_as_if_nothing_had_been(
    product: Product,
) -> None:
    await product.start("bot", "engine")
    (ada,) = await product.members("Ada")
    mo = await product.discord.member("Mo", permissions=int(Permission.MANAGE_MESSAGES))
    options = {"include": "a red circle", "seed": 7, "steps": 60}
    card = await product.ask(ada, **options)
    await product.painting(card)
    await mo.slash("mod pause", why="a film evening")
    paused = await ada.wait_for(lambda each: each.id == card.id and "film evening" in each.text)
    assert title(paused) == "In the queue"
    assert (await product.job_of(card)).state is State.QUEUED
    (dropped,) = product.entries("engine", "job dropped")
    await mo.slash("mod resume")
    job = await product.posted(card)
    assert (job.state, job.attempts) == (State.DONE, 1)
    assert [entry["step"] for entry in product.entries("engine", "job started")] == [
        0,
        dropped["step"],
    ]

    message = await product.ended(ada, card)
    (picture,) = await pictures_of(ada, message)
    again = await product.ended(ada, await product.ask(ada, **options))
    (undisturbed,) = await pictures_of(ada, again)
    assert picture.tobytes() == undisturbed.tobytes()
