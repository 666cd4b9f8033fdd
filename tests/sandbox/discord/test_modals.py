"""Modals: what a bot may ask for, and what a member may submit."""

import asyncio
from pathlib import Path
from typing import Any

import discord
import pytest

from sandbox import InteractionError, Member, Sandbox
from tests.openapi import assert_valid
from tests.sandbox.conftest import Bot, with_timeout


class Recipe(discord.ui.Modal, title="Edit the recipe"):
    """A modal with labels around fields of several kinds."""

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

    def __init__(self, submitted: "asyncio.Queue[Recipe]") -> None:
        super().__init__()
        self.submitted = submitted

    async def on_submit(self, interaction: discord.Interaction) -> None:
        await interaction.response.send_message("painting", ephemeral=True)
        self.submitted.put_nowait(self)


async def go_online_with_modal(bot: Bot) -> "asyncio.Queue[Recipe]":
    submitted: asyncio.Queue[Recipe] = asyncio.Queue()

    @bot.tree.command(description="Edit the recipe.")
    async def edit(interaction: discord.Interaction) -> None:
        await interaction.response.send_modal(Recipe(submitted))

    await bot.go_online()
    return submitted


async def test_a_modal_with_labels_can_be_submitted(
    local: Sandbox, bot: Bot, ada: Member, png: bytes, tmp_path: Path
) -> None:
    submitted = await go_online_with_modal(bot)
    opened = await ada.slash("edit")
    assert opened.fields == {"include": "a circle", "exclude": ""}
    await ada.submit(opened)
    modal = await with_timeout(submitted.get())
    assert [_value(modal.include), _value(modal.exclude)] == ["a circle", ""]
    assert _values(modal.size) == ["small"]
    (tmp_path / "red.png").write_bytes(png)
    opened = await ada.slash("edit")
    await ada.submit(
        opened, exclude="fog", size=["large"], image=[tmp_path / "red.png"], include="a square"
    )
    modal = await with_timeout(submitted.get())
    assert [_value(modal.include), _value(modal.exclude)] == ["a square", "fog"]
    assert _values(modal.size) == ["large"]
    (image,) = _values(modal.image)
    assert await image.read() == png
    assert_valid(local.requests)


async def test_values_that_a_field_does_not_allow_are_refused(bot: Bot, ada: Member) -> None:
    await go_online_with_modal(bot)
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


def text_input(**changes: object) -> dict[str, Any]:
    field = {"type": 4, "custom_id": "a", "style": 1, **changes}
    return {"components": [{"type": 18, "label": "A", "component": field}]}


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"title": "x" * 46}, "title"),
        ({"custom_id": ""}, "custom_id"),
        ({"components": []}, "components"),
        ({"components": text_input()["components"] * 6}, "components"),
        ({"components": text_input()["components"] * 2}, "components.1.component.custom_id"),
        ({"components": [{"type": 18, "component": {}}]}, "components.0.label"),
        ({"components": [{"type": 18, "label": "A"}]}, "components.0.component.type"),
        ({"components": [{"type": 2}]}, "components.0.type"),
        (
            {
                "components": [
                    {"type": 1, "components": [text_input()["components"][0]["component"]]}
                ]
            },
            "components.0.components.0.label",
        ),
        (text_input(max_length=4001), "components.0.component.max_length"),
        (text_input(min_length=9, max_length=8), "components.0.component.max_length"),
        (text_input(max_length=3, value="four"), "components.0.component.value"),
        (text_input(placeholder="x" * 101), "components.0.component.placeholder"),
        (text_input(style=3), "components.0.component.style"),
        (text_input(type=3, options=[]), "components.0.component.options"),
    ],
)
async def test_an_invalid_modal_is_refused_with_the_path_of_the_error(
    bot: Bot, ada: Member, change: dict[str, Any], path: str
) -> None:
    refused: asyncio.Queue[str] = asyncio.Queue()

    class Wrong(discord.ui.Modal, title="Wrong"):
        def to_dict(self) -> dict[str, Any]:
            return {"custom_id": "wrong", "title": "Wrong", **text_input(), **change}

    @bot.tree.command(description="Edit the recipe.")
    async def edit(interaction: discord.Interaction) -> None:
        try:
            await interaction.response.send_modal(Wrong())
        except discord.HTTPException as error:
            refused.put_nowait(error.text)
        await interaction.response.send_message("sorry", ephemeral=True)

    await bot.go_online()
    assert (await ada.slash("edit")).kind == "message"
    assert f"In data.{path}:" in await with_timeout(refused.get())


def _value(label: "discord.ui.Label[Recipe]") -> str:
    assert isinstance(label.component, discord.ui.TextInput)
    return label.component.value


def _values(label: "discord.ui.Label[Recipe]") -> list[Any]:
    assert isinstance(label.component, discord.ui.Select | discord.ui.FileUpload)
    return list(label.component.values)
