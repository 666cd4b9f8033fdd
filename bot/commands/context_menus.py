"""The context menu of messages: start from an image, describe it, see its prompt, report it."""

import asyncio

import discord
from discord import app_commands

from bot.components.image_modal import ImageModal
from bot.components.persistent import send_modal
from bot.components.report_modal import ReportModal
from bot.errors import RefusedError
from bot.installation import guild_id_of
from bot.services.access import get_visible_job, is_restricted
from bot.services.admission import channel_context
from bot.services.attachments import store_attachment
from bot.services.describing import submit_description
from bot.services.job_views import show_details
from bot.services.responses import acknowledged
from bot.types import Interaction
from core.discord_ui.forwards import original_of
from core.discord_ui.limits import INITIAL_RESPONSE_SECONDS
from core.discord_ui.message_images import image_of
from core.i18n import gettext, gettext_noop
from core.job import Job, JobKind

FETCH_SECONDS = INITIAL_RESPONSE_SECONDS - 1.0
"""A form must open within three seconds; this leaves one for reaching Discord."""


@app_commands.context_menu(name=gettext_noop("Imagine from this image"))
async def imagine_from_image(interaction: Interaction, message: discord.Message) -> None:
    """Downloads the image at once: only this interaction gives the bot access to the message."""
    image = image_of(message)
    if image is None:
        raise RefusedError(gettext("There is no image in this message to start from."))
    try:
        async with asyncio.timeout(FETCH_SECONDS):
            bot = interaction.client
            source = await bot.jobs.in_message(*original_of(message))
            restricted = source is not None and is_restricted(bot, source)
            name = await store_attachment(
                bot,
                image,
                member_id=interaction.user.id,
                guild_id=guild_id_of(interaction),
                age_restricted=restricted or channel_context(interaction).age_restricted,
                spoilered=source is not None and source.spoilered,
            )
    except TimeoutError:
        raise RefusedError(
            gettext(
                "The image took too long to download. Please attach it to `/imagine` as `image`"
                " instead."
            )
        ) from None
    await send_modal(interaction, ImageModal.for_member(interaction, name))


@app_commands.context_menu(name=gettext_noop("Describe this image"))
async def describe_image(interaction: Interaction, message: discord.Message) -> None:
    image = image_of(message)
    if image is None:
        raise RefusedError(gettext("There is no image in this message to describe."))
    job = await interaction.client.jobs.in_message(*original_of(message))
    await submit_description(interaction, image, parent=job)


@app_commands.context_menu(name=gettext_noop("What was this prompt?"))
async def show_prompt(interaction: Interaction, message: discord.Message) -> None:
    async with acknowledged(interaction, ephemeral=True) as response:
        await show_details(response, await _job_of(interaction, message))


@app_commands.context_menu(name=gettext_noop("Report to moderators"))
@app_commands.allowed_installs(guilds=True, users=False)
@app_commands.allowed_contexts(guilds=True, dms=False, private_channels=False)
async def report_to_moderators(interaction: Interaction, message: discord.Message) -> None:
    job = await _job_of(interaction, message)
    await send_modal(interaction, ReportModal(job.id))


async def _job_of(interaction: Interaction, message: discord.Message) -> Job:
    """The job shown by the message, or by the message that it forwards. Raises RefusedError."""
    _, message_id = original_of(message)
    job = await interaction.client.jobs.by_message(message_id)
    if job is None or job.kind is not JobKind.IMAGE:
        raise RefusedError(gettext("This message doesn't show one of my images."))
    return await get_visible_job(interaction, job.id)
