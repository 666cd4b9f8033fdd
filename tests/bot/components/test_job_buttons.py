"""The buttons on a job message, pressed by its member and by others."""

from typing import Any

import pytest

from bot.client import ImagineBot
from core.database.claims import Claims
from core.database.connection import Database
from core.database.queue import JobQueue
from core.job import Job
from core.moderation import WordRule
from core.prompts import Prompt
from core.recipe import Source
from core.settings import Settings
from core.storage.paths import folder_of
from sandbox import Member, Sandbox
from tests.bot.conftest import (
    ephemeral_message,
    press_button,
    request_image,
    running_bot,
    wait_for_deletions,
)


async def newest(database: Database) -> Job:
    return (await JobQueue(database).waiting())[-1]


async def test_again_requests_the_same_recipe_with_another_seed_for_the_member_who_presses(
    bot: ImagineBot,
    sandbox: Sandbox,
    database: Database,
    ada: Member,
    bob: Member,
    rendered_job: Any,
) -> None:
    job, message = await rendered_job(ada)
    reply = await press_button(sandbox, bob, message, f"again:{job.id}")
    await bob.wait_filled(reply)
    again = await newest(database)
    assert (again.member_id, again.parent_id) == (bob.id, job.id)
    assert again.recipe.seed != 7
    assert again.recipe.with_seed(7) == job.recipe
    assert reply.message
    assert again.message_id == reply.message.id


@pytest.mark.parametrize(
    ("action", "changed"),
    [
        ("vary", {"count": 4}),
        ("more", {"seed": 8}),
        ("larger", {"seed": 8, "width": 128, "height": 128}),
    ],
)
async def test_one_of_several_images_can_be_varied_refined_or_enlarged(
    bot: ImagineBot,
    sandbox: Sandbox,
    database: Database,
    ada: Member,
    rendered_job: Any,
    action: str,
    changed: dict[str, Any],
) -> None:
    job, message = await rendered_job(ada, count=2)
    await ada.wait_filled(await press_button(sandbox, ada, message, f"{action}:{job.id}:1"))
    recipe = (await newest(database)).recipe
    assert recipe.source
    assert (recipe.source.job, recipe.source.row) == (job.id, 1)
    assert {name: getattr(recipe, name) for name in changed} == changed


@pytest.mark.parametrize(("action", "spread"), [("subtle", 0.25), ("vary", 0.5), ("strong", 0.8)])
async def test_variations_differ_in_strength(
    bot: ImagineBot,
    sandbox: Sandbox,
    database: Database,
    ada: Member,
    rendered_job: Any,
    action: str,
    spread: float,
) -> None:
    job, message = await rendered_job(ada)
    await ada.wait_filled(await press_button(sandbox, ada, message, f"{action}:{job.id}"))
    recipe = (await newest(database)).recipe
    assert (recipe.source, recipe.count) == (Source(job.id, 0, spread), 4)
    assert recipe.include == job.recipe.include


async def test_remix_varies_an_image_with_other_prompts(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada: Member, rendered_job: Any
) -> None:
    job, message = await rendered_job(ada, count=2)
    opened = await press_button(sandbox, ada, message, f"remix:{job.id}:1")
    assert opened.modal
    components = [label["component"] for label in opened.modal["components"]]
    fields = {component["custom_id"]: component for component in components}
    assert [fields[name]["value"] for name in ("include", "exclude")] == ["a red circle", "fog"]
    assert [o["value"] for o in fields["strength"]["options"] if o.get("default")] == ["0.5"]
    await ada.wait_filled(
        await ada.submit(opened, include="a blue circle", exclude="", strength="0.8")
    )
    new_job = await newest(database)
    assert [str(prompt) for prompt in new_job.recipe.include] == ["a blue circle"]
    assert (new_job.recipe.source, new_job.parent_id) == (Source(job.id, 1, 0.8), job.id)


@pytest.mark.parametrize(
    ("button", "chosen"),
    [
        ("remix", {"strength": "0.8"}),
        ("repaint", {"regions": ["left", "top"], "box": "10 20 60 80"}),
        ("pan", {"move": ["up"]}),
        ("film", {"motion": ["turn-left"], "length": ["30"]}),
    ],
)
async def test_every_form_keeps_what_was_typed_after_an_error(
    bot: ImagineBot,
    sandbox: Sandbox,
    database: Database,
    ada: Member,
    rendered_job: Any,
    button: str,
    chosen: dict[str, Any],
) -> None:
    job, message = await rendered_job(ada)
    opened = await press_button(sandbox, ada, message, f"{button}:{job.id}")
    typed = {"include": "a *castle*", "exclude": "a | fog:-1"}
    await ada.submit(opened, **typed, **chosen)
    refused = await ephemeral_message(ada, "**Exclude**: ")
    opened = await ada.press(refused, refused.buttons[-1].custom_id)
    assert {name: opened.fields[name] for name in typed} == typed
    for label in (opened.modal or {})["components"]:
        part = label["component"]
        preset = [each["value"] for each in part.get("options", ()) if each.get("default")]
        if (wanted := chosen.get(part["custom_id"])) is not None:
            assert wanted in (preset, "".join(preset), part.get("value"))

    # Words are only checked once all fields are valid.
    await bot.guild_rules.add_word(sandbox.guild.id, WordRule("blood"), actor_id=9)
    await ada.submit(opened, include="blood", exclude="")
    refused = await ephemeral_message(ada, "blood")
    opened = await ada.press(refused, refused.buttons[-1].custom_id)
    await ada.wait_filled(await ada.submit(opened, include="a dog"))
    recipe = (await newest(database)).recipe
    assert [str(prompt) for prompt in recipe.include] == ["a dog"]


async def test_upscaling_stops_at_the_size_limit(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada: Member, rendered_job: Any
) -> None:
    job, message = await rendered_job(ada)
    huge = job.recipe.model_copy(update={"width": 256, "height": 256, "source": Source(job.id, 0)})
    async with database.transaction() as db:
        await db.execute("UPDATE jobs SET recipe = ?", (huge.model_dump_json(),))
    await press_button(sandbox, ada, message, f"larger:{job.id}")
    await ephemeral_message(ada, "The limit is 256 pixels per side")
    assert not await JobQueue(database).waiting()


async def test_edit_opens_the_recipe_and_requests_the_edited_one(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada: Member, rendered_job: Any
) -> None:
    job, message = await rendered_job(ada)
    opened = await press_button(sandbox, ada, message, f"edit:{job.id}")
    assert opened.modal
    fields = {
        label["component"]["custom_id"]: label["component"] for label in opened.modal["components"]
    }
    texts = [fields[name]["value"] for name in ("include", "exclude", "steps", "seed")]
    assert texts == ["a red circle", "fog", "40", "7"]
    offered = fields["size"]["options"]
    assert [each["value"] for each in offered][:5] == ["64x64", "96x64", "64x96", "96x96", "84x48"]
    assert [each["value"] for each in offered if each.get("default")] == ["64x64"]
    sent = {"include": "a blue | square:0.5", "size": ["96x64"], "steps": "50", "seed": ""}
    await ada.wait_filled(await ada.submit(opened, **sent))
    new_job = await newest(database)
    assert [str(prompt) for prompt in new_job.recipe.include] == ["a blue", "square:0.5"]
    assert [str(prompt) for prompt in new_job.recipe.exclude] == ["fog"]
    assert (new_job.recipe.size, new_job.recipe.steps, new_job.parent_id) == ("96x64", 50, job.id)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"steps": "many"}, "Steps must be a whole number from 10 to 500."),
        ({"seed": "-1"}, "A seed must be a whole number"),
        ({"include": "a castle | fog:-1"}, "**Include**: "),
        ({"exclude": "a castle | fog:-1"}, "**Exclude**: "),
    ],
)
async def test_an_error_in_the_form_names_its_field_and_keeps_what_was_typed(
    bot: ImagineBot,
    sandbox: Sandbox,
    database: Database,
    ada: Member,
    rendered_job: Any,
    wrong: dict[str, str],
    named: str,
) -> None:
    job, message = await rendered_job(ada)
    typed = {"include": "a blue *square*", "size": ["96x64"], "steps": "50", "seed": "9"} | wrong
    await ada.submit(await press_button(sandbox, ada, message, f"edit:{job.id}"), **typed)
    refused = await ephemeral_message(ada, named)
    assert ("^" in refused.content) == ("fog" in str(wrong))  # a caret marks the place
    (again,) = refused.buttons
    assert again.label == "Edit again"
    opened = await ada.press(refused, again.custom_id)
    assert {name: opened.fields[name] for name in typed if name != "size"} == {
        name: value for name, value in typed.items() if name != "size"
    }
    good = {"include": "a blue square", "exclude": "", "steps": "50", "seed": "9"}
    await ada.wait_filled(await ada.submit(opened, **good))
    assert (await newest(database)).recipe.size == "96x64"


async def test_a_recipe_that_is_longer_than_the_forms_limit_can_be_edited(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada: Member, rendered_job: Any
) -> None:
    """Escaped bars and the words of a style can make a text longer than members may type."""
    job, message = await rendered_job(ada)
    prompts = tuple(Prompt("|" * 99, 0.125) for _ in range(5))
    recipe = job.recipe.model_copy(update={"include": prompts})
    async with database.transaction() as db:
        await db.execute("UPDATE jobs SET recipe = ?", (recipe.model_dump_json(),))
    opened = await press_button(sandbox, ada, message, f"edit:{job.id}")
    assert len(opened.fields["include"]) > 600
    await ada.wait_filled(await ada.submit(opened, include="a hill"))


async def test_only_its_member_can_stop_a_running_job(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada: Member, bob: Member
) -> None:
    message = await request_image(ada)
    await press_button(sandbox, ada, message, "stop:1")
    await ephemeral_message(ada, "It hasn't started yet")
    await Claims(database).claim("engine", 60)
    await press_button(sandbox, bob, message, "stop:1")
    await ephemeral_message(bob, "Only the member who requested")
    assert await Claims(database).held("engine") == {1: False}
    await press_button(sandbox, ada, message, "stop:1")
    await ephemeral_message(ada, "will stop after its current step")
    assert await Claims(database).held("engine") == {1: True}


async def test_a_picked_image_is_shown_large_to_the_member_who_picked_it(
    bot: ImagineBot, sandbox: Sandbox, ada: Member, rendered_job: Any
) -> None:
    job, message = await rendered_job(ada, count=3)
    await press_button(sandbox, ada, message, f"pick:{job.id}:2")
    shown = await ephemeral_message(ada, "image 3")
    assert [button.label for button in shown.buttons] == [
        *("Vary subtly", "Vary", "Vary strongly", "Remix"),
        *("Repaint a part", "Zoom out", "Pan", "Film"),
        *("Upscale", "More steps"),
    ]
    assert shown.files[-1].filename == f"imagine-{job.id}-3.png"
    assert "seed 9" in shown.text


async def test_more_offers_actions_for_each_of_several_images(
    bot: ImagineBot, sandbox: Sandbox, ada: Member, rendered_job: Any
) -> None:
    job, message = await rendered_job(ada, count=3)
    await press_button(sandbox, ada, message, f"actions:{job.id}")
    shown = await ephemeral_message(ada, "pick an image")
    assert [button.label for button in shown.buttons[:3]] == ["1", "2", "3"]
    await press_button(sandbox, ada, shown, f"pick:{job.id}:1")
    assert (await ephemeral_message(ada, "image 2")).files


async def test_details_and_the_timelapse_are_shown_to_other_members(
    bot: ImagineBot, sandbox: Sandbox, ada: Member, bob: Member, rendered_job: Any
) -> None:
    job, message = await rendered_job(ada)
    await ada.wait_filled(await press_button(sandbox, ada, message, f"again:{job.id}"))
    await press_button(sandbox, bob, message, f"details:{job.id}")
    text = (await ephemeral_message(bob, "Include")).text
    for part in (
        "a red circle",
        "fog",
        "**Seed** 7",
        "64x64",
        "sketch (torch 2.15)",
        "**Led to** #2",
    ):
        assert part in text
    film = await ada.wait_filled(await press_button(sandbox, bob, message, f"timelapse:{job.id}"))
    assert [file.filename for file in film.files] == [f"imagine-{job.id}.mp4"]


async def test_deleting_removes_the_images_from_discord_and_from_disk(
    bot: ImagineBot,
    sandbox: Sandbox,
    database: Database,
    settings: Settings,
    ada: Member,
    bob: Member,
    rendered_job: Any,
) -> None:
    job, message = await rendered_job(ada)
    await press_button(sandbox, bob, message, f"delete:{job.id}")
    await ephemeral_message(bob, "Only the member who requested it or a moderator can delete")
    await press_button(sandbox, ada, message, f"delete:{job.id}")
    question = await ephemeral_message(ada, "Permanently delete")
    await ada.press(question, question.buttons[0].custom_id)
    await ephemeral_message(ada, "was deleted")
    await wait_for_deletions(database)
    assert await ada.message(message.id) is None
    assert not folder_of(job.id, settings.data_dir).exists()
    await ada.slash("show", job=job.id)
    await ephemeral_message(ada, "That job doesn't exist here")


async def test_the_buttons_of_a_job_in_another_channel_are_refused(
    bot: ImagineBot,
    sandbox: Sandbox,
    database: Database,
    ada: Member,
    bob: Member,
    rendered_job: Any,
) -> None:
    job, message = await rendered_job(ada)
    async with database.transaction() as db:
        await db.execute("UPDATE jobs SET channel_id = 5")
    for action in ("again", "vary", "details", "timelapse", "edit", "pick", "favourite", "delete"):
        await press_button(sandbox, bob, message, f"{action}:{job.id}")
        refused = await ephemeral_message(bob, "That job doesn't exist here")
        sandbox.world.delete(sandbox.channel, sandbox.channel.messages[refused.id])
    assert not await JobQueue(database).waiting()


async def test_buttons_and_forms_work_after_a_restart(
    sandbox: Sandbox, settings: Settings, database: Database, ada: Member, rendered_job: Any
) -> None:
    async with running_bot(sandbox, settings, database):
        job, message = await rendered_job(ada)
        opened = await press_button(sandbox, ada, message, f"edit:{job.id}")
    await sandbox.gateway.wait_connected(connected=False)
    async with running_bot(sandbox, settings, database):
        await press_button(sandbox, ada, message, f"details:{job.id}")
        await ephemeral_message(ada, "a red circle")
        await ada.wait_filled(await ada.submit(opened, include="a blue square"))
    assert (await newest(database)).recipe.title == "a blue square"
