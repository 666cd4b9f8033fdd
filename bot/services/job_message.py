"""Shows a job in the response to an interaction."""

from pathlib import PurePosixPath
from urllib.parse import urlsplit

import discord

from bot.errors import UndeliveredError, is_gone
from bot.services.responses import Response
from core.discord_ui.job_message import card
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

    `over` is that message as it is, if it may have an image, which is kept. Raises
    UndeliveredError if Discord does not take it: the job is not lost with it.
    """
    image = _image_name(over) if over else None
    message = card(job, position=position, wait_seconds=wait_seconds, picture=image)
    try:
        return await response.edit(embed=message.embed, view=message.view)
    except discord.HTTPException as error:
        if is_gone(error):
            raise
        raise UndeliveredError(str(error)) from error


def _image_name(message: discord.Message) -> str | None:
    """The file name of a message's image, if it has just one.

    A file that an embed shows is not among the message's attachments.
    """
    shown = [urlsplit(embed.image.url).path for embed in message.embeds if embed.image.url]
    names = [PurePosixPath(path).name for path in shown]
    names += [attachment.filename for attachment in message.attachments]
    return names[0] if len(names) == 1 else None
