"""/describe and its context menu: a job of its own kind, whose prompts can be requested."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bot.client import ImagineBot
from core.database.claims import Claims
from core.database.connection import Database
from core.database.guild_rules import GuildRules
from core.database.jobs import Jobs
from core.database.queue import JobQueue
from core.description import Description, write_descriptions
from core.discord_ui.job_message import job_message
from core.job import Job, JobKind, State
from core.moderation import Limits
from core.prompts import parse_prompts
from core.settings import Settings
from core.storage.paths import folder_of
from sandbox import Member, MessageView, Sandbox
from tests.bot.conftest import ephemeral_message, press_button, refusal, wait_for_deletions

PROMPTS = [
    Description("a red circle | outline drawing:0.2", 0.412),
    Description("a red *ring*", 0.3),
    Description("a heart", 0.2),
]


@pytest.fixture
def lawn(tmp_path: Path) -> Path:
    path = tmp_path / "lawn.png"
    Image.new("RGB", (30, 20), "green").save(path)
    return path


@pytest.fixture
def description_job(database: Database, settings: Settings, bot: ImagineBot, lawn: Path) -> Any:
    """Finishes a member's description as an engine would; returns the job and its message."""

    async def description_job(member: Member, **options: Any) -> tuple[Job, MessageView]:
        message = await member.wait_filled(await member.slash("describe", image=lawn, **options))
        job = await Claims(database).claim("engine", 60)
        assert job
        write_descriptions(folder_of(job.id, settings.data_dir), PROMPTS)
        await Claims(database).finish(job.id, "engine", State.DONE)
        await Jobs(database).mark_posted(job.id)
        done = await Jobs(database).get(job.id)
        assert done
        partial_message = bot.get_partial_messageable(done.channel_id).get_partial_message(
            message.id
        )
        await partial_message.edit(view=job_message(done, descriptions=PROMPTS))
        return done, await member.wait_for(lambda each: "0.41" in each.text)

    return description_job


async def test_a_description_waits_in_the_queue_as_a_job(
    bot: ImagineBot, database: Database, settings: Settings, ada: Member, lawn: Path
) -> None:
    message = await ada.wait_filled(await ada.slash("describe", image=lawn))
    (job,) = await JobQueue(database).waiting()
    assert (job.kind, job.message_id, job.recipe.include) == (JobKind.DESCRIPTION, message.id, ())
    (name,) = job.recipe.image_names
    assert (settings.data_dir / "initial" / f"{name}.png").exists()
    assert "Position 1" in message.text
    assert [button.label for button in message.buttons] == ["Cancel"]
    await ada.press(message, message.buttons[0].custom_id)
    await ada.wait_for(lambda message: message.title == "Cancelled")
    cancelled = await Jobs(database).get(job.id)
    assert cancelled
    assert cancelled.state is State.CANCELLED


async def test_a_private_description_is_sent_by_direct_message(
    bot: ImagineBot, database: Database, ada: Member, lawn: Path
) -> None:
    await ada.slash("describe", image=lawn, private=True)
    await ephemeral_message(ada, "Your description is on its way")
    (job,) = await JobQueue(database).waiting()
    assert job.channel_id != ada.channel_id


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("text.png", b"no image at all", "isn't a PNG"),
        ("large.png", bytes(11 * 2**20), "The limit is 10 MB"),
    ],
)
async def test_a_file_that_is_not_an_image_or_too_large_is_refused(
    bot: ImagineBot,
    database: Database,
    ada: Member,
    tmp_path: Path,
    name: str,
    content: bytes,
    sentence: str,
) -> None:
    (tmp_path / name).write_bytes(content)
    await ada.slash("describe", image=tmp_path / name)
    assert sentence in await refusal(ada)
    assert not await JobQueue(database).waiting()


async def test_the_limits_for_requests_apply_to_descriptions(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada: Member, lawn: Path
) -> None:
    guild = sandbox.guild.id
    await GuildRules(database).set_limits(guild, guild, Limits(waiting=1, size="64x64"), ada.id)
    await ada.wait_filled(await ada.slash("describe", image=lawn))
    await ada.slash("describe", image=lawn)
    await ephemeral_message(ada, "You already have 1 request in the queue")
    assert len(await JobQueue(database).waiting()) == 1


async def test_each_prompt_has_a_button_that_requests_it_for_the_member_who_presses(
    sandbox: Sandbox, database: Database, ada: Member, bob: Member, description_job: Any
) -> None:
    job, message = await description_job(ada)
    assert [button.label for button in message.buttons] == ["Paint this"] * 3 + ["Delete"]
    assert r"a red circle \| outline drawing:0.2" in message.text
    await bob.wait_filled(await bob.press(message, message.buttons[0].custom_id))
    (new_job,) = await JobQueue(database).waiting()
    assert new_job.recipe.include == parse_prompts(PROMPTS[0].prompt)
    assert (new_job.kind, new_job.member_id, new_job.parent_id) == (JobKind.IMAGE, bob.id, job.id)


@pytest.mark.parametrize("action", ["again", "vary", "edit", "details", "timelapse", "favourite"])
async def test_the_buttons_for_images_are_refused(
    sandbox: Sandbox, database: Database, ada: Member, description_job: Any, action: str
) -> None:
    job, message = await description_job(ada)
    await press_button(sandbox, ada, message, f"{action}:{job.id}")
    await ephemeral_message(ada, f"Job #{job.id} has no image.")
    assert not await JobQueue(database).waiting()


async def test_deleting_a_description_deletes_its_folder_and_message(
    bot: ImagineBot, database: Database, settings: Settings, ada: Member, description_job: Any
) -> None:
    job, message = await description_job(ada)
    await bot.deletions.delete_job(job.id, ada.id)
    await wait_for_deletions(database)
    assert not folder_of(job.id, settings.data_dir).exists()
    assert message.id not in [each.id for each in await ada.messages()]


async def test_a_description_is_not_in_the_history_and_has_no_prompt_to_show(
    bot: ImagineBot, sandbox: Sandbox, ada: Member, description_job: Any
) -> None:
    _, message = await description_job(ada)
    assert await bot.members.history(ada.id, sandbox.guild.id) == (0, [])
    await ada.use_menu("What was this prompt?", message)
    await ephemeral_message(ada, "doesn't show one of my images")


async def test_the_menu_describes_the_image_of_any_message(
    bot: ImagineBot, database: Database, ada: Member, bob: Member, lawn: Path
) -> None:
    message = await bob.say("my lawn", lawn)
    await ada.wait_filled(await ada.use_menu("Describe this image", message))
    (job,) = await JobQueue(database).waiting()
    assert (job.kind, job.member_id) == (JobKind.DESCRIPTION, ada.id)
    empty = await bob.say("no image")
    await ada.use_menu("Describe this image", empty)
    await ephemeral_message(ada, "There is no image in this message to describe.")


async def test_an_image_behind_a_spoiler_is_described_behind_a_spoiler(
    bot: ImagineBot, database: Database, ada: Member, lawn: Path
) -> None:
    hidden = lawn.with_name("SPOILER_lawn.png")
    await asyncio.to_thread(lawn.rename, hidden)
    message = await ada.say("my lawn", hidden)
    await ada.wait_filled(await ada.use_menu("Describe this image", message))
    (job,) = await JobQueue(database).waiting()
    assert job.spoilered
    shown = job_message(job, descriptions=PROMPTS)
    assert [t for t in map(str, shown.to_components()) if "||a heart||" in t]
