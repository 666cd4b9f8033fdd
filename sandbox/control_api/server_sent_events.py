"""Server-sent events: streams that end with their listener, or with the server."""

import asyncio
import json
from typing import Any

from aiohttp import web

KEEP_ALIVE = 15.0
"""Seconds after which a quiet stream says so; a listener who has gone is noticed by it."""

Events = asyncio.Queue[tuple[str, Any]]
"""Name and data of each event that is still to be written."""


class Streams:
    """All streams that are open."""

    def __init__(self) -> None:
        self._open: set[asyncio.Task[None]] = set()

    async def write(self, request: web.Request, events: Events) -> web.StreamResponse:
        """Answer a request with events as they come, until the listener or the server goes."""
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
        """Let go of everyone who listens; the server is about to stop."""
        for stream in self._open:
            stream.cancel()


async def _write_events(response: web.StreamResponse, events: Events) -> None:
    while True:
        try:
            async with asyncio.timeout(KEEP_ALIVE):
                name, data = await events.get()
        except TimeoutError:
            text = ": still here\n\n"
        else:
            text = f"event: {name}\ndata: {json.dumps(data)}\n\n"
        try:
            await response.write(text.encode())
        except ConnectionError:
            return
