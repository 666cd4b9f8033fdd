"""Forms: what a bot may ask in one, and what a member may answer."""

import asyncio
from pathlib import Path
from typing import Any

import discord
import pytest

from sandbox import InteractionError, Member, Sandbox
from tests.openapi import assert_valid
from tests.sandbox.conftest import Bot, soon


class Recipe(discord.ui.Modal, title="Edit the recipe"):
    """A form with a label around each field, of many kinds."""

    note = discord.ui.TextDisplay["Recipe"]("The picture is painted anew.")
    include = discord.ui.Label["Recipe"](
        text="Include",
        description="What to paint.",
        component=discord.ui.TextInput(
            custom_id="include", default="a circle", min_length=3, max_length=20
        ),
    )
    exclude = discord.ui.Label["Recipe"](
        text="Exclude",
        component=discord.ui.TextInput(custom_id="exclude", required=False, min_length=3),
    )
    size = discord.ui.Label["Recipe"](
        text="Size",
        component=discord.ui.Select(
            custom_id="size",
            options=[
                discord.SelectOption(label="small", default=True),
                discord.SelectOption(label="large"),
            ],
        ),
    )
    image = discord.ui.Label["Recipe"](
        text="Picture", component=discord.ui.FileUpload(custom_id="image", required=False)
    )

    def __init__(self, sent: "asyncio.Queue[Recipe]") -> None:
        super().__init__()
        self.sent = sent

    async def on_submit(self, interaction: discord.Interaction) -> None:
        await interaction.response.send_message("painting", ephemeral=True)
        self.sent.put_nowait(self)


async def opening(bot: Bot) -> "asyncio.Queue[Recipe]":
    sent: asyncio.Queue[Recipe] = asyncio.Queue()

    @bot.tree.command(description="Edit the recipe.")
    async def edit(interaction: discord.Interaction) -> None:
        await interaction.response.send_modal(Recipe(sent))

    await bot.go_online()
    return sent


async def test_a_form_with_labels_is_filled_in(
    local: Sandbox, bot: Bot, ada: Member, picture: bytes, tmp_path: Path
) -> None:
    sent = await opening(bot)
    opened = await ada.slash("edit")
    assert opened.fields == {"include": "a circle", "exclude": ""}
    await ada.submit(opened)
    form = await soon(sent.get())
    assert [_value(form.include), _value(form.exclude)] == ["a circle", ""]
    assert _values(form.size) == ["small"]
    (tmp_path / "red.png").write_bytes(picture)
    opened = await ada.slash("edit")
    await ada.submit(
        opened, exclude="fog", size=["large"], image=[tmp_path / "red.png"], include="a square"
    )
    form = await soon(sent.get())
    assert [_value(form.include), _value(form.exclude)] == ["a square", "fog"]
    assert _values(form.size) == ["large"]
    (image,) = _values(form.image)
    assert await image.read() == picture
    assert_valid(local.requests)


async def test_only_what_fits_can_be_sent(bot: Bot, ada: Member) -> None:
    await opening(bot)
    opened = await ada.slash("edit")
    for wrong in (
        {"include": ""},
        {"include": "ab"},
        {"include": "x" * 21},
        {"include": "two\nlines"},
        {"exclude": "ab"},
        {"size": ["huge"]},
        {"size": []},
        {"size": ["small", "large"]},
        {"image": ["7"]},
        {"colour": "red"},
    ):
        with pytest.raises(InteractionError):
            await ada.submit(opened, **wrong)
    assert (await ada.submit(opened, include="a star")).kind == "message"


def text(**more: object) -> dict[str, Any]:
    field = {"type": 4, "custom_id": "a", "style": 1, **more}
    return {"components": [{"type": 18, "label": "A", "component": field}]}


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"title": "x" * 46}, "title"),
        ({"custom_id": ""}, "custom_id"),
        ({"components": []}, "components"),
        ({"components": text()["components"] * 6}, "components"),
        ({"components": text()["components"] * 2}, "components.1.component.custom_id"),
        ({"components": [{"type": 18, "component": {}}]}, "components.0.label"),
        ({"components": [{"type": 18, "label": "A"}]}, "components.0.component.type"),
        ({"components": [{"type": 2}]}, "components.0.type"),
        (
            {"components": [{"type": 1, "components": [text()["components"][0]["component"]]}]},
            "components.0.components.0.label",
        ),
        (text(max_length=4001), "components.0.component.max_length"),
        (text(min_length=9, max_length=8), "components.0.component.max_length"),
        (text(max_length=3, value="four"), "components.0.component.value"),
        (text(placeholder="x" * 101), "components.0.component.placeholder"),
        (text(style=3), "components.0.component.style"),
        (text(type=3, options=[]), "components.0.component.options"),
    ],
)
async def test_a_wrong_form_is_refused_at_its_place(
    bot: Bot, ada: Member, change: dict[str, Any], place: str
) -> None:
    refused: asyncio.Queue[str] = asyncio.Queue()

    class Wrong(discord.ui.Modal, title="Wrong"):
        def to_dict(self) -> dict[str, Any]:
            return {"custom_id": "wrong", "title": "Wrong", **text(), **change}

    @bot.tree.command(description="Edit the recipe.")
    async def edit(interaction: discord.Interaction) -> None:
        try:
            await interaction.response.send_modal(Wrong())
        except discord.HTTPException as error:
            refused.put_nowait(error.text)
        await interaction.response.send_message("sorry", ephemeral=True)

    await bot.go_online()
    assert (await ada.slash("edit")).kind == "message"
    assert f"In data.{place}:" in await soon(refused.get())


def _value(label: "discord.ui.Label[Recipe]") -> str:
    assert isinstance(label.component, discord.ui.TextInput)
    return label.component.value


def _values(label: "discord.ui.Label[Recipe]") -> list[Any]:
    assert isinstance(label.component, discord.ui.Select | discord.ui.FileUpload)
    return list(label.component.values)
