"""The image that a message shows, wherever it is attached."""

import mimetypes
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import urlsplit

import discord


@dataclass(frozen=True, slots=True)
class MessageImage:
    """A file to download; `size` is 0 where Discord does not say."""

    url: str
    size: int = 0
    spoiler: bool = False

    def is_spoiler(self) -> bool:
        """Whether it is hidden until it is clicked."""
        return self.spoiler


def image_of(message: discord.Message) -> MessageImage | None:
    """The first image of a message: attached to it, or shown in one of its embeds.

    An image that an embed shows through `attachment://` is not among the attachments: a job with
    one image shows it so.
    """
    for attachment in message.attachments:
        if (attachment.content_type or "").startswith("image/"):
            return MessageImage(attachment.url, attachment.size, attachment.is_spoiler())
    for embed in message.embeds:
        if (url := embed.image.url) and _is_image(url):
            return MessageImage(url)
    return None


def _is_image(url: str) -> bool:
    kind, _ = mimetypes.guess_type(PurePosixPath(urlsplit(url).path).name)
    return (kind or "").startswith("image/")
