"""The real discord.py's requests, and the sandbox's answers, against Discord's own description."""

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


async def tell_a_story(local: Sandbox, bot: Bot, engine: Bot, ada: Member, picture: bytes) -> None:
    """Use every route once or more, as the product would."""

    class Card(discord.ui.View):
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
        await interaction.edit_original_response(embed=embed, view=Card(timeout=None))
        await (await interaction.original_response()).fetch()

    @bot.tree.command(description="Say hello.")
    async def hello(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("Hello", ephemeral=True)
        extra = await interaction.followup.send("More", wait=True)
        await extra.edit(content="Less")
        await extra.delete()
        await interaction.delete_original_response()

    await bot.go_online()
    card = await ada.wait_filled(await ada.slash("imagine", include="a red circle"))
    place = engine.place()
    embed = discord.Embed(title="frame").set_image(url="attachment://frame.webp")
    frame = discord.File(io.BytesIO(picture), "frame.webp", description="half done")
    await place.get_partial_message(card.id).edit(embed=embed, attachments=[frame])
    await ada.press(card, "cancel")
    await ada.slash("hello")
    sent = await place.send(
        "final",
        file=discord.File(io.BytesIO(picture), "final.png"),
        nonce="job-1",
        reference=discord.MessageReference(message_id=card.id, channel_id=card.channel_id),
    )
    await sent.edit(content="finally", attachments=sent.attachments)
    await sent.fetch()
    async with place.typing():
        await engine.fetch_channel(local.channel.id)
    await engine.fetch_guild(local.guild.id)
    await (await engine.fetch_user(ada.id)).send("a copy")
    await bot.tree.fetch_commands(guild=discord.Object(local.guild.id))
    guild = bot.get_guild(local.guild.id)
    assert guild is not None
    await guild.fetch_member(ada.id)
    await guild.fetch_channels()
    await guild.fetch_roles()
    async for _ in place.history(limit=5):
        pass
    await sent.delete()


async def test_all_requests_and_answers_are_as_described(
    local: Sandbox, bot: Bot, engine: Bot, ada: Member, picture: bytes
) -> None:
    await tell_a_story(local, bot, engine, ada, picture)
    assert local.unhandled == []
    assert {each.status for each in local.requests} <= {200, 204}
    assert len({each.name for each in local.requests}) >= 20
    assert_valid(local.requests)


async def test_refusals_are_as_described(local: Sandbox, engine: Bot) -> None:
    with pytest.raises(discord.HTTPException):
        await engine.place().send(embed=discord.Embed(title="x" * 300))
    with pytest.raises(discord.NotFound):
        await engine.place().fetch_message(1)
    async with aiohttp.ClientSession() as session, session.get(f"{local.api_url}/users/@me") as r:
        assert r.status == 401
    openapi = load_openapi()
    faults = [fault for each in local.requests for fault in openapi.faults(each)]
    assert len(faults) == 1, faults  # the overlong title; the answers are all well-formed
    assert "too long" in faults[0]


async def test_what_the_gateway_tells_is_as_described(local: Sandbox, ada: Member) -> None:
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
        assert openapi.payload_faults(schema, payload) == []


@pytest.mark.parametrize(
    ("change", "words"),
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
async def test_the_checker_finds_what_is_wrong(
    local: Sandbox, engine: Bot, change: dict[str, object], words: str
) -> None:
    await engine.place().send("right")
    right = local.requests[-1]
    assert load_openapi().faults(right) == []
    faults = load_openapi().faults(dataclasses.replace(right, **change))
    assert any(words in fault for fault in faults), faults
