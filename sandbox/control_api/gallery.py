"""The finished images that a member can see, with the recipe embedded in each."""

import io
import json
from collections.abc import Iterator, Sequence

from aiohttp import web
from PIL import Image

from sandbox.control_api.lookups import user_of
from sandbox.discord.cdn import Attachment
from sandbox.discord.models import Message, Payload, User
from sandbox.discord.state import World

RECIPE_LIMIT = 20_000
"""Characters of a recipe; anything longer is ignored."""


class Gallery:
    def __init__(self, world: World) -> None:
        self._world = world
        self._metadata: dict[int, Payload | None] = {}

    def routes(self) -> Sequence[web.RouteDef]:
        return [web.get("/sandbox/gallery", self.list_images)]

    async def list_images(self, request: web.Request) -> web.Response:
        """The images in every channel that the member sees, newest first."""
        user = user_of(self._world, request)
        images = [
            self._image(message, file, metadata)
            for message in self._messages(user)
            for file in message.files
            if (metadata := self._metadata_of(file)) is not None
        ]
        images.sort(key=lambda image: int(image["id"]), reverse=True)
        return web.json_response(images)

    def _messages(self, user: User) -> Iterator[Message]:
        """The bot's public messages; ephemeral copies are left out."""
        for channel in tuple(self._world.channels.values()):
            for message in self._world.visible_messages(channel, user):
                if message.author.bot and message.only_for is None:
                    yield message

    def _image(self, message: Message, file: Attachment, metadata: Payload) -> Payload:
        return {
            **self._world.payloads.attachment(file),
            "message_id": str(message.id),
            "channel_id": str(message.channel_id),
            "components": message.components,
            **metadata,
        }

    def _metadata_of(self, file: Attachment) -> Payload | None:
        """The recipe in a PNG, and which of the recipe's images it is. None without a recipe."""
        if not file.filename.endswith(".png"):
            return None
        if file.id not in self._metadata:
            self._metadata[file.id] = _read_metadata(self._world.cdn.read(file))
        return self._metadata[file.id]


def _read_metadata(content: bytes) -> Payload | None:
    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
            text, row = str(image.info["recipe"]), int(image.info.get("row", 0))
        recipe = json.loads(text) if len(text) <= RECIPE_LIMIT else None
    except (KeyError, ValueError, OSError, SyntaxError, Image.DecompressionBombError):
        return None
    return {"recipe": recipe, "row": row} if isinstance(recipe, dict) else None
