"""One loopback server for everything: REST API, gateway, CDN, control API and page."""

import secrets
import tempfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from aiohttp import web

from sandbox.client.control import SandboxClient
from sandbox.client.member import Member
from sandbox.client.views import RoleRef
from sandbox.control_api.channels import Channels
from sandbox.control_api.debug_panel import DebugPanel
from sandbox.control_api.event_stream import EventStream
from sandbox.control_api.gallery import Gallery
from sandbox.control_api.guard import guard
from sandbox.control_api.guild_settings import GuildSettings
from sandbox.control_api.interactions import MemberInteractions
from sandbox.control_api.members import Members
from sandbox.control_api.server_sent_events import Streams
from sandbox.control_api.status import Status
from sandbox.discord import api
from sandbox.discord.api import RestApi
from sandbox.discord.cdn import Cdn
from sandbox.discord.clock import Clock
from sandbox.discord.command_permissions import CommandPermissions
from sandbox.discord.commands import Commands
from sandbox.discord.fault_injection import Faults, Outage
from sandbox.discord.gateway import Gateway
from sandbox.discord.interactions import Interactions
from sandbox.discord.limits import Limits
from sandbox.discord.models import Message
from sandbox.discord.polls import PollTimer
from sandbox.discord.recorder import RecordedRequest, Recorder
from sandbox.discord.rest import Rest
from sandbox.discord.state import World
from sandbox.web import server as page


class Sandbox:
    """A local Discord. Use it as `async with Sandbox() as discord:`.

    `is_pending` tells the page's debug panel which of the bot's messages show a job that has not
    ended.

    Attributes:
        api_url: the value of `DISCORD_API_URL`.
        token: the value of `DISCORD_TOKEN`.
        guild, channel: the guild and the channel that exist from the start.
        world: the state, for tests that change permissions, channels and members.
        clock: `clock.advance(seconds)` lets time pass.
        faults: injects faults into single requests.
        outage: makes all of Discord slow or unreachable.
        page_url: the page that shows all this in a browser, with the control token.
        client: the control client, as another process would use it.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        data_dir: Path | None = None,
        guild_name: str = "Painters",
        is_pending: Callable[[Message], bool] = lambda message: False,
    ) -> None:
        self._port = port
        self._cleanup = ExitStack()
        if data_dir is None:
            temporary = tempfile.TemporaryDirectory(prefix="sandbox-")
            data_dir = Path(self._cleanup.enter_context(temporary))
        self.clock = Clock()
        self.cdn = Cdn(data_dir / "attachments", self.clock)
        self.world = World(self.clock, self.cdn)
        self.guild = self.world.add_guild(guild_name, self.world.application.owner)
        self.channel = self.world.add_channel(self.guild, "imagine")
        self.limits = Limits(self.clock)
        self.command_permissions = CommandPermissions(self.world)
        self.commands = Commands(self.world, self.limits, self.command_permissions)
        self.interactions = Interactions(self.world, self.commands)
        self.gateway = Gateway(self.world)
        self.poll_timer = PollTimer(self.world)
        self.recorder = Recorder()
        self.faults = Faults(self.gateway.drop)
        self.outage = Outage(self.gateway.drop)
        self.control_token = secrets.token_urlsafe(24)
        self.url = ""
        self.client = SandboxClient("", self.control_token)
        self._is_pending = is_pending
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
        """Disconnect everyone and stop listening."""
        await self.client.close()
        await self.poll_timer.close()
        await self.gateway.close()
        await self._runner.cleanup()
        self._cleanup.close()

    @property
    def api_url(self) -> str:
        return self.url + api.PREFIX

    @property
    def page_url(self) -> str:
        return f"{self.url}/#{self.control_token}"

    @property
    def token(self) -> str:
        return self.world.application.token

    async def renew_token(self) -> str:
        """Replace the bot's token, as its host can. Returns the new one."""
        self.world.renew_token()
        await self.gateway.revoke()
        return self.token

    @property
    def requests(self) -> list[RecordedRequest]:
        """Every request of the bot and the engine so far."""
        return self.recorder.requests

    @property
    def unhandled(self) -> list[RecordedRequest]:
        """Requests that matched no route."""
        return self.recorder.unhandled

    async def member(
        self,
        name: str = "Ada",
        *,
        permissions: int = 0,
        roles: Iterable[RoleRef] = (),
        locale: str = "en-US",
    ) -> Member:
        """A scripted member of the guild, in its channel, with these additional permissions."""
        return await self.client.member(name, permissions=permissions, roles=roles, locale=locale)

    def _application(self) -> web.Application:
        streams = Streams()
        application = web.Application(
            middlewares=[page.only_from_here(lambda: self.url), guard(self.control_token)]
        )
        application.on_shutdown.append(streams.end)
        application.on_response_prepare.append(page.add_headers)
        application.add_routes(
            [
                web.get("/gateway", self._serve_gateway),
                web.get("/gateway/", self._serve_gateway),
                web.get("/cdn/{folder}/{channel}/{attachment}/{name}", self.cdn.serve),
                web.route("*", api.PREFIX + "/{path:.*}", self._rest_api().serve),
                *self._control_routes(streams),
                *page.routes(),
            ]
        )
        return application

    def _rest_api(self) -> RestApi:
        rest = Rest(
            self.world,
            self.gateway,
            self.commands,
            self.command_permissions,
            self.interactions,
            self.limits,
        )
        return RestApi(rest, self.limits, self.faults, self.outage, self.recorder)

    def _control_routes(self, streams: Streams) -> Sequence[web.RouteDef]:
        world, guild, commands = self.world, self.guild, self.commands
        groups = (
            Status(world, guild, self.channel, self.gateway, commands, self.recorder),
            Members(world, guild),
            GuildSettings(world, guild, commands, self.command_permissions),
            Channels(world, guild, streams),
            MemberInteractions(world, guild, self.channel, commands, self.interactions),
            EventStream(world, self.gateway, streams),
            Gallery(world),
            DebugPanel(
                world,
                self.gateway,
                self.recorder,
                self.limits,
                self.faults,
                self.outage,
                streams,
                self._is_pending,
            ),
        )
        return [route for group in groups for route in group.routes()]

    async def _serve_gateway(self, request: web.Request) -> web.StreamResponse:
        if self.outage.down:
            return web.Response(status=503)
        return await self.gateway.serve(request)
