"""Uploaded files, and the signed links to them, which work for a day."""

import hashlib
import hmac
import io
import mimetypes
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from aiohttp import web
from PIL import Image, UnidentifiedImageError

from sandbox.discord.clock import Clock, parse_snowflake

LINK_LIFETIME = 24 * 60 * 60
"""Seconds for which a link works."""

_SHOWN_INLINE = ("image/", "video/", "audio/")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file on a message, or one chosen for a command option."""

    id: int
    channel_id: int
    filename: str
    content_type: str
    size: int
    width: int | None
    height: int | None
    description: str | None = None
    ephemeral: bool = False

    @property
    def route(self) -> str:
        """The path of its link, below the CDN's root."""
        folder = "ephemeral-attachments" if self.ephemeral else "attachments"
        return f"{folder}/{self.channel_id}/{self.id}/{quote(self.filename)}"


class Cdn:
    """Keeps attachments on disk under `folder` and signs links to them."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.base_url = ""  # known once the server listens
        self._folder = folder
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._known: dict[int, Attachment] = {}

    def keep(
        self,
        attachment_id: int,
        channel_id: int,
        filename: str,
        content: bytes,
        *,
        description: str | None = None,
        ephemeral: bool = False,
    ) -> Attachment:
        """Store a file."""
        width, height = _image_size(content)
        kind, _ = mimetypes.guess_type(filename, strict=False)
        attachment = Attachment(
            id=attachment_id,
            channel_id=channel_id,
            filename=_UNSAFE.sub("_", filename) or "unknown",
            content_type=kind or "application/octet-stream",
            size=len(content),
            width=width,
            height=height,
            description=description,
            ephemeral=ephemeral,
        )
        self._folder.mkdir(parents=True, exist_ok=True)
        self._path(attachment_id).write_bytes(content)
        self._known[attachment_id] = attachment
        return attachment

    def url(self, attachment: Attachment) -> str:
        """A link that works for a day from now."""
        issued = int(self._clock.now())
        expires = issued + LINK_LIFETIME
        signature = self._sign(attachment.route, expires, issued)
        return f"{self.base_url}/{attachment.route}?ex={expires:x}&is={issued:x}&hm={signature}&"

    def find(self, attachment_id: int) -> Attachment | None:
        """The attachment with this id."""
        return self._known.get(attachment_id)

    def named_by(self, url: str) -> Attachment | None:
        """The attachment of a link to this CDN, expired or not."""
        if not url.startswith(self.base_url + "/"):
            return None
        parts = url.removeprefix(self.base_url + "/").split("?")[0].split("/")
        return self.find(parse_snowflake(parts[2]) or 0) if len(parts) == 4 else None

    def open(self, attachment_id: int, query: dict[str, str]) -> tuple[Attachment, Path] | None:
        """The file behind a link; None where the link is wrong or has expired."""
        attachment = self.find(attachment_id)
        try:
            expires, issued = int(query["ex"], 16), int(query["is"], 16)
        except (KeyError, ValueError):
            return None
        if attachment is None or expires < self._clock.now():
            return None
        if not hmac.compare_digest(
            self._sign(attachment.route, expires, issued), query.get("hm", "")
        ):
            return None
        return attachment, self._path(attachment_id)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """The file behind a signed link; 404 where the link is wrong or has expired.

        Browsers display only images, videos and audio. They download anything else, so that an
        uploaded page never runs here.
        """
        attachment_id = parse_snowflake(request.match_info["attachment"]) or 0
        found = self.open(attachment_id, dict(request.query))
        if found is None:
            return web.Response(status=404, text="This content is no longer available.")
        attachment, path = found
        headers = {"Content-Type": attachment.content_type}
        if not attachment.content_type.startswith(_SHOWN_INLINE):
            headers["Content-Disposition"] = "attachment"
        return web.FileResponse(path, headers=headers)

    def read(self, attachment: Attachment) -> bytes:
        """The bytes of a stored file."""
        return self._path(attachment.id).read_bytes()

    def _path(self, attachment_id: int) -> Path:
        return self._folder / str(attachment_id)

    def _sign(self, route: str, expires: int, issued: int) -> str:
        message = f"{route}?{expires:x}&{issued:x}".encode()
        return hmac.new(self._key, message, hashlib.sha256).hexdigest()


def _image_size(content: bytes) -> tuple[int | None, int | None]:
    """Width and height from the header alone; nothing is decoded."""
    try:
        with Image.open(io.BytesIO(content)) as image:
            return image.size
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError):
        return None, None
