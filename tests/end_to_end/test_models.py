"""Several models: each engine takes the jobs for its own."""

import pytest

from sandbox import Member, MessageView
from tests.end_to_end.conftest import Product, images_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

OTHER_ENGINE = "engine of picturebook"


async def model_of(member: Member, message: MessageView) -> str:
    """The model that made a finished image, from its metadata."""
    (image,) = await images_of(member, message)
    return str(image.info["model"])


async def test_each_engine_renders_with_its_model_and_variations_stay_with_it(
    product: Product,
) -> None:
    product.settings = {"bot": {"MODELS": "picturebook"}, OTHER_ENGINE: {"MODEL": "picturebook"}}
    await product.start("bot", "engine", OTHER_ENGINE)
    (ada,) = await product.members("Ada")
    requests = [
        await product.imagine(ada, "a circle", steps=10),
        await product.imagine(ada, "a lighthouse", steps=10, model="picturebook"),
    ]
    ended = [await product.wait_ended(ada, message) for message in requests]
    assert [await model_of(ada, message) for message in ended] == ["sketch", "picturebook"]
    vary = next(b for b in ended[1].buttons if b.custom_id.startswith("imagine:vary"))
    variation = await ada.wait_filled(await ada.press(ended[1], vary.custom_id))
    job = await product.job_of(variation)
    assert job.recipe.model == "picturebook"
