"""Pictures that members attach: from Discord's own hosts to a stored initial picture."""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import discord

from bot.incidents import RefusedError
from jobs.language import say
from jobs.pictures import MAX_BYTES, PictureRefused, read_outside_picture, store_initial
from jobs.store import StoreError

DISCORD_HOSTS = frozenset({"cdn.discordapp.com", "media.discordapp.net"})

_TIMEOUT = aiohttp.ClientTimeout(total=60)


async def keep_initial(
    attachment: discord.Attachment, session: aiohttp.ClientSession, api_url: str, data_dir: Path
) -> str:
    """Reads an attached picture defensively and stores it; returns its name in a recipe.

    Raises RefusedError with a sentence for the member, StoreError if it cannot be written.
    """
    data = await _download(attachment, session, api_url)
    try:
        image = await asyncio.to_thread(read_outside_picture, data)
    except PictureRefused as refusal:
        raise RefusedError(str(refusal)) from None
    try:
        return await asyncio.to_thread(store_initial, image, data_dir)
    except OSError as error:
        raise StoreError(f"Pictures cannot be kept in {data_dir}: {error}.") from error


def is_discords(url: str, api_url: str) -> bool:
    """Whether an address belongs to Discord's CDN, or to the host of a local Discord."""
    place, api = urlsplit(url), urlsplit(api_url)
    if place.scheme == "https" and place.hostname in DISCORD_HOSTS:
        return True
    return (place.scheme, place.netloc) == (api.scheme, api.netloc)


async def _download(
    attachment: discord.Attachment, session: aiohttp.ClientSession, api_url: str
) -> bytes:
    """The bytes of the attachment, never more than MAX_BYTES, whatever was announced."""
    if not is_discords(attachment.url, api_url):
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
        async with session.get(attachment.url, allow_redirects=False, timeout=_TIMEOUT) as response:
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
