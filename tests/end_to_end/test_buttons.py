"""From a picture to the next, by its buttons, with the real bot and the real engine."""

import pytest

from core.job import State
from sandbox import Member, MessageView
from tests.end_to_end.conftest import PATIENCE, Product, pictures_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def press(member: Member, card: MessageView, label: str) -> MessageView:
    """The message that answers a press on a public card, once it says something."""
    (button,) = [each for each in card.buttons if each.label == label]
    reply = await member.press(card, button.custom_id)
    return await member.wait_filled(reply, patience=PATIENCE)


async def test_what_was_stopped_is_kept_and_grows(product: Product) -> None:
    await product.start("bot", "engine")
    (ada,) = await product.members("Ada")
    card = await product.ask(ada, "a yellow star", steps=250, seed=7)
    await product.painting(card)
    running = await ada.wait_for(
        lambda message: message.id == card.id and len(message.buttons) == 2, patience=PATIENCE
    )
    await press(ada, running, "Stop and keep")
    kept = await product.ended(ada, card)
    job = await product.job_of(kept)
    assert (job.state, job.stopping) == (State.DONE, True)
    assert len(await pictures_of(ada, kept)) == 1
    assert len(product.frames_of(kept)) < 100

    larger = await product.ended(ada, await press(ada, kept, "Upscale"))
    grown = await product.job_of(larger)
    assert (grown.state, grown.recipe.size, grown.parent_id) == (State.DONE, "128x128", job.id)

    film = await press(ada, kept, "Timelapse")
    (file,) = film.files
    assert file.content_type == "video/mp4"
    assert (await ada.download(file))[4:8] == b"ftyp"


async def test_a_private_image_is_shown_in_the_direct_conversation_alone(
    product: Product,
) -> None:
    await product.start("bot", "engine")
    ada, bob = await product.members("Ada", "Bob")
    await ada.slash("imagine", include="a red circle", steps=10, private=True)
    direct = await ada.direct()
    shown = await direct.wait_for(lambda message: "Painted" in message.text, patience=PATIENCE)
    assert len(await pictures_of(direct, shown)) == 1
    assert not await bob.messages()
