"""Direct messages, age-restricted channels, threads and languages."""

import asyncio

import discord
import pytest

from sandbox import InteractionError, Member, OptionError, Sandbox
from tests.openapi import assert_valid, load_openapi
from tests.sandbox.conftest import Bot, with_timeout
from tests.sandbox.discord.test_rest import expect_error


class Again(discord.ui.View):
    """A button that replies with where it was pressed, and by whom."""

    @discord.ui.button(label="Again", custom_id="again")
    async def again(
        self, interaction: discord.Interaction, button: discord.ui.Button[discord.ui.View]
    ) -> None:
        kind = "direct" if interaction.context.dm_channel else "guild"
        assert isinstance(interaction.user, discord.User) == (interaction.guild_id is None)
        await interaction.response.send_message(f"{kind} {interaction.user.name}")


async def test_buttons_work_in_direct_messages(local: Sandbox, bot: Bot, ada: Member) -> None:
    @bot.tree.command(description="Paint a picture.")
    async def imagine(interaction: discord.Interaction) -> None:
        await interaction.user.send("your picture", view=Again(timeout=None))
        await interaction.response.send_message("See your direct messages.", ephemeral=True)

    await bot.go_online()
    await ada.slash("imagine")
    direct = await ada.direct()
    (message,) = await direct.messages()
    assert message.content == "your picture"
    reply = await direct.press(message, "again")
    assert reply.message is not None
    assert (reply.message.content, reply.message.channel_id) == ("direct ada", direct.channel_id)
    with pytest.raises(InteractionError):
        await (await local.member("Grace")).at(direct.channel_id).press(message, "again")


async def test_direct_messages_offer_only_commands_registered_for_them(
    local: Sandbox, bot: Bot, ada: Member
) -> None:
    await bot.login(local.token)
    both = {"name": "queue", "description": "x", "contexts": [0, 1]}
    guild_only = {"name": "imagine", "description": "x", "contexts": [0]}
    await bot.http.bulk_upsert_global_commands(
        local.world.application.id, payload=[both, guild_only]
    )
    assert [command["name"] for command in await (await ada.direct()).commands()] == ["queue"]
    assert len(await ada.commands()) == 2


async def test_closed_direct_messages_are_refused(local: Sandbox, engine: Bot, ada: Member) -> None:
    user = await engine.fetch_user(ada.id)
    await user.send("your picture")
    await ada.accept_direct_messages(False)
    await expect_error(user.send("another"), 403, 50007)
    await ada.accept_direct_messages(True)
    await user.send("another")
    await ada.leave()
    await expect_error(user.send("a third"), 403, 50278)
    assert len(await (await ada.direct()).messages()) == 2
    assert_valid(local.requests)


async def test_age_restriction_applies_to_channels_threads_and_commands(
    local: Sandbox, bot: Bot, ada: Member
) -> None:
    seen: asyncio.Queue[bool] = asyncio.Queue()

    @bot.tree.command(description="Look around.")
    async def look(interaction: discord.Interaction) -> None:
        assert isinstance(interaction.channel, discord.TextChannel | discord.Thread)
        seen.put_nowait(interaction.channel.is_nsfw())
        await interaction.response.send_message("seen", ephemeral=True)

    @bot.tree.command(description="Paint nudes.", nsfw=True)
    async def nude(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("seen", ephemeral=True)

    await bot.go_online()
    adults = ada.at(await local.client.channel("adults", nsfw=True))
    in_thread = adults.at(await adults.open_thread("sketches"))
    for member, restricted in ((ada, False), (adults, True), (in_thread, True)):
        await member.slash("look")
        assert await with_timeout(seen.get()) is restricted
    assert (await in_thread.slash("nude")).kind == "message"
    with pytest.raises(OptionError, match="age-restricted"):
        await ada.slash("nude")


async def test_commands_and_buttons_work_in_threads_until_they_are_archived(
    local: Sandbox, bot: Bot, engine: Bot, ada: Member
) -> None:
    @bot.tree.command(description="Paint a picture.")
    async def imagine(interaction: discord.Interaction) -> None:
        assert isinstance(interaction.channel, discord.Thread)
        await interaction.response.send_message("a card", view=Again(timeout=None))

    await bot.go_online()
    thread = await ada.open_thread("sketches")
    in_thread = ada.at(thread)
    message = (await in_thread.slash("imagine")).message
    assert message is not None
    reply = await in_thread.press(message, "again")
    assert reply.message is not None
    assert reply.message.content == "guild ada"

    fetched = await engine.fetch_channel(thread.id)
    assert isinstance(fetched, discord.Thread)
    assert fetched.parent_id == local.channel.id
    channel = engine.get_partial_messageable(thread.id)
    await local.client.archive(thread)
    await expect_error(channel.get_partial_message(message.id).edit(content="frame"), 400, 50083)
    await channel.send("this opens it again")
    await channel.get_partial_message(message.id).edit(content="frame")
    local.world.overwrite(
        local.channel,
        local.world.application.bot.id,
        deny=discord.Permissions(send_messages_in_threads=True).value,
    )
    await expect_error(channel.send("not here"), 403, 50013)
    assert await ada.messages() == []
    assert_valid(local.requests)
    payload = local.world.payloads.channel(local.world.channels[thread.id])
    assert load_openapi().payload_errors("ThreadResponse", payload) == []


async def test_members_see_commands_in_their_language(local: Sandbox, bot: Bot) -> None:
    seen: asyncio.Queue[tuple[str, str]] = asyncio.Queue()

    @bot.tree.command(description="Paint a picture.")
    async def imagine(interaction: discord.Interaction, include: str = "") -> None:
        seen.put_nowait((str(interaction.locale), str(interaction.guild_locale)))
        await interaction.response.send_message("a card", ephemeral=True)

    class German(discord.app_commands.Translator):
        async def translate(
            self,
            string: discord.app_commands.locale_str,
            locale: discord.Locale,
            context: discord.app_commands.TranslationContextTypes,
        ) -> str | None:
            words = {"imagine": "male", "Paint a picture.": "Ein Bild malen.", "include": "bild"}
            return words.get(string.message) if locale is discord.Locale.german else None

    await bot.tree.set_translator(German())
    await bot.go_online()
    await local.client.set_guild_locale("ja")
    konrad = await local.member("Konrad", locale="de")
    (command,) = await konrad.commands()
    assert (command["name"], command["description"]) == ("male", "Ein Bild malen.")
    assert command["options"][0]["name"] == "bild"
    await konrad.slash("imagine")
    assert await with_timeout(seen.get()) == ("de", "ja")
    await konrad.set_locale("fr")
    (command,) = await konrad.commands()
    assert (command["name"], command["options"][0]["name"]) == ("imagine", "include")
    await konrad.slash("imagine")
    assert await with_timeout(seen.get()) == ("fr", "ja")
    with pytest.raises(InteractionError):
        await konrad.set_locale("tlh")
    assert_valid(local.requests)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"name_localizations": {"de": "Male"}}, "name_localizations.de"),
        ({"name_localizations": {"tlh": "male"}}, "name_localizations.tlh"),
        ({"description_localizations": {"ja": "x" * 101}}, "description_localizations.ja"),
        (
            {
                "options": [
                    {
                        "type": 3,
                        "name": "include",
                        "description": "x",
                        "name_localizations": {"fr": "deux mots"},
                    }
                ]
            },
            "options.0.name_localizations.fr",
        ),
    ],
)
async def test_invalid_translations_are_refused_with_the_path_of_the_error(
    local: Sandbox, engine: Bot, change: dict[str, object], path: str
) -> None:
    command = {"name": "imagine", "description": "x", **change}
    request = engine.http.bulk_upsert_guild_commands(
        local.world.application.id, local.guild.id, payload=[command]
    )
    assert f"In 0.{path}:" in (await expect_error(request, 400, 50035)).text
