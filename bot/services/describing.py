"""Requests a description of an image, for the command and the context menu."""

import discord

from bot.services.submission import Uploads, submit_job
from bot.types import Interaction
from core.description import PLACEHOLDER, description_recipe
from core.discord_ui.message_images import MessageImage
from core.job import Job, JobKind


async def submit_description(
    interaction: Interaction,
    image: discord.Attachment | MessageImage,
    *,
    parent: Job | None = None,
    private: bool = False,
) -> None:
    """Queues the request and shows its job. `parent` is the job that made the image, if any.

    Raises RefusedError, StoreError.
    """
    uploads = Uploads(like=[(image, 1.0)], placeholder=PLACEHOLDER)
    await submit_job(
        interaction,
        description_recipe(),
        uploads,
        parent=parent,
        private=private,
        kind=JobKind.DESCRIPTION,
    )
