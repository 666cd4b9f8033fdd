"""Messages that members forward, as Discord shows them: snapshots that nobody can press."""

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
    sent = await engine.place().send(view=view, file=discord.File(tmp_path / "owl.png"))
    (shown,) = await ada.messages()
    assert [button.label for button in shown.buttons] == ["Again"]

    forwarded = await ada.forward(shown, elsewhere)
    assert [file.filename for file in forwarded.files] == ["owl.png"]
    assert forwarded.buttons == []
    read = await engine.get_partial_messageable(elsewhere.id).fetch_message(forwarded.id)
    assert read.reference
    assert read.reference.type is discord.MessageReferenceType.forward
    assert (read.reference.channel_id, read.reference.message_id) == (ada.channel_id, sent.id)
    assert read.flags.forwarded
    (snapshot,) = read.message_snapshots
    assert [part.type for part in snapshot.components] == [discord.ComponentType.container]
    openapi.assert_valid(local.requests)


async def test_only_what_a_member_sees_can_be_forwarded_and_only_where_they_may_write(
    local: Sandbox, ada: Member
) -> None:
    elsewhere = await local.client.channel("elsewhere")
    said = await ada.say("hello")
    channel = local.world.channels[elsewhere.id]
    local.world.overwrite(channel, ada.id, deny=int(Permission.SEND_MESSAGES))
    with pytest.raises(InteractionError, match="Missing Permissions"):
        await ada.forward(said, elsewhere)
    assert await ada.at(elsewhere).messages() == []
