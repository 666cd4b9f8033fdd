"""Shows a job in the response to an interaction."""

import discord

from bot.errors import UndeliveredError, is_gone
from bot.services.responses import Response
from core.discord_ui.job_message import ShownImage, job_message
from core.discord_ui.message_images import images_of
from core.job import Job


async def show_job_message(
    response: Response,
    job: Job,
    *,
    current: discord.Message | None = None,
    position: int | None = None,
    wait_seconds: float | None = None,
) -> discord.Message:
    """Shows a job in the response, and returns the job message.

    `current` is that message before the edit; its images are kept. Raises UndeliveredError if
    Discord does not accept the edit, which does not affect the job.
    """
    shown = images_of(current) if current else ()
    images = [ShownImage(image.url, spoiler=job.spoilered) for image in shown]
    message = job_message(job, position=position, wait_seconds=wait_seconds, images=images)
    try:
        return await response.edit(view=message)
    except discord.HTTPException as error:
        if is_gone(error):
            raise
        raise UndeliveredError(str(error)) from error
