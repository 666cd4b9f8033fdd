"""A member deletes their data while the engine renders, and the bot is killed halfway."""

import pytest

from core.database.personal_data import PersonalData
from core.storage.paths import folder_of
from sandbox.discord.models import Message
from tests.end_to_end.conftest import PATIENCE, Product, job_id

pytestmark = pytest.mark.asyncio(loop_scope="module")


def public_message_ids(product: Product, channel_id: int) -> list[int]:
    messages: dict[int, Message] = product.discord.world.channels[channel_id].messages
    return [message.id for message in messages.values() if message.only_for is None]


async def test_a_killed_bot_finishes_the_deletion_after_its_restart(product: Product) -> None:
    await product.start("bot", "engine")
    ada, bob = await product.members("Ada", "Bob")
    bobs = await product.imagine(bob, "a green circle", steps=10)
    finished = await product.imagine(ada, "a red circle", steps=10)
    for member, job_message in ((bob, bobs), (ada, finished)):
        await product.wait_ended(member, job_message)
        await product.wait_posted(job_message)
    await ada.press(
        await product.wait_ended(ada, finished), f"imagine:timelapse:{job_id(finished)}"
    )
    running = await product.imagine(ada, "a blue circle", steps=300)
    await product.wait_rendering(running)
    await ada.slash("privacy")
    response = await ada.wait_for(
        lambda message: bool(message.buttons) and message.ephemeral, patience=PATIENCE
    )
    (button,) = response.buttons
    await ada.press(response, button.custom_id)
    await product.until(lambda: no_jobs(product, ada.id))
    await product.kill("bot")
    await product.start("bot")
    await product.until(lambda: public_message_ids(product, ada.channel_id) == [bobs.id])
    await product.until(lambda: not folder_of(job_id(finished), product.folder).exists())
    assert folder_of(job_id(bobs), product.folder).exists()
    # The engine has dropped the running job; whatever it still posts is deleted.
    later = await product.imagine(ada, "a yellow circle", steps=10)
    await product.wait_ended(ada, later)
    await product.until(
        lambda: sorted(public_message_ids(product, ada.channel_id)) == [bobs.id, later.id]
    )


async def no_jobs(product: Product, member_id: int) -> bool:
    return (await PersonalData(product.database).summary(member_id)).jobs == 0
