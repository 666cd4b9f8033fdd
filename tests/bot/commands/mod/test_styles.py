"""/mod styles: a moderator adds styles, and only members of that server can choose them."""

from pathlib import Path

import pytest
from PIL import Image

from bot.client import ImagineBot
from core.database.connection import Database
from core.database.guild_styles import MAX_STYLES
from core.database.members import Members
from core.database.queue import JobQueue
from core.moderation import WordRule
from core.prompts import Prompt
from core.settings import Settings
from sandbox import Member, Sandbox
from tests.bot.conftest import ephemeral_message, requested_recipe, running_bot, shown_preferences

COMIC = {"name": "Our comic", "include": "ink:0.4 | comic:0.2", "exclude": "a photograph:0.2"}


async def test_members_can_choose_a_style_of_their_server_and_recipes_keep_it_after_its_removal(
    bot: ImagineBot, database: Database, mo: Member, ada: Member
) -> None:
    await mo.slash("mod styles add", **COMIC)
    await ephemeral_message(mo, "can now choose the style “Our comic”")
    choices = await ada.complete("imagine", "style", style="")
    assert [choice["name"] for choice in choices[:3]] == ["no style", "Our comic", "sunset"]
    (choice,) = await ada.complete("imagine", "style", style="COMIC")
    recipe = await requested_recipe(ada, database, style=choice["value"], exclude="fog")
    assert recipe.include[1:] == (Prompt("ink", 0.4), Prompt("comic", 0.2))
    assert recipe.exclude == (Prompt("fog"), Prompt("a photograph", 0.2))
    assert recipe.preset == "Our comic"
    assert any("Our comic" in message.text for message in await ada.messages())

    assert (await shown_preferences(ada, style="our comic"))["style"] == "Our comic"
    assert (await requested_recipe(ada, database)).preset == "Our comic"
    assert (await requested_recipe(ada, database, style="No style")).preset is None
    await mo.slash("mod defaults", style="Our comic")
    await ephemeral_message(mo, "Style: Our comic")
    assert (await requested_recipe(mo, database)).include == recipe.include

    (choice,) = await mo.complete("mod styles remove", "name", name="our")
    await mo.slash("mod styles remove", name=choice["value"])
    await ephemeral_message(mo, "“Our comic” was removed")
    assert (await requested_recipe(ada, database)).preset is None
    assert (await requested_recipe(mo, database)).preset is None
    await ada.slash("imagine", include="a red circle", style="Our comic")
    await ephemeral_message(ada, "There is no such style")
    kept = min(await JobQueue(database).waiting(), key=lambda job: job.id)
    assert kept.recipe == recipe


async def test_a_style_cannot_be_seen_in_other_servers(
    bot: ImagineBot, sandbox: Sandbox, database: Database, mo: Member, ada: Member
) -> None:
    other_guild = sandbox.guild.id + 1
    await mo.slash("mod styles add", **COMIC)
    await ephemeral_message(mo, "Our comic")
    style = await bot.guild_styles.find(sandbox.guild.id, "Our comic")
    assert style
    await bot.guild_styles.remove(sandbox.guild.id, "Our comic", mo.id)
    await bot.guild_styles.add(other_guild, style, mo.id, None)
    await bot.members.change_preferences(ada.id, preset="Our comic", preset_guild=other_guild)
    assert not await ada.complete("imagine", "style", style="comic o")
    assert (await requested_recipe(ada, database)).preset is None
    assert (await shown_preferences(ada))["style"] == "no preference (none)"
    await ada.slash("imagine", include="a red circle", style="Our comic")
    refused = await ephemeral_message(ada, "There is no such style")
    assert "Our comic" not in refused.text


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"name": "Nacht"}, "“Nacht” is already taken"),
        ({"name": "NO style"}, "already taken"),
        ({"name": "\u200b"}, "needs a name"),
        ({"name": "very b4d"}, "in the name matches the rule"),
        ({"name": "nude"}, "in the name matches the rule"),
        ({"exclude": "a b4d thing"}, "every request would be refused"),
        ({"include": "ink:20"}, "A weight is a number"),
        ({"include": "left: ink"}, "can't have stories or regions"),
        ({"include": "ink -> pen"}, "can't have stories or regions"),
        ({"include": "a|b|c|d|e"}, "up to 4 prompts"),
        ({"include": "ink", "exclude": "Ink"}, "both include and exclude"),
    ],
)
async def test_a_style_that_requests_could_not_use_is_refused(
    bot: ImagineBot, sandbox: Sandbox, mo: Member, options: dict[str, str], sentence: str
) -> None:
    await bot.guild_rules.add_word(sandbox.guild.id, WordRule("bad"), actor_id=1)
    await bot.guild_rules.add_word(sandbox.guild.id, WordRule("nude", True), actor_id=1)
    await mo.slash("mod styles add", **COMIC | options)
    await ephemeral_message(mo, sentence)
    assert not await bot.guild_styles.all(sandbox.guild.id)


async def test_a_style_with_a_word_that_is_refused_later_is_refused(
    bot: ImagineBot, sandbox: Sandbox, mo: Member, ada: Member
) -> None:
    await mo.slash("mod styles add", **COMIC)
    await ephemeral_message(mo, "Our comic")
    await bot.guild_rules.add_word(sandbox.guild.id, WordRule("ink"), actor_id=1)
    await ada.slash("imagine", include="a red circle", style="Our comic")
    await ephemeral_message(ada, "doesn't allow this prompt")


async def test_the_list_is_paginated_and_has_a_limit(
    bot: ImagineBot, sandbox: Sandbox, mo: Member
) -> None:
    await mo.slash("mod styles add", **COMIC)
    await ephemeral_message(mo, "Our comic")
    style = await bot.guild_styles.find(sandbox.guild.id, "Our comic")
    assert style
    for number in range(1, MAX_STYLES):
        style = type(style)(f"style {number:02}", style.include, style.exclude)
        assert await bot.guild_styles.add(sandbox.guild.id, style, mo.id, None)
    await mo.slash("mod styles add", name="one more", include="ink:0.4")
    await ephemeral_message(mo, "There are already 25 styles")
    await mo.slash("mod styles list")
    page = await ephemeral_message(mo, "Styles of this server")
    assert r"**Our comic** · ink:0.4 \| comic:0.2 − a photograph:0.2" in page.text
    await mo.press(page, page.buttons[1].custom_id)
    await ephemeral_message(mo, "style 12")


async def test_members_see_the_styles_and_an_example_image_where_it_may_be_shown(
    bot: ImagineBot, sandbox: Sandbox, mo: Member, ada: Member, tmp_path: Path
) -> None:
    for colour in ("red", "navy"):
        Image.new("RGB", (9, 9), colour).save(tmp_path / f"{colour}.png")
    adult = await sandbox.client.channel("adult", nsfw=True)
    await mo.slash("mod styles add", **COMIC, image=tmp_path / "red.png")
    await ephemeral_message(mo, "Our comic")
    grown = {"name": "grown", "include": "lace:0.4", "image": tmp_path / "navy.png"}
    await mo.at(adult).slash("mod styles add", **grown)
    await ephemeral_message(mo.at(adult), "grown")
    await ada.slash("styles")
    listed = await ephemeral_message(ada, "**Of this server** grown · Our comic")
    assert "**Built in** sunset" in listed.text
    for member, style, words, files in (
        (ada, "our comic", "**Include** ink:0.4", ["example.png"]),
        (ada, "grown", "**Include** lace:0.4", []),
        (ada.at(adult), "grown", "**Include** lace:0.4", ["example.png"]),
        (ada, "sunset", "a landscape at sunset", []),
    ):
        await member.slash("styles", style=style)
        shown = await ephemeral_message(member, words)
        assert [each["filename"] for each in shown.raw["attachments"]] == files


async def test_the_hosts_styles_are_available_in_every_server(
    sandbox: Sandbox, settings: Settings, database: Database, mo: Member, ada: Member
) -> None:
    path = settings.data_dir.parent / "styles.toml"
    path.write_text('["Haze"]\ninclude = "fog:0.4"\nimage = "haze.png"\n')
    Image.new("RGB", (9, 9), "grey").save(path.with_name("haze.png"))
    given = settings.model_copy(update={"styles_file": path})
    async with running_bot(sandbox, given, database):
        (choice,) = await ada.complete("imagine", "style", style="haze")
        assert (await requested_recipe(ada, database, style=choice["value"])).preset == "Haze"
        assert (await shown_preferences(ada, style="haze"))["style"] == "Haze"
        assert (await Members(database).preferences(ada.id)).preset_guild is None
        assert (await requested_recipe(ada, database)).include[1:] == (Prompt("fog", 0.4),)
        await ada.slash("styles")
        await ephemeral_message(ada, "**Built in** Haze · sunset")
        await ada.slash("styles", style="haze")
        shown = await ephemeral_message(ada, "**Include** fog:0.4")
        assert [each["filename"] for each in shown.raw["attachments"]] == ["example.png"]
        await mo.slash("mod styles add", **COMIC | {"name": "HAZE"})
        await ephemeral_message(mo, "“HAZE” is already taken")
