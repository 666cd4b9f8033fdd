"""The buttons of a job message, and private images, with the real bot and the real engine."""

import pytest

from core.job import State
from sandbox import Member, MessageView
from tests.end_to_end.conftest import PATIENCE, Product, images_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def press(member: Member, job_message: MessageView, label: str) -> MessageView:
    """Presses a button of a job message. Returns the response once it has content."""
    (button,) = [each for each in job_message.buttons if each.label == label]
    reply = await member.press(job_message, button.custom_id)
    return await member.wait_filled(reply, patience=PATIENCE)


async def test_a_stopped_image_is_kept_and_can_be_upscaled(product: Product) -> None:
    await product.start("bot", "engine")
    (ada,) = await product.members("Ada")
    job_message = await product.imagine(ada, "a yellow star", steps=100, seed=7)
    await product.wait_rendering(job_message)
    running = await ada.wait_for(
        lambda message: message.id == job_message.id and len(message.buttons) == 2,
        patience=PATIENCE,
    )
    await press(ada, running, "Stop and keep")
    kept = await product.wait_ended(ada, job_message)
    job = await product.job_of(kept)
    assert (job.state, job.stopping) == (State.DONE, True)
    assert f", at step {job.step} of 100." in kept.text
    assert len(await images_of(ada, kept)) == 1
    assert len(product.frames_of(kept)) < 100

    upscaled = await product.wait_ended(ada, await press(ada, kept, "Upscale"))
    child = await product.job_of(upscaled)
    assert (child.state, child.recipe.size, child.parent_id) == (State.DONE, "128x128", job.id)

    timelapse = await press(ada, kept, "Timelapse")
    (file,) = timelapse.files
    assert file.content_type == "video/mp4"
    assert (await ada.download(file))[4:8] == b"ftyp"


async def test_a_private_image_is_shown_only_in_direct_messages(product: Product) -> None:
    await product.start("bot", "engine")
    ada, bob = await product.members("Ada", "Bob")
    await ada.slash("imagine", include="a red circle", steps=10, private=True)
    direct = await ada.direct()
    shown = await direct.wait_for(lambda message: "Painted" in message.text, patience=PATIENCE)
    assert len(await images_of(direct, shown)) == 1
    assert not await bob.messages()
