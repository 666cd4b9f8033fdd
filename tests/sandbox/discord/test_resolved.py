"""Options and selects that take members, roles and channels."""

import asyncio
from typing import Any

import discord
import pytest
from discord import app_commands

from sandbox import InteractionError, Member, OptionError, Sandbox
from sandbox.discord.permissions import Permission
from tests.sandbox.conftest import Bot, with_timeout


async def test_options_resolve_members_roles_and_channels(
    local: Sandbox, bot: Bot, ada: Member
) -> None:
    seen: asyncio.Queue[tuple[Any, ...]] = asyncio.Queue()

    @bot.tree.command(description="Set limits.")
    async def limit(
        interaction: discord.Interaction,
        whom: discord.Member | discord.Role,
        where: app_commands.AppCommandChannel | None = None,
        role: discord.Role | None = None,
        except_for: discord.Member | None = None,
    ) -> None:
        seen.put_nowait((whom, where, role, except_for))
        await interaction.response.send_message("set", ephemeral=True)

    await bot.go_online()
    painters = await local.client.role("Painters")
    studio = await local.client.channel("studio")
    grace = await local.member("Grace", roles=[painters], permissions=Permission.MANAGE_MESSAGES)
    await ada.slash("limit", whom=painters, where=studio, role=painters, except_for=grace)
    whom, where, role, member = await with_timeout(seen.get())
    assert whom == role
    assert (role.name, where.name, where.guild_id) == ("Painters", "studio", local.guild.id)
    assert where.permissions.send_messages
    assert not where.permissions.manage_messages
    assert role in member.roles
    assert member.resolved_permissions.manage_messages
    await ada.slash("limit", whom=grace)
    assert (await with_timeout(seen.get()))[0] == member

    hidden = await local.client.channel("hidden")
    await local.client.set_overwrite(hidden, ada, deny=Permission.VIEW_CHANNEL)
    for option, wrong in (("whom", "7"), ("where", hidden), ("role", grace)):
        with pytest.raises(OptionError) as refused:
            await ada.slash("limit", **{"whom": grace, option: wrong})
        assert refused.value.option == option


async def test_interactions_carry_the_members_current_roles(
    local: Sandbox, bot: Bot, ada: Member
) -> None:
    seen: asyncio.Queue[discord.Member] = asyncio.Queue()

    @bot.tree.command(description="Look at me.")
    async def me(interaction: discord.Interaction) -> None:
        assert isinstance(interaction.user, discord.Member)
        seen.put_nowait(interaction.user)
        await interaction.response.send_message("seen", ephemeral=True)

    await bot.go_online()
    moderators = await local.client.role("Moderators", permissions=Permission.MANAGE_MESSAGES)
    await ada.add_role(moderators)
    await ada.slash("me")
    member = await with_timeout(seen.get())
    assert [role.name for role in member.roles] == ["@everyone", "Moderators"]
    assert member.resolved_permissions.manage_messages
    await ada.remove_role(moderators)
    await ada.slash("me")
    member = await with_timeout(seen.get())
    assert not member.resolved_permissions.manage_messages


class SelectView(discord.ui.View):
    """Three kinds of select; each replies with what was chosen."""

    @discord.ui.select(
        custom_id="sizes",
        options=[discord.SelectOption(label=size) for size in ("small", "large", "wide")],
        min_values=1,
        max_values=2,
    )
    async def sizes(
        self, interaction: discord.Interaction, select: discord.ui.Select[discord.ui.View]
    ) -> None:
        await interaction.response.send_message(" ".join(select.values))

    @discord.ui.select(custom_id="whom", cls=discord.ui.MentionableSelect, max_values=2)
    async def whom(
        self,
        interaction: discord.Interaction,
        select: discord.ui.MentionableSelect[discord.ui.View],
    ) -> None:
        await interaction.response.send_message(" ".join(str(each) for each in select.values))

    @discord.ui.select(
        custom_id="where",
        cls=discord.ui.ChannelSelect,
        channel_types=[discord.ChannelType.text],
    )
    async def where(
        self, interaction: discord.Interaction, select: discord.ui.ChannelSelect[discord.ui.View]
    ) -> None:
        await interaction.response.send_message(select.values[0].name)


async def test_selects_send_the_chosen_values(local: Sandbox, bot: Bot, ada: Member) -> None:
    @bot.tree.command(description="Choose.")
    async def choose(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("Choose.", view=SelectView())

    await bot.go_online()
    message = (await ada.slash("choose")).message
    assert message is not None
    assert [select.custom_id for select in message.selects] == ["sizes", "whom", "where"]
    painters, studio = await local.client.role("Painters"), await local.client.channel("studio")
    for custom_id, values, expected in (
        ("sizes", ["large", "small"], "large small"),
        ("whom", [painters, ada], "Painters ada"),
        ("where", [studio], "studio"),
    ):
        reply = await ada.choose(message, custom_id, *values)
        assert reply.message is not None
        assert sorted(reply.message.content.split()) == sorted(expected.split())
    thread = await ada.open_thread("sketches")
    for custom_id, values in (
        ("sizes", ["huge"]),
        ("sizes", []),
        ("sizes", ["small", "large", "wide"]),
        ("whom", ["7"]),
        ("where", [thread]),
    ):
        with pytest.raises(InteractionError):
            await ada.choose(message, custom_id, *values)
