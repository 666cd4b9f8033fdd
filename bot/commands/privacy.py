"""/privacy: shows a member what is kept about them, and lets them delete it."""

import asyncio
import io

import discord
import structlog
from discord import app_commands

from bot.components.privacy_buttons import delete_everything_button
from bot.services.export import archives, as_lines
from bot.services.responses import acknowledged
from bot.types import Interaction
from core.database.personal_data import PersonalData, Summary
from core.i18n import gettext, gettext_noop, ngettext

log = structlog.stdlib.get_logger(__name__)


@app_commands.command(
    name="privacy", description=gettext_noop("See and delete what is kept about you")
)
async def privacy_command(interaction: Interaction) -> None:
    """Sends the button first, so that it works even if the files can't be sent."""
    data, member_id = PersonalData(interaction.client.database), interaction.user.id
    async with acknowledged(interaction, ephemeral=True) as response:
        summary = await data.summary(member_id)
        await response.edit(_description(summary), view=delete_everything_button(member_id))
        try:
            await _send_records(interaction, data)
        except Exception:  # if raised, it would replace the message and its button
            log.exception("a member's data could not be sent")
            failed = gettext("The files could not be sent. Use `/privacy` again to get them.")
            await interaction.followup.send(failed, ephemeral=True)


async def _send_records(interaction: Interaction, data: PersonalData) -> None:
    """Sends all records, in as many files as Discord's size limit requires."""
    lines: list[tuple[str, str]] = []
    async for kind, records in data.records(interaction.user.id):
        lines += [(kind, line) for line in await asyncio.to_thread(as_lines, records)]
    packed = await asyncio.to_thread(lambda: list(archives(lines, interaction.filesize_limit)))
    for number, archive in enumerate(packed, start=1):
        name = "imagine.zip" if len(packed) == 1 else f"imagine-{number}-of-{len(packed)}.zip"
        await interaction.followup.send(
            file=discord.File(io.BytesIO(archive), name), ephemeral=True
        )


def _description(summary: Summary) -> str:
    head = gettext("Kept about you:")
    if summary.first:
        head = gettext("Kept about you since {date}:", date=f"<t:{int(summary.first)}:D>")
    parts = [
        ngettext(
            "{n} request (what you asked for, where and when, with your name and language at"
            " that time)",
            "{n} requests (what you asked for, where and when, with your name and language at"
            " that time)",
            summary.jobs,
        ),
        ngettext("{n} image with its frames", "{n} images with their frames", summary.images),
        ngettext("{n} favourite", "{n} favourites", summary.favourites),
        gettext("your preferences, the images you uploaded, and reports and moderation records"),
    ]
    kept = gettext(
        "Everything is in the attached files. If you delete it, moderators keep the dates of what"
        " they decided about you, without any text. Only the hosts of this bot and the moderators"
        " of your servers can see what is not posted in channels."
    )
    listed = "\n".join(f"- {part}" for part in parts)
    return f"{head}\n{listed}\n{kept}"
