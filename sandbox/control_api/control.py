"""The control API under `/sandbox`: what a scripted member, a demo or a page drives it with.

Everything is guarded by the control token, as `Authorization: Bearer …` or `?token=…`.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from aiohttp import web

from sandbox.client.transcript import write_html, write_text
from sandbox.control_api.administration import Administration
from sandbox.control_api.debug_panel import BehindTheScenes
from sandbox.control_api.event_stream import Live
from sandbox.control_api.gallery import Gallery
from sandbox.control_api.server_sent_events import Events, Streams
from sandbox.discord.commands import OptionError
from sandbox.discord.errors import DiscordError
from sandbox.discord.fields import InteractionError
from sandbox.discord.interactions import Interaction
from sandbox.discord.permissions import Permission
from sandbox.discord.state import Channel, Draft, Event, Message, Upload, User

if TYPE_CHECKING:
    from sandbox.server import Sandbox

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

UPLOAD_LIMIT = 26 * 1024 * 1024


class Control:
    """The routes under `/sandbox`."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._streams = Streams()

    def add_routes(self, application: web.Application) -> None:
        """Hang the routes into the server."""
        application.on_shutdown.append(self._streams.end)
        channel = "/sandbox/channels/{channel}"
        for method, path, handler in (
            ("GET", "/sandbox", self.describe),
            ("GET", "/sandbox/ready", self.wait_ready),
            ("GET", "/sandbox/commands", self.list_commands),
            ("GET", "/sandbox/requests", self.list_requests),
            ("POST", "/sandbox/uploads", self.upload),
            ("POST", "/sandbox/commands/run", self.run_command),
            ("POST", "/sandbox/commands/complete", self.complete),
            ("POST", "/sandbox/menus/use", self.use_menu),
            ("POST", "/sandbox/components/use", self.use_component),
            ("POST", "/sandbox/modals/submit", self.submit_modal),
            ("GET", channel + "/messages", self.list_messages),
            ("POST", channel + "/messages", self.say),
            ("GET", channel + "/events", self.stream_events),
            ("GET", channel + "/transcript", self.transcript),
            ("GET", channel + "/commands", self.list_shown),
            *Administration(self._sandbox).routes(),
            *Live(self._sandbox, self._streams).routes(),
            *BehindTheScenes(self._sandbox, self._streams).routes(),
            *Gallery(self._sandbox).routes(),
        ):
            application.router.add_route(method, path, self._guarded(handler))

    def _guarded(self, handler: Handler) -> Handler:
        async def guarded(request: web.Request) -> web.StreamResponse:
            header = request.headers.get("Authorization", "").removeprefix("Bearer ")
            given = header or request.query.get("token", "")
            if not secrets.compare_digest(given.encode(), self._sandbox.control_token.encode()):
                return web.json_response({"error": "The control token is wrong."}, status=401)
            try:
                return await handler(request)
            except OptionError as refusal:
                body = {"error": str(refusal), "option": refusal.option, "reason": refusal.reason}
                return web.json_response(body, status=422)
            except InteractionError as refusal:
                return web.json_response({"error": str(refusal)}, status=409)
            except DiscordError as error:
                return web.json_response({"error": error.message}, status=error.status)

        return guarded

    async def describe(self, request: web.Request) -> web.Response:
        sandbox, world = self._sandbox, self._sandbox.world
        return web.json_response(
            {
                "api_url": sandbox.api_url,
                "guild": world.guild_payload(sandbox.guild),
                "channel": world.channel_payload(sandbox.channel),
                "channels": [world.channel_payload(each) for each in world.channels.values()],
                "bot": world.application.bot.payload(),
                "bot_connected": sandbox.gateway.connected,
            }
        )

    async def wait_ready(self, request: web.Request) -> web.Response:
        """Answer once the bot is connected and has registered a command."""
        await self._sandbox.commands.wait_offered(self._sandbox.guild.id, request.query["command"])
        await self._sandbox.gateway.wait_connected()
        return web.json_response({})

    async def list_commands(self, request: web.Request) -> web.Response:
        return web.json_response(self._sandbox.commands.offered(self._sandbox.guild.id))

    async def list_shown(self, request: web.Request) -> web.Response:
        """What a member can choose from in a channel, in their language."""
        channel, user = self._seen_by(request)
        return web.json_response(self._sandbox.commands.shown_to(user, channel))

    async def list_requests(self, request: web.Request) -> web.Response:
        return web.json_response([asdict(each) for each in self._sandbox.requests])

    async def upload(self, request: web.Request) -> web.Response:
        """Keep a file that a member is about to choose for an option."""
        content = bytearray()
        async for piece in request.content.iter_any():
            content += piece
            if len(content) > UPLOAD_LIMIT:
                raise InteractionError("Your files are too powerful.")
        world = self._sandbox.world
        attachment = world.cdn.keep(
            world.ids.new(),
            self._sandbox.channel.id,
            request.query.get("filename", "unknown"),
            bytes(content),
            ephemeral=True,
        )
        return web.json_response(world.attachment_payload(attachment))

    async def run_command(self, request: web.Request) -> web.Response:
        wish = await request.json()
        return await self._outcome(
            self._sandbox.interactions.run_command(
                self._user(wish), self._channel(wish), wish["command"], wish["options"]
            )
        )

    async def use_menu(self, request: web.Request) -> web.Response:
        """A member chooses an entry in the menu of a message, or of a member."""
        wish = await request.json()
        channel = self._channel(wish)
        pointed: Message | User
        if "message" in wish:
            pointed = _message(channel, wish)
        else:
            pointed = self._user({"member": wish["target"]})
        return await self._outcome(
            self._sandbox.interactions.use_menu(self._user(wish), channel, wish["name"], pointed)
        )

    async def complete(self, request: web.Request) -> web.Response:
        wish = await request.json()
        return await self._outcome(
            self._sandbox.interactions.autocomplete(
                self._user(wish),
                self._channel(wish),
                wish["command"],
                wish["options"],
                wish["focused"],
            )
        )

    async def use_component(self, request: web.Request) -> web.Response:
        wish = await request.json()
        channel = self._channel(wish)
        message = _message(channel, wish)
        return await self._outcome(
            self._sandbox.interactions.use_component(
                self._user(wish), channel, message, wish["custom_id"], wish.get("values") or []
            )
        )

    async def submit_modal(self, request: web.Request) -> web.Response:
        wish = await request.json()
        opened = self._sandbox.interactions.find(int(wish["interaction"]))
        return await self._outcome(self._sandbox.interactions.submit_modal(opened, wish["values"]))

    async def list_messages(self, request: web.Request) -> web.Response:
        channel, user = self._seen_by(request)
        world = self._sandbox.world
        seen = world.visible_messages(channel, user)
        return web.json_response([world.message_payload(message) for message in seen])

    async def say(self, request: web.Request) -> web.Response:
        """A member writes a plain message."""
        wish = await request.json()
        channel = self._channel({"channel": request.match_info["channel"]})
        user = self._user(wish)
        needed = Permission.SEND_MESSAGES
        if channel.parent is not None:
            needed = Permission.SEND_MESSAGES_IN_THREADS
        if needed not in self._sandbox.world.permissions(channel, user):
            raise InteractionError("The member may not write here.")
        draft = Draft(content=wish["content"], uploads=self._uploads(wish))
        message = self._sandbox.world.post(channel, user, draft)
        return web.json_response(self._sandbox.world.message_payload(message))

    def _uploads(self, wish: dict[str, Any]) -> tuple[Upload, ...]:
        """The files of a plain message, which were put up before."""
        cdn = self._sandbox.world.cdn
        found = [cdn.find(int(number)) for number in wish.get("files", ())]
        return tuple(
            Upload(index, file.filename, cdn.read(file))
            for index, file in enumerate(found)
            if file is not None
        )

    async def stream_events(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events: the channel as it stands, then everything that happens in it."""
        channel, user = self._seen_by(request)
        world = self._sandbox.world
        queue: Events = asyncio.Queue()

        def hear(event: Event) -> None:
            hidden = event.audience is not None and user.id not in event.audience
            if event.channel_id == channel.id and not hidden:
                queue.put_nowait((event.name, event.data))

        stop = world.listen(hear)
        for message in world.visible_messages(channel, user):
            queue.put_nowait(("MESSAGE_CREATE", world.message_payload(message)))
        try:
            return await self._streams.write(request, queue)
        finally:
            stop()

    async def transcript(self, request: web.Request) -> web.Response:
        channel, user = self._seen_by(request)
        if request.query.get("format") == "html":
            page = write_html(self._sandbox.world, channel, user)
            return web.Response(text=page, content_type="text/html")
        text = write_text(self._sandbox.world, channel, user)
        return web.Response(text=text, content_type="text/markdown")

    async def _outcome(self, interaction: Interaction) -> web.Response:
        """What the member sees first: an answer, or that there is none."""
        outcome = await asyncio.shield(interaction.outcome)
        message = interaction.channel.messages.get(int(outcome.get("message_id", 0)))
        if message is not None:
            outcome = {**outcome, "message": self._sandbox.world.message_payload(message)}
        return web.json_response(outcome)

    def _user(self, wish: dict[str, Any]) -> User:
        user = self._sandbox.world.users.get(int(wish["member"]))
        if user is None:
            raise InteractionError("There is no such member.")
        return user

    def _channel(self, wish: dict[str, Any]) -> Channel:
        return self._sandbox.world.channel(int(wish["channel"]))

    def _seen_by(self, request: web.Request) -> tuple[Channel, User]:
        channel = self._channel({"channel": request.match_info["channel"]})
        return channel, self._user({"member": request.query.get("member", "0")})


def _message(channel: Channel, wish: dict[str, Any]) -> Message:
    message = channel.messages.get(int(wish["message"]))
    if message is None:
        raise InteractionError("The message is gone.")
    return message
