"""/mod defaults: a moderator sets them for a server or a channel; they apply to its members."""

import pytest

from bot.client import ImagineBot
from core.database.audit_log import AuditLog
from core.database.connection import Database
from core.discord_ui.audit_log import details_text
from core.moderation import WordRule
from core.prompts import Prompt
from sandbox import Member, Sandbox
from tests.bot.conftest import ephemeral_message, requested_recipe, shown_preferences


async def test_each_value_comes_from_the_most_specific_default(
    bot: ImagineBot, sandbox: Sandbox, database: Database, mo: Member, ada: Member
) -> None:
    here = await sandbox.client.channel("night")
    await mo.slash("mod defaults", size="3:4", steps=20, style="night", exclude="fog | a house")
    await ephemeral_message(mo, "Size: 56x72\nSteps: 20\nStyle: night\nExclude: fog \\| a house")
    await mo.slash("mod defaults", channel=here, steps=30, count=2)
    await ephemeral_message(mo, "Size: not set\nSteps: 30\nStyle: not set")
    shown = await shown_preferences(ada, steps=40)
    assert (shown["steps"], shown["style"]) == ("40", "no preference (night)")
    assert shown["size"] == "no preference (56x72)"

    recipe = await requested_recipe(mo, database)
    assert (recipe.size, recipe.steps, recipe.preset, recipe.count) == ("56x72", 20, "night", 1)
    assert recipe.exclude == (Prompt("fog"), Prompt("a house"))
    recipe = await requested_recipe(mo.at(here), database, style="none", exclude="rain")
    assert (recipe.size, recipe.steps, recipe.preset, recipe.count) == ("56x72", 30, None, 2)
    assert recipe.exclude == (Prompt("rain"),)
    recipe = await requested_recipe(ada.at(here), database, include="a house on a hill | A house")
    assert (recipe.steps, recipe.exclude) == (40, (Prompt("fog"),))
    assert (await requested_recipe(ada.at(here), database, steps=50)).steps == 50


async def test_a_thread_inherits_the_defaults_of_its_channel(
    bot: ImagineBot, sandbox: Sandbox, database: Database, mo: Member
) -> None:
    for channel_id, steps in ((0, 20), (mo.channel_id, 30)):
        await bot.guild_defaults.change(sandbox.guild.id, channel_id, {"steps": steps}, mo.id)
    thread = await mo.open_thread("sketches")
    assert (await requested_recipe(mo.at(thread), database)).steps == 30


async def test_clear_removes_all_defaults_that_are_not_set_again(
    bot: ImagineBot, sandbox: Sandbox, database: Database, mo: Member
) -> None:
    await mo.slash("mod defaults", steps=20, exclude="a *star*")
    await ephemeral_message(mo, "Exclude: a")
    await mo.slash("mod defaults", clear=True, count=3)
    await ephemeral_message(
        mo, "Steps: not set\nStyle: not set\nExclude: not set\nImages at once: 3"
    )
    _, entries = await AuditLog(database).page(sandbox.guild.id)
    assert [details_text(entry) for entry in entries] == [
        "defaults of the server: count 3",
        r"defaults of the server: steps 20 · exclude a \*star\*",
    ]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"size": "65x65"}, "multiples of 4"),
        ({"style": "vaporwave"}, "no such style"),
        ({"exclude": "fog:20"}, "A weight is a number"),
        ({"exclude": "a b4d thing"}, "every request would be refused"),
    ],
)
async def test_a_default_that_would_be_refused_in_a_request_is_refused(
    bot: ImagineBot, sandbox: Sandbox, mo: Member, options: dict[str, str], sentence: str
) -> None:
    await bot.guild_rules.add_word(sandbox.guild.id, WordRule("bad"), actor_id=1)
    await mo.slash("mod defaults", **options)
    await ephemeral_message(mo, sentence)
    assert (await bot.guild_defaults.get(sandbox.guild.id)).size is None


async def test_styles_are_suggested_in_the_members_language(
    bot: ImagineBot, database: Database, mo: Member
) -> None:
    await mo.set_locale("de")
    (choice, *_) = await mo.complete("mod defaults", "style", style="nacht")
    await mo.slash("mod defaults", style=choice["value"])
    await ephemeral_message(mo, f"Stil: {choice['name']}")
    assert (await requested_recipe(mo, database)).preset == "night"


async def test_a_default_that_a_later_rule_refuses_is_left_out_and_logged_once(
    bot: ImagineBot, sandbox: Sandbox, database: Database, mo: Member, ada: Member
) -> None:
    guild = sandbox.guild.id
    await mo.slash("mod defaults", exclude="fog | a bad thing")
    await ephemeral_message(mo, "Exclude: fog")
    await bot.guild_rules.add_word(guild, WordRule("bad"), actor_id=mo.id)
    for _ in range(2):
        assert not (await requested_recipe(ada, database)).exclude
    assert (await requested_recipe(ada, database, exclude="rain")).exclude == (Prompt("rain"),)
    count, entries = await AuditLog(database).page(guild)
    assert count == 3  # the other two: the default and the rule were set
    assert details_text(entries[0]) == r"exclude fog \| a bad thing matches the rule “bad”"

    await bot.guild_rules.remove_word(guild, "bad", actor_id=mo.id)
    assert len((await requested_recipe(ada, database)).exclude) == 2
    await bot.guild_rules.add_word(guild, WordRule("fog"), actor_id=mo.id)
    await requested_recipe(ada, database)
    assert details_text((await AuditLog(database).page(guild))[1][0]).endswith("“fog”")
