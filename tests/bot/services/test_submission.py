"""Private requests, images as prompts, suggestions."""

from pathlib import Path

import pytest
from PIL import Image

from bot.client import ImagineBot
from bot.errors import RefusedError
from core.database.connection import Database
from core.database.errors import StoreFullError
from core.database.queue import JobQueue
from sandbox import Member, Sandbox
from tests.bot.conftest import ephemeral_message


async def test_a_private_request_is_shown_only_to_its_member(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada: Member, bob: Member
) -> None:
    await ada.slash("imagine", include="a secret", private=True)
    await ephemeral_message(ada, "on its way")
    direct = await ada.direct()
    (job,) = await JobQueue(database).waiting()
    job_message = await direct.wait_for(lambda message: "a secret" in message.text)
    assert (job.channel_id, job.message_id) == (direct.channel_id, job_message.id)
    assert job.guild_id == sandbox.guild.id
    assert not await bob.messages()
    await bob.slash("queue")
    assert "a secret" not in (await ephemeral_message(bob, "Waiting")).text
    await direct.press(job_message, job_message.buttons[0].custom_id)
    await direct.wait_for(lambda message: "Cancelled by" in message.text)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (StoreFullError("The disk is full."), "The queue is unavailable"),
        (RefusedError("You can't request images here."), "You can't request images here."),
        (RuntimeError("nobody foresaw this"), "Something went wrong"),
    ],
)
async def test_a_private_request_that_is_not_queued_leaves_no_direct_message(
    bot: ImagineBot,
    database: Database,
    ada: Member,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    text: str,
) -> None:
    async def failing(*_: object) -> None:
        raise error

    monkeypatch.setattr(bot.jobs, "insert", failing)
    await ada.slash("imagine", include="a secret", private=True)
    await ephemeral_message(ada, text)
    assert not await JobQueue(database).waiting()
    assert not await (await ada.direct()).messages()


async def test_a_private_request_is_shown_in_the_channel_if_direct_messages_are_closed(
    bot: ImagineBot, database: Database, ada: Member
) -> None:
    await ada.accept_direct_messages(False)
    await ada.slash("imagine", include="a secret", private=True)
    await ephemeral_message(ada, "I can't send you direct messages")
    (job,) = await JobQueue(database).waiting()
    assert (job.channel_id, job.message_id) == (ada.channel_id, None)


async def test_images_can_be_include_and_exclude_prompts(
    bot: ImagineBot, database: Database, ada: Member, tmp_path: Path
) -> None:
    for name in ("red", "blue"):
        Image.new("RGB", (9, 9), name).save(tmp_path / f"{name}.png")
    await ada.wait_filled(
        await ada.slash(
            "imagine", include="a sea", like=tmp_path / "red.png", unlike=tmp_path / "blue.png"
        )
    )
    recipe = (await JobQueue(database).waiting())[0].recipe
    assert len(recipe.include_images) == len(recipe.exclude_images) == 1
    assert recipe.include_images != recipe.exclude_images


async def test_a_members_own_latest_requests_are_suggested(
    bot: ImagineBot, ada: Member, bob: Member
) -> None:
    for include in ("a castle", "a lighthouse | fog:0.5", "a castle"):
        await ada.wait_filled(await ada.slash("imagine", include=include))
    await bob.wait_filled(await bob.slash("imagine", include="a light of bob's"))
    offered = await ada.complete("imagine", "include", include="")
    assert [choice["value"] for choice in offered] == ["a castle", "a lighthouse | fog:0.5"]
    offered = await ada.complete("imagine", "include", include="LIGHT")
    assert [choice["value"] for choice in offered] == ["a lighthouse | fog:0.5"]
