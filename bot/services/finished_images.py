"""Stores a finished image as an upload, for a job that starts from it."""

import asyncio
from pathlib import Path

from PIL import Image

from bot.errors import RefusedError
from bot.services.access import is_restricted
from bot.types import Interaction
from core.database.provenance import UploadedImages
from core.i18n import gettext, gettext_noop
from core.job import Job
from core.storage.paths import finished_images, folder_of
from core.storage.uploaded_images import store_image

FILES_GONE = gettext_noop("The files of this image are no longer on the server that runs this bot.")


async def store_finished(interaction: Interaction, job: Job, row: int) -> str:
    """Stores an image of a job as the member's upload; returns its name in recipes.

    The member must be allowed to see the job. The pixels are those of the posted image. Raises
    RefusedError, StoreError.
    """
    data_dir = interaction.client.settings.data_dir
    try:
        name = await asyncio.to_thread(_store, folder_of(job.id, data_dir), row, data_dir)
    except (OSError, IndexError):
        raise RefusedError(gettext(FILES_GONE)) from None
    await UploadedImages(interaction.client.database).add(
        name,
        interaction.user.id,
        age_restricted=is_restricted(interaction.client, job),
        spoilered=job.spoilered,
    )
    return name


def _store(folder: Path, row: int, data_dir: Path) -> str:
    with Image.open(finished_images(folder)[row], formats=["PNG"]) as image:
        return store_image(image.convert("RGB"), data_dir)
