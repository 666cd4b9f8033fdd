"""Who may use a command: its default permissions, and what administrators set instead."""

from collections.abc import Awaitable

import discord
import pytest
from discord import app_commands

from sandbox import Member, OptionError, Sandbox
from sandbox.discord.permissions import Permission
from tests.openapi import assert_valid
from tests.sandbox.conftest import Bot


async def go_online(bot: Bot) -> None:
    """Connect the bot, with `/imagine` for all, and `/mod queue` and *Remove* for moderators."""

    @bot.tree.command(description="Paint a picture.")
    async def imagine(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("a card")

    moderators = discord.Permissions(manage_messages=True)
    mod = app_commands.Group(name="mod", description="x", default_permissions=moderators)

    @mod.command(description="Look at the queue.")
    async def queue(interaction: discord.Interaction, whose: str = "") -> None:
        await interaction.response.send_message("empty", ephemeral=True)

    @queue.autocomplete("whose")
    async def names(
        interaction: discord.Interaction, current: str
    ) -> list[app_commands.Choice[str]]:
        return [app_commands.Choice(name="all", value="all")]

    @bot.tree.context_menu(name="Remove")
    @app_commands.default_permissions(moderators)
    async def remove(interaction: discord.Interaction, message: discord.Message) -> None:
        await interaction.response.send_message("removed", ephemeral=True)

    bot.tree.add_command(mod)
    await bot.go_online()


async def visible_commands(member: Member) -> set[str]:
    """The names of the commands that a member can see."""
    return {command["name"] for command in await member.commands()}


async def assert_refused(action: Awaitable[object]) -> None:
    with pytest.raises(OptionError, match=r"permission|cannot be used"):
        await action


async def test_a_default_permission_guards_commands_menus_and_autocomplete(
    local: Sandbox, bot: Bot, ada: Member
) -> None:
    await go_online(bot)
    grace = await local.member("Grace", permissions=Permission.MANAGE_MESSAGES)
    message = await ada.say("hello")
    await assert_refused(ada.slash("mod queue"))
    await assert_refused(ada.complete("mod queue", "whose"))
    await assert_refused(ada.use_menu("Remove", message))
    assert await visible_commands(ada) == {"imagine"}
    assert await visible_commands(grace) == {"imagine", "mod", "Remove"}
    assert (await grace.slash("mod queue")).kind == "message"
    assert await grace.complete("mod queue", "whose") == [{"name": "all", "value": "all"}]
    assert (await grace.use_menu("Remove", message)).kind == "message"


async def test_administrators_override_default_permissions(
    local: Sandbox, bot: Bot, ada: Member
) -> None:
    await go_online(bot)
    client = local.client
    helpers, everyone = await client.role("Helpers"), await client.everyone()
    grace = await local.member("Grace", roles=[helpers], permissions=Permission.MANAGE_MESSAGES)
    root = await local.member("Root", permissions=Permission.ADMINISTRATOR)
    await client.set_command_permissions("mod", {helpers: True, grace: False})
    await assert_refused(grace.slash("mod queue"))  # a member's own setting overrides their roles'
    await assert_refused(ada.slash("mod queue"))
    await ada.add_role(helpers)
    assert (await ada.slash("mod queue")).kind == "message"
    await client.set_command_permissions("imagine", {everyone: False, helpers: True})
    assert "imagine" in await visible_commands(ada)
    assert "imagine" not in await visible_commands(await local.member("Newcomer"))
    await client.set_command_permissions(None, {ada: False})
    await assert_refused(ada.use_menu("Remove", await ada.say("hello")))
    assert "mod" in await visible_commands(ada)  # a command's settings override the application's
    assert await visible_commands(root) == {"imagine", "mod", "Remove"}


async def test_a_command_can_be_restricted_to_channels(
    local: Sandbox, bot: Bot, ada: Member
) -> None:
    await go_online(bot)
    client = local.client
    studio, talk = await client.channel("studio"), await client.channel("talk")
    everywhere = await client.all_channels()
    await client.set_command_permissions("imagine", {everywhere: False, studio: True})
    thread = await ada.at(studio).open_thread("sketches")
    assert (await ada.at(studio).slash("imagine")).kind == "message"
    assert (await ada.at(thread).slash("imagine")).kind == "message"
    await assert_refused(ada.at(talk).slash("imagine"))
    await client.set_overwrite(
        studio, await client.everyone(), deny=Permission.USE_APPLICATION_COMMANDS
    )
    await assert_refused(ada.at(studio).slash("imagine"))


async def test_a_bot_can_read_command_permissions_but_not_change_them(
    local: Sandbox, bot: Bot, ada: Member
) -> None:
    await go_online(bot)
    commands = {command["name"]: int(command["id"]) for command in await local.client.commands()}
    application, guild = local.world.application.id, local.guild.id
    with pytest.raises(discord.NotFound) as refused:
        await bot.http.get_application_command_permissions(application, guild, commands["mod"])
    assert refused.value.code == 10066
    await local.client.set_command_permissions("mod", {ada: True})
    permissions = await bot.http.get_application_command_permissions(
        application, guild, commands["mod"]
    )
    assert permissions["permissions"] == [{"id": str(ada.id), "type": 2, "permission": True}]
    assert await bot.http.get_guild_application_command_permissions(application, guild) == [
        permissions
    ]
    with pytest.raises(discord.Forbidden) as forbidden:
        await bot.http.edit_application_command_permissions(
            application, guild, commands["mod"], {"permissions": permissions["permissions"]}
        )
    assert forbidden.value.code == 20001
    assert_valid(local.requests)
