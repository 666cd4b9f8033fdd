"""/privacy: what is kept about a member, and how they delete it."""

import asyncio
import io
import json

import discord
from discord import app_commands

from bot.client import ImagineBot
from bot.components.buttons import Interaction, answers
from bot.errors import RefusedError
from bot.services.deletion import sweep
from core.database.members import Kept, Members
from core.i18n import mark, say
from core.storage.retention import needed
from core.storage.uploaded_images import forget_initial


@app_commands.command(name="privacy", description=mark("See and delete what is kept about you"))
async def privacy_command(interaction: Interaction) -> None:
    await interaction.response.defer(ephemeral=True)
    members = Members(interaction.client.store)
    kept = await members.kept(interaction.user.id)
    all_of_it = json.dumps(await members.everything(interaction.user.id), indent=1)
    file = discord.File(io.BytesIO(all_of_it.encode()), "imagine.json")
    view = discord.ui.View(timeout=None)
    view.add_item(
        discord.ui.Button(
            label=say("Delete all of it"),
            style=discord.ButtonStyle.danger,
            custom_id=f"imagine:forget:{interaction.user.id}",
        )
    )
    view.stop()
    await interaction.edit_original_response(content=_told(kept), attachments=[file], view=view)


@answers("forget", r"[0-9]{1,20}")
async def _forget(interaction: Interaction, aside: str) -> None:
    """Deletes everything that is kept about the member that is named, in all servers."""
    if str(interaction.user.id) != aside:
        raise RefusedError(say("Only they themselves can delete what is kept about a member."))
    await interaction.response.defer()
    count = await forget(interaction.client, interaction.user.id)
    told = say(
        "Deleted: {jobs} jobs with their pictures and messages, and your preferences.", jobs=count
    )
    await interaction.edit_original_response(content=told, attachments=[], view=None)


async def forget(bot: ImagineBot, member_id: int) -> int:
    """Deletes all that is kept about a member; how many jobs that were."""
    jobs = await Members(bot.store).erase(member_id)
    for job in jobs:
        await sweep(bot, job)
    attached = {name for job in jobs for name in job.recipe.pictures}
    for name in attached - (await needed(bot.store, pictures=attached)).pictures.keys():
        await asyncio.to_thread(forget_initial, name, bot.settings.data_dir)
    return len(jobs)


def _told(kept: Kept) -> str:
    head = say("Kept about you:")
    if kept.first:
        head = say("Kept about you since {date}:", date=f"<t:{int(kept.first)}:D>")
    kinds = say(
        "{jobs} jobs (what you asked for, where and when, with your name"
        " and language at that time), {pictures} pictures with their frames, {favourites}"
        " favourites, your preferences, the pictures that you attached, and what moderators have"
        " noted, which stays for them. Nobody but the hosts and moderators of"
        " this bot sees it beside what stands in the channels.",
        jobs=kept.jobs,
        pictures=kept.pictures,
        favourites=kept.favourites,
    )
    return f"{head} {kinds}"
