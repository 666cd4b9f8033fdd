"""The images that a message shows, wherever they are attached."""

import mimetypes
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import urlsplit

import discord

from core.discord_ui.message_components import walk


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
    """The first image of a message."""
    return next(images_of(message), None)


def images_of(message: discord.Message) -> Iterator[MessageImage]:
    """The images of a message: attached to it, in its galleries, or shown in one of its embeds.

    What a layout or an embed shows through `attachment://` is not among the attachments. Job
    messages show their images that way: in a layout or, if they are old and have a single image, in
    an embed. A forwarded message has its images in a snapshot.
    """
    parts: list[discord.Message | discord.MessageSnapshot] = [message, *message.message_snapshots]
    for part in parts:
        for attachment in part.attachments:
            if (attachment.content_type or "").startswith("image/"):
                yield MessageImage(attachment.url, attachment.size, attachment.is_spoiler())
        for component in walk(part.components):
            if isinstance(component, discord.MediaGalleryComponent):
                for item in component.items:
                    if _is_image(item.media.url):
                        yield MessageImage(item.media.url, spoiler=item.spoiler)
        for embed in part.embeds:
            if (url := embed.image.url) and _is_image(url):
                yield MessageImage(url)


def _is_image(url: str) -> bool:
    kind, _ = mimetypes.guess_type(PurePosixPath(urlsplit(url).path).name)
    return (kind or "").startswith("image/")
