"""Server-sent events, until the client disconnects or the server stops."""

import asyncio
import json
from typing import Any

from aiohttp import web

KEEP_ALIVE_SECONDS = 15.0
"""Silence after which a comment is sent, which detects clients that have disconnected."""

Events = asyncio.Queue[tuple[str, Any]]
"""Name and data of the events that are still to be written."""


class Streams:
    """All open streams."""

    def __init__(self) -> None:
        self._open: set[asyncio.Task[None]] = set()

    async def write(self, request: web.Request, events: Events) -> web.StreamResponse:
        """Respond with events as they come, until the client disconnects or the server stops."""
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        )
        await response.prepare(request)
        stream = asyncio.create_task(_write_events(response, events))
        self._open.add(stream)
        try:
            await asyncio.wait([stream])
        finally:
            stream.cancel()
            self._open.discard(stream)
        return response

    async def end(self, application: web.Application) -> None:
        """End every stream, because the server is about to stop."""
        for stream in self._open:
            stream.cancel()


async def _write_events(response: web.StreamResponse, events: Events) -> None:
    while True:
        try:
            async with asyncio.timeout(KEEP_ALIVE_SECONDS):
                name, data = await events.get()
        except TimeoutError:
            text = ": keep-alive\n\n"
        else:
            text = f"event: {name}\ndata: {json.dumps(data)}\n\n"
        try:
            await response.write(text.encode())
        except ConnectionError:
            return
