"""Images that members attach: admitted, downloaded from Discord, decoded, stored and recorded."""

import asyncio

import aiohttp
import discord
from yarl import URL

from bot.client import ImagineBot
from bot.decisions import Reason, refuse
from bot.errors import RefusedError
from bot.services.image_decoder import decode_isolated
from bot.state.upload_queue import UploadQueueFullError
from core.database.errors import StoreError
from core.database.provenance import UploadedImages
from core.discord_ui.message_images import MessageImage
from core.i18n import gettext
from core.storage.uploaded_images import ImageRejectedError, check_size, store_image

DISCORD_HOSTS = frozenset({"cdn.discordapp.com", "media.discordapp.net"})

_TIMEOUT = aiohttp.ClientTimeout(total=30)
_CHUNK = 2**16  #: bytes


async def store_attachment(
    bot: ImagineBot,
    attachment: discord.Attachment | MessageImage,
    *,
    member_id: int,
    guild_id: int | None,
    age_restricted: bool,
    spoilered: bool,
) -> str:
    """Stores an attached image as the member's upload; returns its name in recipes.

    The two flags describe where it was attached; a spoiler stays one in any case. The download
    waits for a slot in the upload queue. A rejected file counts against the member's hourly limit.
    Raises RefusedError, StoreError.
    """
    rejected = bot.rejected_uploads
    if rejected.is_exhausted(member_id):
        raise RefusedError(refuse(Reason.TOO_MANY_REJECTED_UPLOADS).refusal)
    try:
        check_size(attachment.size)
        async with bot.upload_queue.slot(member_id, guild_id):
            data = await _download(attachment, bot.downloads, bot.settings.discord_api_url)
            try:
                rejected.check_file(data)
                image = await decode_isolated(data)
            except ImageRejectedError as error:
                rejected.add(data, error.rejection, member_id, guild_id)
                raise
            name = await asyncio.to_thread(store_image, image, bot.settings.data_dir)
    except UploadQueueFullError as error:
        reason = Reason.OWN_UPLOADS_WAITING if error.own else Reason.UPLOADS_BUSY
        raise RefusedError(refuse(reason).refusal) from None
    except ImageRejectedError as error:
        raise RefusedError(str(error)) from None
    except OSError as error:
        folder = bot.settings.data_dir
        raise StoreError(f"Images cannot be stored in {folder}: {error}.") from error
    await UploadedImages(bot.database).add(
        name,
        member_id,
        age_restricted=age_restricted,
        spoilered=spoilered or attachment.is_spoiler(),
    )
    return name


def trusted_url(address: str, api_url: str) -> URL | None:
    """The URL, if it is on Discord's CDN or on the host of the configured API; else None.

    Request the result itself, so that the text is not parsed a second time.
    """
    try:
        url, api = URL(address), URL(api_url)
        at_discord = url.host in DISCORD_HOSTS and url.origin() == URL(f"https://{url.host}")
        return url if at_discord or url.origin() == api.origin() else None
    except ValueError:  # not an address, or one without a host
        return None


async def _download(
    attachment: discord.Attachment | MessageImage, session: aiohttp.ClientSession, api_url: str
) -> bytes:
    """The attachment's bytes, at most MAX_BYTES whatever their stated size. Raises RefusedError."""
    url = trusted_url(attachment.url, api_url)
    if url is None:
        raise RefusedError(gettext("That image isn't stored on Discord. Please upload it again."))
    data = bytearray()
    try:
        async with session.get(url, allow_redirects=False, timeout=_TIMEOUT) as response:
            if response.status != 200:
                raise RefusedError(
                    gettext("Discord no longer has that image. Please upload it again.")
                )
            async for chunk in response.content.iter_chunked(_CHUNK):
                data += chunk
                check_size(len(data))
    except (aiohttp.ClientError, TimeoutError):
        raise RefusedError(
            gettext("I couldn't download that image from Discord. Please try again.")
        ) from None
    return bytes(data)
