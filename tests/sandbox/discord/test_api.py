"""Requests of the real discord.py and responses of the sandbox follow Discord's description."""

import dataclasses
import io

import aiohttp
import discord
import pytest
from discord import app_commands

from sandbox import Member, Sandbox
from sandbox.discord.payloads import member_payload, role_payload
from tests.openapi import assert_valid, load_openapi
from tests.sandbox.conftest import Bot


async def use_every_route(local: Sandbox, bot: Bot, engine: Bot, ada: Member, png: bytes) -> None:
    """Use every route at least once, as the product does."""

    class JobView(discord.ui.View):
        @discord.ui.button(label="Cancel", custom_id="cancel", style=discord.ButtonStyle.danger)
        async def cancel(
            self, interaction: discord.Interaction, button: discord.ui.Button[discord.ui.View]
        ) -> None:
            await interaction.response.edit_message(content="Cancelled", view=None, embed=None)
            await interaction.followup.send("You cancelled it.", ephemeral=True)

    @bot.tree.command(description="Paint a picture.")
    @app_commands.describe(include="What to paint.")
    @app_commands.choices(size=[app_commands.Choice(name="64 × 64", value="64x64")])
    async def imagine(
        interaction: discord.Interaction,
        include: app_commands.Range[str, 1, 1000],
        size: str | None = None,
        steps: app_commands.Range[int, 10, 1000] = 100,
        strength: app_commands.Range[float, 0, 1] = 0.5,
        image: discord.Attachment | None = None,
    ) -> None:
        await interaction.response.defer(thinking=True)
        embed = discord.Embed(title=include, colour=0x5865F2)
        embed.add_field(name="Seed", value="7").set_footer(text="Imagine")
        await interaction.edit_original_response(embed=embed, view=JobView(timeout=None))
        await (await interaction.original_response()).fetch()

    @bot.tree.command(description="Say hello.")
    async def hello(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("Hello", ephemeral=True)
        extra = await interaction.followup.send("More", wait=True)
        await extra.edit(content="Less")
        await extra.delete()
        await interaction.delete_original_response()

    await bot.go_online()
    message = await ada.wait_filled(await ada.slash("imagine", include="a red circle"))
    channel = engine.channel()
    embed = discord.Embed(title="frame").set_image(url="attachment://frame.webp")
    frame = discord.File(io.BytesIO(png), "frame.webp", description="half done")
    await channel.get_partial_message(message.id).edit(embed=embed, attachments=[frame])
    await ada.press(message, "cancel")
    await ada.slash("hello")
    sent = await channel.send(
        "final",
        file=discord.File(io.BytesIO(png), "final.png"),
        nonce="job-1",
        reference=discord.MessageReference(message_id=message.id, channel_id=message.channel_id),
    )
    await sent.edit(content="finally", attachments=sent.attachments)
    await sent.fetch()
    async with channel.typing():
        await engine.fetch_channel(local.channel.id)
    await engine.fetch_guild(local.guild.id)
    await (await engine.fetch_user(ada.id)).send("a copy")
    await bot.tree.fetch_commands(guild=discord.Object(local.guild.id))
    guild = bot.get_guild(local.guild.id)
    assert guild is not None
    await guild.fetch_member(ada.id)
    await guild.fetch_channels()
    await guild.fetch_roles()
    async for _ in channel.history(limit=5):
        pass
    await sent.delete()


async def test_all_requests_and_responses_match_the_description(
    local: Sandbox, bot: Bot, engine: Bot, ada: Member, png: bytes
) -> None:
    await use_every_route(local, bot, engine, ada, png)
    assert local.unhandled == []
    assert {each.status for each in local.requests} <= {200, 204}
    assert len({each.name for each in local.requests}) >= 20
    assert_valid(local.requests)


async def test_error_responses_match_the_description(local: Sandbox, engine: Bot) -> None:
    with pytest.raises(discord.HTTPException):
        await engine.channel().send(embed=discord.Embed(title="x" * 300))
    with pytest.raises(discord.NotFound):
        await engine.channel().fetch_message(1)
    async with aiohttp.ClientSession() as session, session.get(f"{local.api_url}/users/@me") as r:
        assert r.status == 401
    openapi = load_openapi()
    faults = [fault for each in local.requests for fault in openapi.errors(each)]
    assert len(faults) == 1, faults  # the overlong title; all responses are valid
    assert "too long" in faults[0]


async def test_gateway_payloads_match_the_description(local: Sandbox, ada: Member) -> None:
    openapi = load_openapi()
    world = local.world
    message = await ada.say("hello")
    posted = local.channel.messages[message.id]
    for schema, payload in (
        ("MessageResponse", world.payloads.message(posted)),
        ("GuildResponse", world.payloads.gateway_guild(local.guild, world.threads(local.guild))),
        ("GuildMemberResponse", member_payload(local.guild.members[ada.id])),
        ("GuildChannelResponse", world.payloads.channel(local.channel)),
        ("GuildRoleResponse", role_payload(local.guild.roles[local.guild.id])),
    ):
        assert openapi.payload_errors(schema, payload) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"json": {"content": "x" * 4001}}, "too long"),
        ({"json": {"embeds": [{"title": 7}]}}, "not of type"),
        ({"json": {"embeds": [{}] * 11}}, "too long"),
        ({"json": {"components": [{"type": 1, "components": []}]}}, "components"),
        ({"json": {"attachments": [{"filename": "a.png"}]}}, "'id' is a required property"),
        ({"json": None}, "has no body"),
        ({"query": {"wait": "1"}}, "unknown query parameter"),
        ({"method": "PUT"}, "not in the description"),
        ({"route": None}, "not in the description"),
        ({"status": 202}, "does not know"),
        ({"response": {"id": 7}}, "the answer"),
    ],
)
async def test_the_checker_reports_invalid_requests_and_responses(
    local: Sandbox, engine: Bot, change: dict[str, object], expected: str
) -> None:
    await engine.channel().send("right")
    valid = local.requests[-1]
    assert load_openapi().errors(valid) == []
    faults = load_openapi().errors(dataclasses.replace(valid, **change))
    assert any(expected in fault for fault in faults), faults
