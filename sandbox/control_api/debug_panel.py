"""What members do not see: requests, rate limits, pending jobs, and switches for faults."""

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from aiohttp import web

from sandbox.control_api.server_sent_events import Events, Streams
from sandbox.discord.fault_injection import Faults, Outage
from sandbox.discord.gateway import Gateway
from sandbox.discord.layouts import walk
from sandbox.discord.limits import Limits
from sandbox.discord.models import Message, Payload
from sandbox.discord.recorder import RecordedRequest, Recorder
from sandbox.discord.state import World

POLL_SECONDS = 0.3
"""Between two checks for changes."""

PAST_REQUESTS = 100
"""Requests that a stream starts with."""

BODY_LIMIT = 2_000
"""Characters of a body that are shown."""

SLOW_SECONDS = 2.0
"""Delay of each response while Discord is slow; still within an interaction's three seconds."""


class DebugPanel:
    """The stream and the switches of the debug panel.

    `is_pending` says whether a message of the bot shows a job that has not ended.
    """

    def __init__(
        self,
        world: World,
        gateway: Gateway,
        recorder: Recorder,
        limits: Limits,
        faults: Faults,
        outage: Outage,
        streams: Streams,
        is_pending: Callable[[Message], bool],
    ) -> None:
        self._world = world
        self._gateway = gateway
        self._recorder = recorder
        self._limits = limits
        self._faults = faults
        self._outage = outage
        self._streams = streams
        self._is_pending = is_pending
        self._switched = 0

    def routes(self) -> Sequence[web.RouteDef]:
        return [
            web.get("/sandbox/debug", self.stream),
            web.post("/sandbox/debug/switch", self.switch),
        ]

    async def switch(self, request: web.Request) -> web.Response:
        """`down` and `slow` are booleans; `drop` cuts the gateway: `resume` or `restart`.

        Responds with the number of switches so far. Each STATE event carries the same number, so
        that the page can ignore a STATE that is older than its last switch.
        """
        body = await request.json()
        if "down" in body:
            (self._outage.begin if body["down"] else self._outage.end)()
        if "slow" in body:
            self._outage.delay = SLOW_SECONDS if body["slow"] else 0.0
        if "drop" in body:
            self._faults.drop_gateway(resumable=body["drop"] == "resume")
        self._switched += 1
        return web.json_response({"switched": self._switched})

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events: each REQUEST, starting with recent ones, and each new STATE."""
        events: Events = asyncio.Queue()
        watcher = asyncio.create_task(self._watch(events))
        try:
            return await self._streams.write(request, events)
        finally:
            watcher.cancel()

    async def _watch(self, events: Events) -> None:
        last: RecordedRequest | None = None
        sent: Payload = {}
        while True:
            for request in self._since(last):
                events.put_nowait(("REQUEST", _request_payload(request)))
                last = request
            state = self._state()
            if state != sent:
                events.put_nowait(("STATE", state))
                sent = state
            await asyncio.sleep(POLL_SECONDS)

    def _since(self, last: RecordedRequest | None) -> list[RecordedRequest]:
        new: list[RecordedRequest] = []
        for request in reversed(self._recorder.requests):
            if request is last or (last is None and len(new) == PAST_REQUESTS):
                break
            new.append(request)
        return new[::-1]

    def _state(self) -> Payload:
        return {
            "switched": self._switched,
            "connected": self._gateway.connected,
            "sessions_left": self._gateway.start_limit()["remaining"],
            "sessions_resumed": self._gateway.resumed,
            "down": self._outage.down,
            "slow": self._outage.delay > 0,
            "refused": self._limits.refused,
            "buckets": self._limits.buckets(),
            "pending": list(self._pending_jobs()),
        }

    def _pending_jobs(self) -> Iterator[Payload]:
        bot = self._world.application.bot
        for channel in tuple(self._world.channels.values()):
            for message in tuple(channel.messages.values()):
                if message.author == bot and self._is_pending(message):
                    lines = _lines(message)
                    yield {
                        "message_id": str(message.id),
                        "channel_id": str(channel.id),
                        "channel": channel.name,
                        "title": lines[0],
                        "status": lines[1] if len(lines) > 1 else "",
                        "footer": lines[-1],
                    }


def _lines(message: Message) -> list[str]:
    """The lines of a job message, from its title to its footer, without Markdown."""
    texts = [str(part.get("content") or "") for part in walk(message.components)]
    lines = [line.lstrip("#- ") for text in texts for line in text.splitlines()]
    return lines or [""]


def _request_payload(request: RecordedRequest) -> Payload:
    return {
        "name": request.name,
        "path": request.path,
        "status": request.status,
        "moment": request.moment,
        "files": [{"name": file.filename, "size": file.size} for file in request.files],
        "sent": _text(request.json),
        "received": _text(request.response),
    }


def _text(body: Any) -> str:
    text = "" if body is None else json.dumps(body, indent=1, ensure_ascii=False)
    return text if len(text) <= BODY_LIMIT else text[:BODY_LIMIT] + "\n…"
