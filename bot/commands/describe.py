"""/describe: prompts for images similar to a given one."""

import discord
from discord import app_commands

from bot.services.describing import submit_description
from bot.types import Interaction
from core.i18n import gettext_noop


@app_commands.command(
    name="describe", description=gettext_noop("Get three prompts that describe an image")
)
@app_commands.describe(
    image=gettext_noop("An image: PNG, JPEG, WebP or GIF"),
    private=gettext_noop("Send it only to you, by direct message"),
)
async def describe_command(
    interaction: Interaction, image: discord.Attachment, private: bool = False
) -> None:
    await submit_description(interaction, image, private=private)
