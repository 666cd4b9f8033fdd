"""Pictures that members attach: from Discord's own hosts to a stored initial picture."""

import asyncio

import aiohttp
import discord
from yarl import URL

from bot.client import ImagineBot
from bot.errors import RefusedError
from bot.services.image_decoder import read_apart
from core.database.jobs import StoreError
from core.i18n import say
from core.storage.uploaded_images import MAX_BYTES, ImageError, store_image

DISCORD_HOSTS = frozenset({"cdn.discordapp.com", "media.discordapp.net"})

_TIMEOUT = aiohttp.ClientTimeout(total=60)


async def keep_initial(bot: ImagineBot, attachment: discord.Attachment) -> str:
    """Reads an attached picture defensively and stores it; returns its name in a recipe.

    Raises RefusedError with a sentence for the member, StoreError if it cannot be written.
    """
    data_dir = bot.settings.data_dir
    data = await _download(attachment, bot.downloads, bot.settings.discord_api_url)
    try:
        async with bot.readers:
            image = await read_apart(data)
        return await asyncio.to_thread(store_image, image, data_dir)
    except ImageError as refusal:
        raise RefusedError(str(refusal)) from None
    except OSError as error:
        raise StoreError(f"Pictures cannot be kept in {data_dir}: {error}.") from error


def trusted(address: str, api_url: str) -> URL | None:
    """The address if it belongs to Discord's CDN, or to the host of a local Discord; else None.

    What is looked at here is what will be asked: no other program reads the address once more.
    """
    try:
        url, api = URL(address), URL(api_url)
        at_discord = url.host in DISCORD_HOSTS and url.origin() == URL(f"https://{url.host}")
        return url if at_discord or url.origin() == api.origin() else None
    except ValueError:  # no address at all, or one without a host
        return None


async def _download(
    attachment: discord.Attachment, session: aiohttp.ClientSession, api_url: str
) -> bytes:
    """The bytes of the attachment, never more than MAX_BYTES, whatever was announced."""
    url = trusted(attachment.url, api_url)
    if url is None:
        raise RefusedError(
            say("The picture is not where Discord keeps attachments: please attach it anew.")
        )
    too_large = RefusedError(
        say("The picture is too large: {most} MB is the most.", most=MAX_BYTES // 2**20)
    )
    if attachment.size > MAX_BYTES:
        raise too_large
    data = bytearray()
    try:
        async with session.get(url, allow_redirects=False, timeout=_TIMEOUT) as response:
            if response.status != 200:
                raise RefusedError(
                    say("Discord no longer has the picture: please attach it once more.")
                )
            async for chunk in response.content.iter_chunked(2**16):
                data += chunk
                if len(data) > MAX_BYTES:
                    raise too_large
    except (aiohttp.ClientError, TimeoutError):
        raise RefusedError(
            say("The picture could not be fetched from Discord: please try again.")
        ) from None
    return bytes(data)
