"""/prefer: a member's own defaults, which apply to nobody else."""

import asyncio
from typing import Any

from bot.client import ImagineBot
from core.database.connection import Database
from core.database.guild_defaults import WHOLE_GUILD
from core.database.queue import JobQueue
from sandbox import Member, Sandbox
from tests.bot.conftest import (
    ephemeral_message,
    requested_recipe,
    selected_options,
    shown_preferences,
)


async def test_preferences_are_the_members_defaults_and_options_override_them(
    bot: ImagineBot, database: Database, ada: Member, bob: Member
) -> None:
    shown = await shown_preferences(ada, size="96x64", steps=40, style="night")
    assert (shown["size"], shown["steps"], shown["style"]) == ("Wide (96x64)", "40", "night")
    await ada.wait_filled(await ada.slash("imagine", include="a house"))
    await ada.wait_filled(await ada.slash("imagine", include="a house", size="64x64", steps=20))
    await bob.wait_filled(await bob.slash("imagine", include="a house"))
    recipes = {job.id: job.recipe for job in await JobQueue(database).waiting()}
    assert (recipes[1].size, recipes[1].steps, recipes[1].preset) == ("96x64", 40, "night")
    assert (recipes[2].size, recipes[2].steps) == ("64x64", 20)
    assert (recipes[3].size, recipes[3].steps, recipes[3].preset) == ("64x64", 40, None)
    assert await shown_preferences(ada, size="none", style="none", direct_copy=True) == {
        "size": "no preference (64x64)",
        "steps": "40",
        "style": "no preference (none)",
        "count": "no preference (1)",
        "notify": "when it took longer than a minute",
        "copy": "yes",
    }


async def test_a_choice_in_the_form_is_saved_and_shown(
    bot: ImagineBot, database: Database, ada: Member
) -> None:
    await ada.slash("prefer")
    form = await ephemeral_message(ada, "Your defaults")
    for setting, value, shown in (
        ("size", "96x64", "Wide (96x64)"),
        ("steps", "25", "25"),
        ("style", "night", "night"),
        ("count", "2", "2"),
        ("notify", "never", "never"),
        ("copy", "yes", "yes"),
        ("steps", "none", "no preference (40)"),
    ):
        await ada.choose(form, f"imagine:prefer:{setting}", value)
        await ada.wait_for(
            lambda each, setting=setting, shown=shown: (
                each.id == form.id and selected_options(each)[setting] == shown
            )
        )
    await ada.wait_filled(await ada.slash("imagine", include="a house"))
    (job,) = await JobQueue(database).waiting()
    recipe = job.recipe
    assert (recipe.size, recipe.steps, recipe.preset, recipe.count) == ("96x64", 40, "night", 2)


async def test_choices_made_at_the_same_time_are_all_saved(bot: ImagineBot, ada: Member) -> None:
    choices: list[dict[str, Any]] = [{"count": 2}, {"notify": "never"}, {"direct_copy": True}]
    await asyncio.gather(*(shown_preferences(ada, **choice) for choice in choices))
    shown = await shown_preferences(ada)
    assert (shown["count"], shown["notify"], shown["copy"]) == ("2", "never", "yes")


async def test_a_preference_for_the_models_default_overrides_that_of_the_server(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada: Member
) -> None:
    await bot.guild_defaults.change(sandbox.guild.id, WHOLE_GUILD, {"steps": 40}, actor_id=9)
    assert (await shown_preferences(ada))["steps"] == "no preference (40)"
    assert (await shown_preferences(ada, steps=100))["steps"] == "100"
    assert (await requested_recipe(ada, database)).steps == 100


async def test_a_preferred_size_that_another_model_offered_is_ignored(
    bot: ImagineBot, database: Database, ada: Member
) -> None:
    await bot.members.change_preferences(ada.id, size="288x288", steps=40)
    recipe = await requested_recipe(ada, database)
    assert (recipe.size, recipe.steps) == ("64x64", 40)


async def test_the_default_count_is_the_hosts_unless_the_member_has_set_their_own(
    bot: ImagineBot, database: Database, ada: Member, bob: Member
) -> None:
    bot.settings = bot.settings.model_copy(update={"images_per_request": 4})
    shown = await shown_preferences(ada, count=2, notify="never")
    assert (shown["count"], shown["notify"]) == ("2", "never")
    for member, options in ((bob, {}), (ada, {}), (ada, {"count": 3})):
        await member.wait_filled(await member.slash("imagine", include="a house", **options))
    jobs = await JobQueue(database).waiting()
    assert {job.id: job.recipe.count for job in jobs} == {1: 4, 2: 2, 3: 3}
    work = {job.id: job.recipe.work for job in jobs}
    assert work[1] == 2 * work[2]
