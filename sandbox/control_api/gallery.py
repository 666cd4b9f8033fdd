"""The finished pictures that a member can see, each with the recipe that it carries."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from aiohttp import web
from PIL import Image

from sandbox.discord.cdn import Attachment
from sandbox.discord.fields import InteractionError
from sandbox.discord.state import Message, Payload, User

if TYPE_CHECKING:
    from sandbox.control_api.control import Handler
    from sandbox.server import Sandbox

RECIPE_LIMIT = 20_000
"""Characters of a recipe; a longer one is none of ours."""


class Gallery:
    """The pictures, under `/sandbox/pictures`."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._world = sandbox.world
        self._known: dict[int, Payload | None] = {}

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Method, path and handler of each."""
        return [("GET", "/sandbox/pictures", self.list_pictures)]

    async def list_pictures(self, request: web.Request) -> web.Response:
        """The pictures in all channels that the member sees, newest first."""
        user = self._world.users.get(int(request.query.get("member", "0")))
        if user is None:
            raise InteractionError("There is no such member.")
        found = [
            self._picture(message, file, inside)
            for message in self._messages(user)
            for file in message.files
            if (inside := self._inside(file)) is not None
        ]
        found.sort(key=lambda picture: int(picture["id"]), reverse=True)
        return web.json_response(found)

    def _messages(self, user: User) -> Iterator[Message]:
        """What the application has posted for everybody; ephemeral copies are left out."""
        for channel in tuple(self._world.channels.values()):
            for message in self._world.visible_messages(channel, user):
                if message.author.bot and message.only_for is None:
                    yield message

    def _picture(self, message: Message, file: Attachment, inside: Payload) -> Payload:
        return {
            **self._world.attachment_payload(file),
            "message_id": str(message.id),
            "channel_id": str(message.channel_id),
            "components": message.components,
            **inside,
        }

    def _inside(self, file: Attachment) -> Payload | None:
        """The recipe that stands in a PNG, and which of its pictures this is; None without one."""
        if not file.filename.endswith(".png"):
            return None
        if file.id not in self._known:
            self._known[file.id] = _read_inside(self._world.cdn.read(file))
        return self._known[file.id]


def _read_inside(content: bytes) -> Payload | None:
    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as picture:
            text, row = str(picture.info["recipe"]), int(picture.info.get("row", 0))
        recipe = json.loads(text) if len(text) <= RECIPE_LIMIT else None
    except (KeyError, ValueError, OSError, SyntaxError, Image.DecompressionBombError):
        return None
    return {"recipe": recipe, "row": row} if isinstance(recipe, dict) else None
