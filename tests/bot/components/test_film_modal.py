"""The Film button: its form requests a film through a finished image, and says what it costs."""

from typing import Any

from bot.client import ImagineBot
from core.database.connection import Database
from core.database.queue import JobQueue
from core.film import Film, Motion
from core.moderation import Limits
from core.recipe import Source
from sandbox import Member, Sandbox
from tests.bot.conftest import ephemeral_message, press_button


async def test_a_film_starts_with_the_image_and_the_form_shows_its_cost(
    bot: ImagineBot,
    sandbox: Sandbox,
    database: Database,
    ada: Member,
    bob: Member,
    rendered_job: Any,
) -> None:
    job, message = await rendered_job(ada, count=2, tile="both", steps=50)
    opened = await press_button(sandbox, bob, message, f"film:{job.id}:1")
    fields = [label["component"] for label in (opened.modal or {})["components"]]
    assert [field["custom_id"] for field in fields] == ["include", "exclude", "motion", "length"]
    sixty = fields[-1]["options"][1]
    assert (sixty["label"], sixty["default"]) == ("3 s: 60 frames", True)
    assert sixty["description"] == "As much work as 2.4 images like this one"
    chosen = {"motion": ["turn-left"], "length": ["60"]}
    story = "a red circle -> a blue star"
    shown = await bob.wait_filled(await bob.submit(opened, include=story, **chosen))
    assert "film: ↺ turn left, 60 frames" in shown.text
    assert "120 steps" in shown.text
    (new_job,) = await JobQueue(database).waiting()
    recipe = new_job.recipe
    assert recipe.film == Film(Motion.TURN_LEFT, 60)
    assert (recipe.source, recipe.tile, recipe.count) == (Source(job.id, 1), None, 1)
    assert (new_job.parent_id, recipe.work) == (job.id, 120 * 64 * 64)
    assert [prompt.text for prompt in recipe.include] == ["a red circle", "a blue star"]


async def test_films_are_limited_by_role(
    bot: ImagineBot,
    sandbox: Sandbox,
    database: Database,
    ada: Member,
    rendered_job: Any,
) -> None:
    job, message = await rendered_job(ada)
    everyone = await sandbox.client.everyone()

    async def request_film(length: str) -> None:
        opened = await press_button(sandbox, ada, message, f"film:{job.id}")
        await ada.submit(opened, include="a dog", motion=["zoom-in"], length=[length])

    await request_film("240")
    await ephemeral_message(ada, "Your limit on this server is 120 film frames")
    rules, guild_id = bot.guild_rules, sandbox.guild.id
    await rules.set_limits(guild_id, everyone.id, Limits(film_frames=1), actor_id=9)
    assert (await rules.limits(guild_id))[everyone.id] == Limits(film_frames=1)
    await request_film("30")
    await ephemeral_message(ada, "You can't make films on this server")
    assert not await JobQueue(database).waiting()
