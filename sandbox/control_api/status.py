"""What the sandbox contains, whether the bot is ready, and the requests so far."""

from collections.abc import Sequence
from dataclasses import asdict

from aiohttp import web

from sandbox.discord.commands import Commands
from sandbox.discord.gateway import Gateway
from sandbox.discord.models import Channel, Guild
from sandbox.discord.payloads import user_payload
from sandbox.discord.recorder import Recorder
from sandbox.discord.state import World


class Status:
    def __init__(
        self,
        world: World,
        guild: Guild,
        channel: Channel,
        gateway: Gateway,
        commands: Commands,
        recorder: Recorder,
    ) -> None:
        self._world = world
        self._guild = guild
        self._channel = channel
        self._gateway = gateway
        self._commands = commands
        self._recorder = recorder

    def routes(self) -> Sequence[web.RouteDef]:
        return [
            web.get("/sandbox", self.describe),
            web.get("/sandbox/ready", self.wait_ready),
            web.get("/sandbox/requests", self.list_requests),
        ]

    async def describe(self, request: web.Request) -> web.Response:
        """The guild, the channels, the bot, and whether it is connected."""
        payloads = self._world.payloads
        return web.json_response(
            {
                "guild": payloads.guild(self._guild),
                "channel": payloads.channel(self._channel),
                "channels": [payloads.channel(each) for each in self._world.channels.values()],
                "bot": user_payload(self._world.application.bot),
                "bot_connected": self._gateway.connected,
            }
        )

    async def wait_ready(self, request: web.Request) -> web.Response:
        """Responds once the bot is connected and has registered `?command=`."""
        await self._commands.wait_offered(self._guild.id, request.query["command"])
        await self._gateway.wait_connected()
        return web.json_response({})

    async def list_requests(self, request: web.Request) -> web.Response:
        return web.json_response([asdict(each) for each in self._recorder.requests])
