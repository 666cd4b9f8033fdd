"""Serves the REST API. Each request passes the token check, rate limits and injected faults."""

import asyncio
import json
import logging
import math
import secrets
import socket
import struct
from email.utils import formatdate

from aiohttp import web

from sandbox.discord import errors
from sandbox.discord.errors import DiscordError
from sandbox.discord.fault_injection import Fault, Faults, Outage
from sandbox.discord.limits import Limits
from sandbox.discord.recorder import FilePart, RecordedRequest, Recorder, without_token
from sandbox.discord.rest import Answer, Call, Rest, Route
from sandbox.discord.routes import find_route
from sandbox.discord.uploads import Body, read_body

_log = logging.getLogger(__name__)

PREFIX = "/api/v10"
_SERVER_ERROR = {"message": "500: Internal Server Error", "code": 0}
_MAJOR_PARAMETERS = ("channel_id", "guild_id", "webhook_id", "webhook_token")


class RestApi:
    def __init__(
        self, rest: Rest, limits: Limits, faults: Faults, outage: Outage, recorder: Recorder
    ) -> None:
        self._rest = rest
        self._world = rest.world
        self._limits = limits
        self._faults = faults
        self._outage = outage
        self._recorder = recorder

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Handles one request from token to response, and records it."""
        path = request.rel_url.path.removeprefix(PREFIX)
        headers = {"Date": formatdate(self._world.clock.now(), usegmt=True)}
        route: Route | None = None
        fault: Fault | None = None
        body = Body()
        try:
            route, params = find_route(request.method, path)
            self._check_token(route, request)
            headers |= self._check_limits(route, params)
            fault = self._faults.take(f"{route.method} {route.template}")
            if fault is None or not fault.cut:
                body = await read_body(request)
            answer = await self._answer(route, Call(params, dict(request.query), body), fault)
        except DiscordError as error:
            headers |= error.headers
            answer = Answer(error.body, error.status)
        except Exception:
            _log.exception("The sandbox failed on %s %s", request.method, without_token(path))
            answer = Answer(_SERVER_ERROR, 500)
        broken = fault is not None and fault.status is None
        self._record(request, route, path, body, answer, None if broken else answer.status)
        if broken:
            _reset(request)
        if answer.body is None:
            return web.Response(status=answer.status, headers=headers)
        # Discord's clients look for exactly this content type.
        headers["Content-Type"] = "application/json"
        text = json.dumps(answer.body)
        return web.Response(status=answer.status, body=text.encode(), headers=headers)

    async def _answer(self, route: Route, call: Call, fault: Fault | None) -> Answer:
        """The route's answer, or that of an injected fault."""
        await asyncio.sleep(self._outage.delay)
        if self._outage.down:
            return Answer(_SERVER_ERROR, 503)
        if fault is None:
            return await route.handler(self._rest, call)
        await asyncio.sleep(fault.delay)
        if fault.retry_after is not None:
            headers = {"Via": "1.1 google", "Retry-After": str(math.ceil(fault.retry_after))}
            raise errors.rate_limited(fault.retry_after, headers, is_global=False)
        if fault.applied:
            await route.handler(self._rest, call)
        return Answer(_SERVER_ERROR, fault.status or 500)

    def _check_token(self, route: Route, request: web.Request) -> None:
        if not route.needs_token():
            return
        sent = request.headers.get("Authorization", "")
        expected = f"Bot {self._world.application.token}"
        if not secrets.compare_digest(sent.encode(), expected.encode()):
            raise errors.unauthorized()

    def _check_limits(self, route: Route, params: dict[str, str]) -> dict[str, str]:
        major = ":".join(params[name] for name in _MAJOR_PARAMETERS if name in params)
        result = self._limits.take(route.method, route.template, major)
        if result.retry_after is not None:
            raise errors.rate_limited(
                result.retry_after, result.headers, is_global=result.is_global
            )
        return dict(result.headers)

    def _record(
        self,
        request: web.Request,
        route: Route | None,
        path: str,
        body: Body,
        answer: Answer,
        status: int | None,
    ) -> None:
        files = tuple(FilePart(f"files[{f.index}]", f.filename, len(f.content)) for f in body.files)
        self._recorder.add(
            RecordedRequest(
                method=request.method,
                route=route.template if route else None,
                path=without_token(path),
                query=dict(request.query),
                status=status,
                json=body.json,
                files=files,
                multipart=request.content_type == "multipart/form-data",
                response=answer.body,
                moment=self._world.clock.now(),
            )
        )


def _reset(request: web.Request) -> None:
    """Break the connection so that the client reads ECONNRESET."""
    transport = request.transport
    if transport is None:
        return
    raw = transport.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
