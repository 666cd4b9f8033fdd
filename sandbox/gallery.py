"""The finished pictures that a member can see, each with the recipe that it carries."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from aiohttp import web
from PIL import Image

from sandbox.cdn import Attachment
from sandbox.fields import InteractionError
from sandbox.world import Message, Payload, User

if TYPE_CHECKING:
    from sandbox.control import Handler
    from sandbox.server import Sandbox

RECIPE_LIMIT = 20_000
"""Characters of a recipe; a longer one is none of ours."""


class Gallery:
    """The pictures, under `/sandbox/pictures`."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._world = sandbox.world
        self._recipes: dict[int, Payload | None] = {}

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Method, path and handler of each."""
        return [("GET", "/sandbox/pictures", self.list_pictures)]

    async def list_pictures(self, request: web.Request) -> web.Response:
        """The pictures in all channels that the member sees, newest first."""
        user = self._world.users.get(int(request.query.get("member", "0")))
        if user is None:
            raise InteractionError("There is no such member.")
        found = [
            self._picture(message, file, recipe)
            for message in self._messages(user)
            for file in message.files
            if (recipe := self._recipe(file)) is not None
        ]
        found.sort(key=lambda picture: int(picture["id"]), reverse=True)
        return web.json_response(found)

    def _messages(self, user: User) -> Iterator[Message]:
        """What the application has posted for everybody; ephemeral copies are left out."""
        for channel in tuple(self._world.channels.values()):
            for message in self._world.visible_messages(channel, user):
                if message.author.bot and message.only_for is None:
                    yield message

    def _picture(self, message: Message, file: Attachment, recipe: Payload) -> Payload:
        return {
            **self._world.attachment_payload(file),
            "message_id": str(message.id),
            "channel_id": str(message.channel_id),
            "components": message.components,
            "recipe": recipe,
        }

    def _recipe(self, file: Attachment) -> Payload | None:
        """What is written inside of a PNG under `recipe`; None without one."""
        if not file.filename.endswith(".png"):
            return None
        if file.id not in self._recipes:
            self._recipes[file.id] = _read_recipe(self._world.cdn.read(file))
        return self._recipes[file.id]


def _read_recipe(content: bytes) -> Payload | None:
    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as picture:
            text = str(picture.info["recipe"])
        recipe = json.loads(text) if len(text) <= RECIPE_LIMIT else None
    except (KeyError, ValueError, OSError, SyntaxError, Image.DecompressionBombError):
        return None
    return recipe if isinstance(recipe, dict) else None
