"""/help: short, with examples that one can press."""

import discord
from discord import app_commands

from bot import policy
from bot.components.buttons import Interaction, answers
from bot.services.submission import ask
from core.i18n import mark, say
from core.recipe import Recipe

EXAMPLES = {
    "sketch": (
        ("a red circle on a white background", "watermark"),
        ("a yellow star and a blue heart", ""),
        ("the moon over snowy hills at night", "a house"),
    ),
    "": (
        ("a lighthouse in a storm", "watermark"),
        ("a castle on a cliff | fog:0.5", "people"),
        ("an astronaut riding a horse", "text"),
    ),
}
"""Wishes, include and exclude, by pair; under the empty name those for pairs of any words."""

TEXT = mark("""\
**`/imagine include:` what to paint, `exclude:` what to keep away.** A picture forms in the channel.
Several wishes stand between bars, each with a weight if you like: `a castle | fog:0.5`.
`image:` is a picture to start from, `like:` one whose likes to paint.

Below a picture: **Again** from a new seed · **Vary** for likes of it · **Edit** its recipe · \
**Larger** at twice the size · **More steps** · **Timelapse** · **Details**.
`/queue` what waits · `/cancel` take one back · `/show` a picture by number · `/history` yours · \
`/prefer` your usual size, steps and style · `/privacy` what is kept about you.

Press one to try it:""")


def examples(pair: str) -> tuple[tuple[str, str], ...]:
    """Wishes whose words this pair knows."""
    return EXAMPLES.get(pair, EXAMPLES[""])


@app_commands.command(
    name="help", description=mark("How to ask for pictures, with examples to press")
)
async def help_command(interaction: Interaction) -> None:
    view = discord.ui.View(timeout=None)
    for number, (include, _) in enumerate(examples(interaction.client.settings.model)):
        view.add_item(
            discord.ui.Button(label=include, custom_id=f"imagine:example:{number}", row=number)
        )
    view.stop()
    embed = discord.Embed(title="Imagine", description=say(TEXT), colour=discord.Colour.blurple())
    await interaction.response.send_message(embed=embed, view=view, ephemeral=True)


@answers("example", "[0-2]")
async def _ask_for(interaction: Interaction, aside: str) -> None:
    """Asks for an example in the name of whoever presses it."""
    pair = interaction.client.settings.model
    include, exclude = examples(pair)[int(aside)]
    menu = policy.menu(pair)
    size = menu.sizes[0]
    await ask(
        interaction,
        Recipe.make(include, exclude, width=size.width, height=size.height, steps=menu.steps),
    )
