"""/help: how to request images, with buttons for examples."""

from typing import Any

import discord
from discord import app_commands

from bot.services.examples import example_buttons
from bot.types import Interaction
from core.discord_ui.views import static_layout
from core.i18n import gettext, gettext_noop

TEXT = gettext_noop("""\
**`/imagine include:` what to paint, `exclude:` what to leave out.** The image forms in the channel.
Separate several prompts with bars, each with a weight if you like: `a castle | fog:0.5`.
`image:` is an image to start from, `like:` one to resemble, `unlike:` one to avoid resembling.

Below an image: **Again** with a new seed · **Vary** for variations · **Upscale** to twice \
the size · **Edit** the recipe · **More** to remix, repaint a part, zoom out or make a film.
`/describe` an image in words · `/blend` images · `/styles` · `/history` your images · `/show` one \
by number · `/queue` what is waiting · `/cancel` a job · `/prefer` your defaults · `/privacy` your \
data.

Press an example to try it:""")


@app_commands.command(
    name="help", description=gettext_noop("How to request images, with examples to try")
)
async def help_command(interaction: Interaction) -> None:
    examples = example_buttons(interaction.client.settings.model)
    text = discord.ui.TextDisplay[Any](f"### Imagine\n{gettext(TEXT)}")
    rows = (discord.ui.ActionRow[Any](button) for button in examples)
    box = discord.ui.Container[Any](text, *rows, accent_colour=discord.Colour.blurple())
    await interaction.response.send_message(view=static_layout([box]), ephemeral=True)
