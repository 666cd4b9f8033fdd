"""Which requests the bot admits, from commands, buttons and context menus."""

import asyncio
from pathlib import Path
from typing import Any

import discord
import pytest
from PIL import Image

from bot.client import ImagineBot
from bot.state.upload_queue import REJECTIONS_PER_HOUR
from core.database.connection import Database
from core.database.jobs import Jobs
from core.database.messages import Kind, Messages
from core.database.queue import JobQueue
from core.job import NewJob
from core.moderation import Limits
from core.storage.paths import finished_images, folder_of
from core.storage.uploaded_images import Rejection, RejectionReason
from sandbox import Member, MessageView, Sandbox
from tests.bot.conftest import TIMEOUT, ephemeral_message, press_button, request_image

OPTIONS = {"include": "a red circle", "seed": 7, "steps": 40}


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    Image.new("RGB", (30, 20), "green").save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


async def waiting_jobs(database: Database) -> int:
    return len(await JobQueue(database).waiting())


async def show(member: Member, job_id: int) -> MessageView:
    """The response to /show."""
    return await member.wait_filled(await member.slash("show", job=job_id))


def vary_button(message: MessageView) -> str:
    """The custom id of the message's Vary button."""
    return next(each.custom_id for each in message.buttons if ":vary:" in each.custom_id)


async def test_a_slow_request_does_not_delay_other_members(
    bot: ImagineBot, database: Database, ada: Member, bob: Member
) -> None:
    lock = bot.admission_locks.setdefault(ada.id, asyncio.Lock())
    async with lock:
        reply = await ada.slash("imagine", **OPTIONS)
        await request_image(bob)
        assert await waiting_jobs(database) == 1
    await ada.wait_filled(reply)
    assert await waiting_jobs(database) == 2


async def test_an_edit_does_not_launder_a_job_from_an_age_restricted_channel(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada: Member, rendered_job: Any
) -> None:
    """A harmless prompt for the image of another job, requested in a normal channel."""
    adults = ada.at(await sandbox.client.channel("late", nsfw=True))
    job, _ = await rendered_job(adults)
    assert job.age_restricted
    await ada.slash("show", job=job.id)
    refused = await ephemeral_message(ada, "can only be shown in one")
    assert not refused.files
    message = await request_image(ada)
    for action in ("again", "vary", "edit", "more", "details"):
        row = ":0" if action in ("vary", "more") else ""
        await press_button(sandbox, ada, message, f"{action}:{job.id}{row}")
    await ephemeral_message(ada, "can only be shown in one")
    assert await waiting_jobs(database) == 1
    there = await show(adults, job.id)
    await adults.wait_filled(await adults.press(there, vary_button(there)))
    varied = (await JobQueue(database).waiting())[-1]
    assert (varied.parent_id, varied.age_restricted) == (job.id, True)


async def test_older_jobs_of_a_channel_that_became_age_restricted_stay_there(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada: Member, rendered_job: Any
) -> None:
    """Even jobs from before this was recorded with each job."""
    adults = ada.at(await sandbox.client.channel("late", nsfw=True))
    job, _ = await rendered_job(adults)
    async with database.transaction() as db:
        await db.execute("UPDATE jobs SET age_restricted = 0")
    await ada.slash("show", job=job.id)
    await ephemeral_message(ada, "can only be shown in one")


async def test_an_uploaded_image_from_an_age_restricted_channel_stays_there(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada: Member, photo: Path
) -> None:
    adults = ada.at(await sandbox.client.channel("late", nsfw=True))
    await adults.wait_filled(await adults.slash("imagine", **OPTIONS, image=photo))
    await ada.slash("imagine", **OPTIONS, image=photo)
    await ephemeral_message(ada, "only request it in an age-restricted channel")
    assert await waiting_jobs(database) == 1


@pytest.mark.parametrize("forwarded", [False, True])
async def test_an_image_of_an_age_restricted_job_does_not_count_as_a_new_upload(
    bot: ImagineBot,
    sandbox: Sandbox,
    database: Database,
    ada: Member,
    rendered_job: Any,
    forwarded: bool,
) -> None:
    adults = await sandbox.client.channel("late", nsfw=True)
    job, _ = await rendered_job(ada.at(adults))
    files = finished_images(folder_of(job.id, bot.settings.data_dir))
    channel = bot.get_partial_messageable(ada.channel_id)
    copy = await channel.send(files=[discord.File(files[0])])
    await Messages(database).sent(job.id, Kind.SHOW, ada.channel_id, copy.id)
    shown = await ada.wait_for(lambda each: each.id == copy.id)
    if forwarded:
        elsewhere = await sandbox.client.channel("elsewhere")
        shown, ada = await ada.forward(shown, elsewhere), ada.at(elsewhere)
    opened = await ada.use_menu("Imagine from this image", shown)
    await ada.submit(opened, include="a sea", strength="0.5")
    await ephemeral_message(ada, "only request it in an age-restricted channel")
    described = await ada.use_menu("Describe this image", shown)
    refusal = await ada.wait_for(
        lambda each: "age-restricted channel" in each.text and each.id > described.interaction_id
    )
    assert refusal.ephemeral
    assert await waiting_jobs(database) == 0


async def test_a_spoiler_is_inherited_by_jobs_in_other_channels(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada: Member, rendered_job: Any
) -> None:
    job, _ = await rendered_job(ada)
    async with database.transaction() as db:
        await db.execute("UPDATE jobs SET spoilered = 1")
    other = ada.at(await sandbox.client.channel("other"))
    there = await show(other, job.id)
    await other.wait_filled(await other.press(there, vary_button(there)))
    (varied,) = await JobQueue(database).waiting()
    assert (varied.parent_id, varied.spoilered) == (job.id, True)


async def test_someone_elses_upload_is_not_used_again_but_the_result_can_be_varied(
    bot: ImagineBot,
    sandbox: Sandbox,
    database: Database,
    ada: Member,
    bob: Member,
    rendered_job: Any,
    photo: Path,
) -> None:
    """Rendering from it again would reveal the photo, which was never posted."""
    job, message = await rendered_job(ada, image=photo, like=photo)
    for action in ("again", "edit"):
        reply = await press_button(sandbox, bob, message, f"{action}:{job.id}")
        assert reply.kind != "modal"
    await ephemeral_message(bob, "image that someone else uploaded")
    assert await waiting_jobs(database) == 0
    await bob.wait_filled(await press_button(sandbox, bob, message, f"vary:{job.id}:0"))
    (varied,) = await JobQueue(database).waiting()
    assert varied.recipe.source
    assert not varied.recipe.image_names
    await ada.wait_filled(await press_button(sandbox, ada, message, f"again:{job.id}"))
    again = (await JobQueue(database).waiting())[-1]
    assert again.recipe.image_names == job.recipe.image_names


async def test_details_name_only_jobs_that_the_viewer_may_see(
    bot: ImagineBot,
    sandbox: Sandbox,
    database: Database,
    ada: Member,
    bob: Member,
    rendered_job: Any,
) -> None:
    job, message = await rendered_job(ada)
    common = {"guild_id": sandbox.guild.id, "message_id": None, "member_id": ada.id}
    child_of_job = {**common, "member_name": "Ada", "parent_id": job.id}
    private = await Jobs(database).insert(
        NewJob(recipe=job.recipe, channel_id=4242, **child_of_job)
    )
    public = await Jobs(database).insert(
        NewJob(recipe=job.recipe, channel_id=ada.channel_id, **child_of_job)
    )
    await press_button(sandbox, bob, message, f"details:{job.id}")
    seen = (await ephemeral_message(bob, "Led to")).text
    assert f"#{public.id}" in seen
    assert f"#{private.id}" not in seen
    grandchild = await Jobs(database).insert(
        NewJob(
            recipe=job.recipe, channel_id=ada.channel_id, **child_of_job | {"parent_id": private.id}
        )
    )
    await press_button(sandbox, bob, message, f"details:{grandchild.id}")
    assert f"#{private.id}" not in (await ephemeral_message(bob, f"#{grandchild.id}")).text
    await press_button(sandbox, ada, message, f"details:{job.id}")
    assert f"#{private.id}" in (await ephemeral_message(ada, "Led to")).text


async def test_a_former_member_cannot_queue_for_the_server_from_direct_messages(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada: Member
) -> None:
    await ada.slash("imagine", **OPTIONS, private=True)
    await ephemeral_message(ada, "Your image is on its way")
    direct = await ada.direct()
    (job,) = await JobQueue(database).waiting()
    job_message = await direct.wait_for(lambda message: bool(message.buttons))
    await ada.leave()
    message = sandbox.world.channels[direct.channel_id].messages[job_message.id]
    part = {"type": 2, "style": 2, "label": "x", "custom_id": f"imagine:again:{job.id}", "id": 2}
    message.components = [{"type": 1, "id": 1, "components": [part]}]
    await direct.press(job_message, f"imagine:again:{job.id}")
    await direct.wait_for(lambda message: "no longer a member" in message.text)
    assert await waiting_jobs(database) == 1


async def test_rejected_files_count_towards_the_hourly_limit(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada: Member, tmp_path: Path
) -> None:
    guild_id = sandbox.guild.id
    await bot.guild_rules.set_limits(guild_id, guild_id, Limits(per_hour=2), actor_id=1)
    for number in range(2):
        (tmp_path / "text.png").write_bytes(bytes([number]))
        await ada.slash("imagine", **OPTIONS, image=tmp_path / "text.png")
        async with asyncio.timeout(TIMEOUT):
            while bot.rejected_uploads.count(ada.id, guild_id) <= number:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    await ada.slash("imagine", **OPTIONS)
    await ephemeral_message(ada, "made 2 requests in the last hour")
    assert await waiting_jobs(database) == 0


async def test_after_many_rejected_files_no_more_are_read(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada: Member, photo: Path
) -> None:
    for number in range(REJECTIONS_PER_HOUR):
        rejection = Rejection(RejectionReason.UNREADABLE)
        bot.rejected_uploads.add(bytes([number]), rejection, ada.id, sandbox.guild.id)
    await ada.slash("imagine", **OPTIONS, image=photo)
    await ephemeral_message(ada, "couldn't be read in the last hour")
    assert await waiting_jobs(database) == 0
    await request_image(ada)


async def test_a_full_upload_queue_refuses_at_once_and_downloads_nothing(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada: Member, photo: Path
) -> None:
    async with bot.upload_queue.slot(ada.id, sandbox.guild.id):
        replies = [await ada.slash("imagine", **OPTIONS, image=photo) for _ in range(3)]
        await ephemeral_message(ada, "still reading your other images")
        assert not any("/cdn/" in request.path for request in sandbox.requests)
    for reply in replies[:2]:
        await ada.wait_filled(reply)
    assert await waiting_jobs(database) == 2
