"""Draws a job's card into the answer to an interaction."""

from pathlib import PurePosixPath
from urllib.parse import urlsplit

import aiohttp
import discord
import structlog

from core.discord_ui.job_message import card
from core.job import Job

log = structlog.stdlib.get_logger(__name__)

TRIES = 3  #: at one edit, if connections break


async def show(
    interaction: discord.Interaction,
    job: Job,
    *,
    over: discord.Message | None = None,
    position: int | None = None,
    wait_seconds: float | None = None,
) -> discord.InteractionMessage | None:
    """Puts the card into the message that answers the interaction, and returns that message.

    `over` is that message as it stands, if it may have a picture: the card keeps it. None if
    Discord would not take the card: then it is as good as lost for a while, but not the job, of
    which the engine goes on telling.
    """
    picture = _picture(over) if over else None
    drawn = card(job, position=position, wait_seconds=wait_seconds, picture=picture)
    failure: Exception | None = None
    for _ in range(TRIES):
        try:
            return await interaction.edit_original_response(embed=drawn.embed, view=drawn.view)
        except discord.HTTPException as error:
            failure = error
            break
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            failure = error  # the connection broke; an edit does no harm twice
    log.warning("a card could not be shown", job=job.id, error=str(failure))
    return None


def _picture(message: discord.Message) -> str | None:
    """The file name of a message's picture, if it has just one.

    A file that an embed shows is not among the message's attachments.
    """
    shown = [urlsplit(embed.image.url).path for embed in message.embeds if embed.image.url]
    names = [PurePosixPath(path).name for path in shown]
    names += [attachment.filename for attachment in message.attachments]
    return names[0] if len(names) == 1 else None
