"""Layouts (components version 2): what the real discord.py sends, and what is refused."""

import io
from typing import Any

import aiohttp
import discord
import pytest
from discord import ui

from sandbox import Member, Sandbox
from sandbox.client.views import MessageView
from tests.openapi import assert_valid
from tests.sandbox.conftest import Bot

V2 = 1 << 15
TEXT = {"type": 10, "content": "text"}


class Job(ui.LayoutView):
    """A layout like a job message, with most kinds of component."""

    def __init__(self, *images: str) -> None:
        super().__init__(timeout=None)
        button: ui.Button[Any] = ui.Button(label="Cancel", emoji="✖️", custom_id="cancel")
        self.add_item(
            ui.Container(
                ui.TextDisplay("### Painting\nhalf done"),
                ui.Section("a", "b", accessory=ui.Button(label="Open", custom_id="open")),
                ui.Section("c", accessory=ui.Thumbnail(f"attachment://{images[0]}", spoiler=True)),
                ui.Separator(),
                ui.MediaGallery(
                    *(discord.MediaGalleryItem(f"attachment://{name}") for name in images)
                ),
                ui.ActionRow(button),
                accent_colour=0x5865F2,
            )
        )


def files(png: bytes, *names: str) -> list[discord.File]:
    return [discord.File(io.BytesIO(png), name) for name in names]


async def test_a_layout_shows_its_files_and_replaces_an_embed_permanently(
    local: Sandbox, engine: Bot, ada: Member, png: bytes
) -> None:
    message = await engine.channel().send(
        "words", embed=discord.Embed(title="Old"), files=files(png, "old.png")
    )
    with pytest.raises(discord.HTTPException, match="cannot be used"):
        await message.edit(view=Job("1.webp"), attachments=files(png, "1.webp"))
    layout, shown = Job("1.webp", "2.webp"), files(png, "1.webp", "2.webp")
    edited = await message.edit(content=None, embed=None, view=layout, attachments=shown)
    assert edited.flags.components_v2
    assert edited.attachments == []
    (seen,) = await ada.messages()
    assert (seen.title, seen.content) == ("Painting", "")
    assert [file.filename for file in seen.files] == ["1.webp", "1.webp", "2.webp"]
    assert seen.files[0].width == 64
    assert [button.custom_id for button in seen.buttons] == ["open", "cancel"]
    await edited.edit(view=layout)  # the files stay
    assert len(local.channel.messages[message.id].files) == 2
    with pytest.raises(discord.HTTPException, match="cannot be used"):
        await message.edit(content="back to words")
    assert_valid([each for each in local.requests if each.status == 200])


async def test_a_button_in_a_layout_can_be_pressed(local: Sandbox, bot: Bot, ada: Member) -> None:
    pressed = []

    class Layout(ui.LayoutView):
        row: ui.ActionRow[Any] = ui.ActionRow()

        @row.button(label="Press", custom_id="press")
        async def press(self, interaction: discord.Interaction, button: ui.Button[Any]) -> None:
            pressed.append(interaction.user.id)
            done = ui.LayoutView().add_item(ui.TextDisplay(f"Done by <@{ada.id}>"))
            await interaction.response.edit_message(
                view=done, allowed_mentions=discord.AllowedMentions(users=True)
            )

    await bot.go_online()
    message = await bot.channel().send(view=Layout(timeout=None))
    reply = await ada.press(
        MessageView(local.world.payloads.message(_newest_message(local))), "press"
    )
    assert pressed == [ada.id]
    assert reply.message
    assert [user["id"] for user in reply.message.raw["mentions"]] == [str(ada.id)]
    assert reply.message.id == message.id
    assert_valid(local.requests)


def _newest_message(local: Sandbox) -> Any:
    return local.channel.messages[max(local.channel.messages)]


def container(*children: Any) -> dict[str, Any]:
    return {"type": 17, "components": list(children)}


@pytest.mark.parametrize(
    ("components", "path"),
    [
        ([container()], "components.0.components"),
        ([container(container(TEXT))], "components.0.components.0.type"),
        ([{"type": 10, "content": ""}], "components.0.content"),
        ([{"type": 10, "content": "x" * 3000}] * 2, "components"),
        ([TEXT] * 41, "components"),
        ([{"type": 12, "items": []}], "components.0.items"),
        (
            [{"type": 12, "items": [{"media": {"url": "attachment://gone.png"}}]}],
            "components.0.items.0.media.url",
        ),
        ([{"type": 12, "items": [{"media": {"url": "x"}}]}], "components.0.items.0.media.url"),
        ([{"type": 13, "file": {"url": "https://a.b/c"}}], "components.0.file.url"),
        ([{"type": 9, "components": [TEXT]}], "components.0.accessory"),
        (
            [{"type": 9, "components": [TEXT] * 4, "accessory": {"type": 2}}],
            "components.0.components",
        ),
        ([{"type": 2, "style": 1, "label": "a", "custom_id": "x"}], "components.0.type"),
        ([container({"type": 1, "components": []})], "components.0.components.0.components"),
        ([{**TEXT, "id": 7}, {**TEXT, "id": 7}], "components"),
    ],
)
async def test_an_invalid_layout_is_refused_with_the_path_of_the_error(
    local: Sandbox, components: list[Any], path: str
) -> None:
    async with aiohttp.ClientSession(headers={"Authorization": f"Bot {local.token}"}) as session:
        url = f"{local.api_url}/channels/{local.channel.id}/messages"
        wrong = {"flags": V2, "components": components}
        async with session.post(url, json=wrong) as response:
            body = await response.json()
    assert (response.status, body["code"]) == (400, 50035)
    node = body["errors"]
    for key in path.split("."):
        node = node[key]
    assert node["_errors"]


async def test_a_layout_needs_the_flag(local: Sandbox) -> None:
    async with aiohttp.ClientSession(headers={"Authorization": f"Bot {local.token}"}) as session:
        url = f"{local.api_url}/channels/{local.channel.id}/messages"
        async with session.post(url, json={"components": [TEXT]}) as response:
            assert response.status == 400
