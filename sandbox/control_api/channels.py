"""Channels, threads, and the messages in them."""

import asyncio
from collections.abc import Sequence

from aiohttp import web

from sandbox.control_api.lookups import (
    Body,
    channel_of,
    find_channel,
    find_message,
    find_user,
    user_of,
)
from sandbox.control_api.server_sent_events import Events, Streams
from sandbox.control_api.transcript import write_html, write_text
from sandbox.discord.client_errors import InteractionError
from sandbox.discord.forwards import forward
from sandbox.discord.models import Draft, Event, Guild, Upload
from sandbox.discord.permissions import Permission
from sandbox.discord.polls import vote
from sandbox.discord.reactions import react, unreact
from sandbox.discord.state import World


class Channels:
    def __init__(self, world: World, guild: Guild, streams: Streams) -> None:
        self._world = world
        self._guild = guild
        self._streams = streams

    def routes(self) -> Sequence[web.RouteDef]:
        channel = "/sandbox/channels/{channel}"
        return [
            web.post("/sandbox/channels", self.add_channel),
            web.post(channel + "/threads", self.add_thread),
            web.post(channel + "/archive", self.archive),
            web.post(channel + "/overwrites", self.set_overwrite),
            web.get(channel + "/messages", self.list_messages),
            web.post(channel + "/messages", self.post_message),
            web.post(channel + "/forwards", self.forward_message),
            web.post(channel + "/reactions", self.change_reaction),
            web.post(channel + "/votes", self.vote),
            web.get(channel + "/events", self.stream_events),
            web.get(channel + "/transcript", self.transcript),
        ]

    async def add_channel(self, request: web.Request) -> web.Response:
        body = await request.json()
        channel = self._world.add_channel(self._guild, body["name"], nsfw=body["nsfw"])
        return web.json_response(self._world.payloads.channel(channel))

    async def add_thread(self, request: web.Request) -> web.Response:
        """A member starts a public thread."""
        body = await request.json()
        channel, user = channel_of(self._world, request), find_user(self._world, body["member"])
        if channel.guild_id is None:
            raise InteractionError("There are no threads in a direct conversation.")
        if Permission.CREATE_PUBLIC_THREADS not in self._world.permissions(channel, user):
            raise InteractionError("The member may not start a thread here.")
        thread = self._world.add_thread(channel, body["name"], user)
        return web.json_response(self._world.payloads.channel(thread))

    async def archive(self, request: web.Request) -> web.Response:
        thread = channel_of(self._world, request)
        if thread.parent is None:
            raise InteractionError("Only threads can be archived.")
        self._world.archive(thread)
        return web.json_response(self._world.payloads.channel(thread))

    async def set_overwrite(self, request: web.Request) -> web.Response:
        """Sets the permission overwrite of a role or member in one channel."""
        body = await request.json()
        channel, subject = channel_of(self._world, request), int(body["subject"])
        self._world.overwrite(channel, subject, allow=body["allow"], deny=body["deny"])
        return web.json_response(self._world.payloads.channel(channel))

    async def list_messages(self, request: web.Request) -> web.Response:
        channel, user = channel_of(self._world, request), user_of(self._world, request)
        visible = self._world.visible_messages(channel, user)
        shown = [self._world.payloads.message(each, user) for each in visible]
        return web.json_response(shown)

    async def post_message(self, request: web.Request) -> web.Response:
        """A member posts a plain message."""
        body = await request.json()
        channel, user = channel_of(self._world, request), find_user(self._world, body["member"])
        needed = Permission.SEND_MESSAGES
        if channel.parent is not None:
            needed = Permission.SEND_MESSAGES_IN_THREADS
        if needed not in self._world.permissions(channel, user):
            raise InteractionError("The member may not write here.")
        draft = Draft(content=body["content"], uploads=self._uploads(body))
        message = self._world.post(channel, user, draft)
        return web.json_response(self._world.payloads.message(message))

    async def forward_message(self, request: web.Request) -> web.Response:
        """A member forwards a message of this channel to another one."""
        body = await request.json()
        channel, user = channel_of(self._world, request), find_user(self._world, body["member"])
        message, target = (
            find_message(channel, body["message"]),
            find_channel(self._world, body["to"]),
        )
        forwarded = forward(self._world, channel, message, target, user)
        return web.json_response(self._world.payloads.message(forwarded))

    async def change_reaction(self, request: web.Request) -> web.Response:
        """A member adds a reaction, or removes their own."""
        body = await request.json()
        channel, user = channel_of(self._world, request), find_user(self._world, body["member"])
        change = react if body["add"] else unreact
        change(self._world, channel, find_message(channel, body["message"]), user, body["emoji"])
        return web.json_response({})

    async def vote(self, request: web.Request) -> web.Response:
        """A member votes for answers of a poll, by their ids; none removes their vote."""
        body = await request.json()
        channel, user = channel_of(self._world, request), find_user(self._world, body["member"])
        vote(self._world, channel, find_message(channel, body["message"]), user, body["answers"])
        return web.json_response({})

    def _uploads(self, body: Body) -> tuple[Upload, ...]:
        """The files of a plain message, which were uploaded before."""
        cdn = self._world.cdn
        files = [cdn.find(int(number)) for number in body.get("files", ())]
        return tuple(
            Upload(index, file.filename, cdn.read(file))
            for index, file in enumerate(files)
            if file is not None
        )

    async def stream_events(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events: the current messages of the channel, then every change."""
        channel, user = channel_of(self._world, request), user_of(self._world, request)
        events: Events = asyncio.Queue()

        def on_event(event: Event) -> None:
            hidden = event.audience is not None and user.id not in event.audience
            if event.channel_id == channel.id and not hidden:
                events.put_nowait((event.name, event.data))

        unsubscribe = self._world.listen(on_event)
        for message in self._world.visible_messages(channel, user):
            events.put_nowait(("MESSAGE_CREATE", self._world.payloads.message(message)))
        try:
            return await self._streams.write(request, events)
        finally:
            unsubscribe()

    async def transcript(self, request: web.Request) -> web.Response:
        """The channel as the member sees it, as Markdown or with `?format=html` as a page."""
        channel, user = channel_of(self._world, request), user_of(self._world, request)
        if request.query.get("format") == "html":
            page = write_html(self._world, channel, user)
            return web.Response(text=page, content_type="text/html")
        text = write_text(self._world, channel, user)
        return web.Response(text=text, content_type="text/markdown")
