"""Reads a request body: JSON, or a multipart form with `payload_json` and files."""

import json
import re
from dataclasses import dataclass
from typing import Any

from aiohttp import BodyPartReader, web

from sandbox.discord import errors
from sandbox.discord.constants import FILE_LIMIT, REQUEST_LIMIT
from sandbox.discord.models import Upload

_FILE_PART = re.compile(r"files\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Body:
    """The JSON and the files of a request."""

    json: Any = None
    files: tuple[Upload, ...] = ()


async def read_body(request: web.Request) -> Body:
    """Read a request body, or refuse it as soon as it is too large.

    Raises:
        DiscordError: 40005 for a file over 10 MiB or a request over 25 MiB, 50109 for broken JSON.
    """
    if (request.content_length or 0) > REQUEST_LIMIT:
        raise errors.too_large()
    if request.content_type == "multipart/form-data":
        return await _read_form(request)
    content = bytearray()
    async for piece in request.content.iter_any():
        content += piece
        if len(content) > REQUEST_LIMIT:
            raise errors.too_large()
    return Body(_parse(bytes(content))) if content else Body()


async def _read_form(request: web.Request) -> Body:
    payload: Any = None
    files: list[Upload] = []
    total = 0
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            continue
        content = bytearray()
        while piece := await part.read_chunk(1 << 16):
            content += piece
            total += len(piece)
            if len(content) > FILE_LIMIT or total > REQUEST_LIMIT:
                raise errors.too_large()
        if part.name == "payload_json":
            payload = _parse(bytes(content))
        elif match := _FILE_PART.fullmatch(part.name or ""):
            name = part.filename or "unknown"
            files.append(Upload(int(match[1]), name, bytes(content)))
    return Body(payload, tuple(files))


def _parse(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        raise errors.bad_json() from None
