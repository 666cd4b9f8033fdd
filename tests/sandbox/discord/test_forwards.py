"""Forwarded messages: snapshots without buttons, as on Discord."""

from pathlib import Path

import discord
import pytest
from PIL import Image

from sandbox import Member, Sandbox
from sandbox.discord.client_errors import InteractionError
from sandbox.discord.permissions import Permission
from tests import openapi
from tests.sandbox.conftest import Bot


async def test_a_snapshot_shows_the_message_as_it_was_without_its_buttons(
    local: Sandbox, engine: Bot, ada: Member, tmp_path: Path
) -> None:
    elsewhere = await local.client.channel("elsewhere")
    Image.new("RGB", (3, 2)).save(tmp_path / "owl.png")
    view = discord.ui.LayoutView()
    gallery = discord.ui.MediaGallery(discord.MediaGalleryItem("attachment://owl.png"))
    view.add_item(discord.ui.Container(discord.ui.TextDisplay("# An owl"), gallery))
    view.add_item(discord.ui.ActionRow(discord.ui.Button(label="Again", custom_id="again")))
    sent = await engine.channel().send(view=view, file=discord.File(tmp_path / "owl.png"))
    (shown,) = await ada.messages()
    assert [button.label for button in shown.buttons] == ["Again"]

    forwarded = await ada.forward(shown, elsewhere)
    assert [file.filename for file in forwarded.files] == ["owl.png"]
    assert forwarded.buttons == []
    fetched = await engine.get_partial_messageable(elsewhere.id).fetch_message(forwarded.id)
    assert fetched.reference
    assert fetched.reference.type is discord.MessageReferenceType.forward
    assert (fetched.reference.channel_id, fetched.reference.message_id) == (ada.channel_id, sent.id)
    assert fetched.flags.forwarded
    (snapshot,) = fetched.message_snapshots
    assert [part.type for part in snapshot.components] == [discord.ComponentType.container]
    openapi.assert_valid(local.requests)


async def test_a_message_can_be_forwarded_only_to_where_the_member_may_write(
    local: Sandbox, ada: Member
) -> None:
    elsewhere = await local.client.channel("elsewhere")
    message = await ada.say("hello")
    channel = local.world.channels[elsewhere.id]
    local.world.overwrite(channel, ada.id, deny=int(Permission.SEND_MESSAGES))
    with pytest.raises(InteractionError, match="Missing Permissions"):
        await ada.forward(message, elsewhere)
    assert await ada.at(elsewhere).messages() == []


async def test_a_message_that_only_others_see_cannot_be_forwarded(
    local: Sandbox, bot: Bot, ada: Member
) -> None:
    @bot.tree.command(description="Whisper.")
    async def whisper(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("hush", ephemeral=True)

    await bot.go_online()
    elsewhere, office = [await local.client.channel(name) for name in ("elsewhere", "office")]
    grace = await local.member("Grace")
    whispered = (await ada.slash("whisper")).message
    assert whispered
    assert whispered.ephemeral
    secret = await grace.at(office).say("secret")
    local.world.overwrite(
        local.world.channels[office.id], ada.id, deny=int(Permission.VIEW_CHANNEL)
    )
    for message in (whispered, secret):
        with pytest.raises(InteractionError, match="Unknown Message"):
            await ada.forward(message, elsewhere)
    assert await ada.at(elsewhere).messages() == []
