"""What the members do not see: requests, rate limits, open jobs, and switches for troubles."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from aiohttp import web

from sandbox.control_api.server_sent_events import Events, Streams
from sandbox.discord.recorder import RecordedRequest
from sandbox.discord.state import Message, Payload

if TYPE_CHECKING:
    from sandbox.control_api.control import Handler
    from sandbox.server import Sandbox

LOOK = 0.3
"""Seconds between two looks at what has changed."""

PAST_REQUESTS = 100
"""Requests with which a stream begins."""

SHOWN = 2_000
"""Characters of a body that are shown."""

SLOW = 2.0
"""Seconds by which a slow Discord delays each answer: still within the three of an interaction."""


class BehindTheScenes:
    """The stream of what goes on, and the switches, under `/sandbox/behind`."""

    def __init__(self, sandbox: Sandbox, streams: Streams) -> None:
        self._sandbox = sandbox
        self._streams = streams
        self._switched = 0

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Method, path and handler of each."""
        return [
            ("GET", "/sandbox/behind", self.stream),
            ("POST", "/sandbox/behind/switch", self.switch),
        ]

    async def switch(self, request: web.Request) -> web.Response:
        """`down` and `slow` are true or false; `drop` cuts the gateway once: resume or restart.

        Answers how often something was switched so far; each STATE of the streams says how many
        of these it knows of. What is true then is told by the streams alone, in order.
        """
        wish = await request.json()
        outage = self._sandbox.outage
        if "down" in wish:
            (outage.begin if wish["down"] else outage.end)()
        if "slow" in wish:
            outage.delay = SLOW if wish["slow"] else 0.0
        if "drop" in wish:
            self._sandbox.faults.drop_gateway(resumable=wish["drop"] == "resume")
        self._switched += 1
        return web.json_response({"switched": self._switched})

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events: each REQUEST, the last ones first; STATE whenever it has changed."""
        events: Events = asyncio.Queue()
        watcher = asyncio.create_task(self._watch(events))
        try:
            return await self._streams.write(request, events)
        finally:
            watcher.cancel()

    async def _watch(self, events: Events) -> None:
        last: RecordedRequest | None = None
        state: Payload = {}
        while True:
            for each in self._since(last):
                events.put_nowait(("REQUEST", _shown(each)))
                last = each
            now = self._state()
            if now != state:
                events.put_nowait(("STATE", now))
                state = now
            await asyncio.sleep(LOOK)

    def _since(self, last: RecordedRequest | None) -> list[RecordedRequest]:
        fresh: list[RecordedRequest] = []
        for each in reversed(self._sandbox.requests):
            if each is last or (last is None and len(fresh) == PAST_REQUESTS):
                break
            fresh.append(each)
        return fresh[::-1]

    def _state(self) -> Payload:
        sandbox = self._sandbox
        return {
            "switched": self._switched,
            "connected": sandbox.gateway.connected,
            "sessions_left": sandbox.gateway.start_limit()["remaining"],
            "down": sandbox.outage.down,
            "slow": sandbox.outage.delay > 0,
            "refused": sandbox.limits.refused,
            "buckets": sandbox.limits.buckets(),
            "open": list(self._open_jobs()),
        }

    def _open_jobs(self) -> Iterator[Payload]:
        """The cards that can still be cancelled: all that Discord knows of the queue."""
        bot = self._sandbox.world.application.bot
        for channel in tuple(self._sandbox.world.channels.values()):
            for message in tuple(channel.messages.values()):
                if message.author == bot and message.embeds and _can_be_cancelled(message):
                    embed = message.embeds[0]
                    yield {
                        "message_id": str(message.id),
                        "channel_id": str(channel.id),
                        "channel": channel.name,
                        "title": embed.get("title") or "",
                        "status": str(embed.get("description") or "").split("\n")[0],
                        "footer": (embed.get("footer") or {}).get("text") or "",
                    }


def _can_be_cancelled(message: Message) -> bool:
    parts = [part for row in message.components for part in row.get("components", ())]
    return any(str(part.get("custom_id", "")).startswith("imagine:cancel:") for part in parts)


def _shown(request: RecordedRequest) -> Payload:
    return {
        "name": request.name,
        "path": request.path,
        "status": request.status,
        "moment": request.moment,
        "files": [{"name": file.filename, "size": file.size} for file in request.files],
        "sent": _text(request.json),
        "answered": _text(request.response),
    }


def _text(body: Any) -> str:
    text = "" if body is None else json.dumps(body, indent=1, ensure_ascii=False)
    return text if len(text) <= SHOWN else text[:SHOWN] + "\n…"
