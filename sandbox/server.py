"""The sandbox as a whole: one loopback server for REST, gateway, files and control."""

import asyncio
import json
import logging
import math
import secrets
import socket
import struct
import tempfile
from collections.abc import Iterable
from contextlib import ExitStack
from email.utils import formatdate
from pathlib import Path
from types import TracebackType
from typing import Self

from aiohttp import web

from sandbox.client.driver import Member, Role, SandboxClient
from sandbox.control_api.control import Control
from sandbox.discord import errors
from sandbox.discord.cdn import Cdn
from sandbox.discord.clock import Clock
from sandbox.discord.command_permissions import Overrides
from sandbox.discord.commands import Commands
from sandbox.discord.errors import DiscordError
from sandbox.discord.faults import Fault, Faults
from sandbox.discord.gateway import Gateway
from sandbox.discord.interactions import Interactions
from sandbox.discord.limits import Limits
from sandbox.discord.outage import Outage
from sandbox.discord.recorder import FilePart, RecordedRequest, Recorder, without_token
from sandbox.discord.rest import Answer, Call, Rest, Route, find_route
from sandbox.discord.state import World
from sandbox.discord.uploads import Body, read_body
from sandbox.web.server import Page

_log = logging.getLogger(__name__)

API = "/api/v10"
_SERVER_ERROR = {"message": "500: Internal Server Error", "code": 0}
_MAJOR = ("channel_id", "guild_id", "webhook_id", "webhook_token")


class Sandbox:
    """A local Discord. Use it as `async with Sandbox() as discord:`.

    Attributes:
        api_url: what goes into `DISCORD_API_URL`.
        token: what goes into `DISCORD_TOKEN`.
        guild, channel: the guild and the channel that are there from the start.
        world: the state, for tests that change permissions, channels and members.
        clock: `clock.advance(seconds)` lets time pass.
        faults: troubles to order.
        outage: troubles of Discord as a whole.
        page: the page that shows all this in a browser.
        client: the control client, as another process would use it.
    """

    def __init__(
        self, *, port: int = 0, data_dir: Path | None = None, guild_name: str = "Painters"
    ) -> None:
        self._port = port
        self._leftovers = ExitStack()
        if data_dir is None:
            temporary = tempfile.TemporaryDirectory(prefix="sandbox-")
            data_dir = Path(self._leftovers.enter_context(temporary))
        self.clock = Clock()
        self.cdn = Cdn(data_dir / "attachments", self.clock)
        self.world = World(self.clock, self.cdn)
        self.guild = self.world.add_guild(guild_name, self.world.application.owner)
        self.channel = self.world.add_channel(self.guild, "imagine")
        self.limits = Limits(self.clock)
        self.overrides = Overrides(self.world)
        self.commands = Commands(self.world, self.limits, self.overrides)
        self.interactions = Interactions(self.world, self.commands)
        self.gateway = Gateway(self.world)
        self.recorder = Recorder()
        self.faults = Faults(self.gateway.drop)
        self.outage = Outage(self.gateway.drop)
        self.control_token = secrets.token_urlsafe(24)
        self.url = ""
        self.page = Page(self)
        self.client = SandboxClient("", self.control_token)
        self._rest = Rest(
            self.world,
            self.gateway,
            self.commands,
            self.overrides,
            self.interactions,
            self.limits,
        )
        self._runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=1.0)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def start(self) -> None:
        """Listen on the loopback address, on `port` or on a free one."""
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        self.gateway.url = f"ws://{host}:{port}/gateway"
        self.cdn.base_url = f"{self.url}/cdn"
        self.client = SandboxClient(self.url, self.control_token)
        await self.client.start()

    async def close(self) -> None:
        """Say goodbye to everyone and stop listening."""
        await self.client.close()
        await self.gateway.close()
        await self._runner.cleanup()
        self._leftovers.close()

    @property
    def api_url(self) -> str:
        return self.url + API

    @property
    def token(self) -> str:
        return self.world.application.token

    async def renew_token(self) -> str:
        """The host resets the bot's token: the old one counts nowhere any more; the new one."""
        self.world.renew_token()
        await self.gateway.revoke()
        return self.token

    @property
    def requests(self) -> list[RecordedRequest]:
        """Every request of the bot and the engine so far."""
        return self.recorder.requests

    @property
    def unhandled(self) -> list[RecordedRequest]:
        """Requests that found no route."""
        return self.recorder.unhandled

    async def member(
        self,
        name: str = "Ada",
        *,
        permissions: int = 0,
        roles: Iterable[Role] = (),
        locale: str = "en-US",
    ) -> Member:
        """A scripted member of the guild, in its channel, with further permissions if wanted."""
        return await self.client.member(name, permissions=permissions, roles=roles, locale=locale)

    # HTTP

    def _application(self) -> web.Application:
        application = web.Application()
        application.router.add_get("/gateway", self._serve_gateway)
        application.router.add_get("/gateway/", self._serve_gateway)
        application.router.add_get("/cdn/{folder}/{channel}/{attachment}/{name}", self._serve_file)
        application.router.add_route("*", API + "/{path:.*}", self._serve_api)
        Control(self).add_routes(application)
        self.page.add_routes(application)
        return application

    async def _serve_gateway(self, request: web.Request) -> web.StreamResponse:
        if self.outage.down:
            return web.Response(status=503)
        return await self.gateway.serve(request)

    async def _serve_file(self, request: web.Request) -> web.StreamResponse:
        attachment = request.match_info["attachment"]
        number = int(attachment) if attachment.isdigit() else 0
        found = self.cdn.open(number, dict(request.query))
        if found is None:
            return web.Response(status=404, text="This content is no longer available.")
        known, path = found
        return web.FileResponse(path, headers={"Content-Type": known.content_type})

    async def _serve_api(self, request: web.Request) -> web.StreamResponse:
        """Take one request through token, limits and troubles to its route, and record it."""
        path = request.rel_url.path.removeprefix(API)
        date = {"Date": formatdate(self.clock.now(), usegmt=True)}
        headers: dict[str, str] = {}
        route: Route | None = None
        fault: Fault | None = None
        body = Body()
        try:
            route, params = find_route(request.method, path)
            self._check_token(route, request)
            headers = self._check_limits(route, params)
            fault = self.faults.take(f"{route.method} {route.template}")
            if fault is None or not fault.cut:
                body = await read_body(request)
            call = Call(params, dict(request.query), body)
            answer = await self._answer(route, call, fault)
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
            return web.Response(status=answer.status, headers=headers | date)
        # Discord's clients look for exactly this content type.
        headers["Content-Type"] = "application/json"
        text = json.dumps(answer.body)
        return web.Response(status=answer.status, body=text.encode(), headers=headers | date)

    async def _answer(self, route: Route, call: Call, fault: Fault | None) -> Answer:
        """What the route answers, unless a trouble comes before or after it."""
        await asyncio.sleep(self.outage.delay)
        if self.outage.down:
            return Answer(_SERVER_ERROR, 503)
        if fault is None:
            return await route.handler(self._rest, call)
        await asyncio.sleep(fault.delay)
        if fault.retry_after is not None:
            headers = {"Via": "1.1 google", "Retry-After": str(math.ceil(fault.retry_after))}
            raise errors.rate_limited(fault.retry_after, headers, everywhere=False)
        if fault.applied:
            await route.handler(self._rest, call)
        return Answer(_SERVER_ERROR, fault.status or 500)

    def _check_token(self, route: Route, request: web.Request) -> None:
        if not route.needs_token():
            return
        given = request.headers.get("Authorization", "")
        if not secrets.compare_digest(given.encode(), f"Bot {self.token}".encode()):
            raise errors.unauthorized()

    def _check_limits(self, route: Route, params: dict[str, str]) -> dict[str, str]:
        major = ":".join(params[name] for name in _MAJOR if name in params)
        verdict = self.limits.take(route.method, route.template, major)
        if verdict.retry_after is not None:
            raise errors.rate_limited(
                verdict.retry_after, verdict.headers, everywhere=verdict.everywhere
            )
        return dict(verdict.headers)

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
        self.recorder.add(
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
                moment=self.clock.now(),
            )
        )


def _reset(request: web.Request) -> None:
    """Break the connection so that the other side reads errno 104."""
    transport = request.transport
    if transport is None:
        return
    raw = transport.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
