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
    over: discord.Message | None = None,
    position: int | None = None,
    wait_seconds: float | None = None,
) -> discord.Message:
    """Puts the job's message into the response, and returns that message.

    `over` is that message as it is, whose images are kept. Raises UndeliveredError if Discord does
    not take it: the job is not lost with it.
    """
    shown = images_of(over) if over else ()
    images = [ShownImage(image.url, spoiler=job.spoilered) for image in shown]
    message = job_message(job, position=position, wait_seconds=wait_seconds, images=images)
    try:
        return await response.edit(view=message)
    except discord.HTTPException as error:
        if is_gone(error):
            raise
        raise UndeliveredError(str(error)) from error
