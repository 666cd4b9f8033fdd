"""A member deletes everything while the engine renders, and the bot is killed in the middle."""

import pytest

from core.database.personal_data import PersonalData
from core.storage.paths import folder_of
from sandbox.discord.models import Message
from tests.end_to_end.conftest import PATIENCE, Product, job_id

pytestmark = pytest.mark.asyncio(loop_scope="module")


def public(product: Product, channel_id: int) -> list[int]:
    messages: dict[int, Message] = product.discord.world.channels[channel_id].messages
    return [message.id for message in messages.values() if message.only_for is None]


async def test_a_killed_bot_deletes_the_rest_once_it_is_back(product: Product) -> None:
    await product.start("bot", "engine")
    ada, bob = await product.members("Ada", "Bob")
    bobs = await product.ask(bob, "a green circle", steps=10)
    finished = await product.ask(ada, "a red circle", steps=10)
    for member, card in ((bob, bobs), (ada, finished)):
        await product.ended(member, card)
        await product.posted(card)
    await ada.press(await product.ended(ada, finished), f"imagine:timelapse:{job_id(finished)}")
    running = await product.ask(ada, "a blue circle", steps=300)
    await product.painting(running)
    await ada.slash("privacy")
    answer = await ada.wait_for(
        lambda message: bool(message.buttons) and message.ephemeral, patience=PATIENCE
    )
    (button,) = answer.buttons
    await ada.press(answer, button.custom_id)
    await product.until(lambda: no_jobs(product, ada.id))
    await product.kill("bot")
    await product.start("bot")
    await product.until(lambda: public(product, ada.channel_id) == [bobs.id])
    await product.until(lambda: not folder_of(job_id(finished), product.folder).exists())
    assert folder_of(job_id(bobs), product.folder).exists()
    # The engine has let go of the running job, and whatever it sends now is deleted.
    later = await product.ask(ada, "a yellow circle", steps=10)
    await product.ended(ada, later)
    await product.until(lambda: sorted(public(product, ada.channel_id)) == [bobs.id, later.id])


async def no_jobs(product: Product, member_id: int) -> bool:
    return (await PersonalData(product.database).summary(member_id)).jobs == 0
