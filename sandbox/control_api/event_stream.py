"""What the page shows: all that one member can see in every channel, and what happens there."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import web

from sandbox.control_api.server_sent_events import Events, Streams
from sandbox.discord.fields import InteractionError
from sandbox.discord.permissions import Permission
from sandbox.discord.state import LOCALE, Channel, Event, Guild, Payload, User

if TYPE_CHECKING:
    from sandbox.control_api.control import Handler
    from sandbox.server import Sandbox

MESSAGES = 200
"""The newest messages of each channel with which a stream begins."""


class Live:
    """The stream of a member, under `/sandbox/live`."""

    def __init__(self, sandbox: Sandbox, streams: Streams) -> None:
        self._sandbox = sandbox
        self._world = sandbox.world
        self._streams = streams

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Method, path and handler of each."""
        return [
            ("GET", "/sandbox/live", self.stream),
            ("GET", "/sandbox/people", self.list_people),
        ]

    async def list_people(self, request: web.Request) -> web.Response:
        """Everybody whom one can be, and the servers that they are in."""
        guilds = self._world.guilds.values()
        people = {
            member.user.id: member.user.payload()
            for guild in guilds
            for member in guild.members.values()
            if not member.user.bot
        }
        return web.json_response(list(people.values()))

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events: READY with everything as it stands, then each change.

        PRESENCE says whether the bot is connected.
        """
        user = self._world.users.get(int(request.query.get("member", "0")))
        if user is None:
            raise InteractionError("There is no such member.")
        events: Events = asyncio.Queue()

        def hear(event: Event) -> None:
            if self._may_know(user, event):
                events.put_nowait((event.name, event.data))

        # Nothing can happen between these two: all of it stands in the one or comes by the other.
        events.put_nowait(("READY", self._everything(user)))
        stop = self._world.listen(hear)
        presence = asyncio.create_task(self._tell_presence(events))
        try:
            return await self._streams.write(request, events)
        finally:
            presence.cancel()
            stop()

    async def _tell_presence(self, events: Events) -> None:
        gateway = self._sandbox.gateway
        while True:
            connected = gateway.connected
            events.put_nowait(("PRESENCE", {"connected": connected}))
            await gateway.wait_connected(connected=not connected)

    def _may_know(self, user: User, event: Event) -> bool:
        if event.audience is not None:
            return user.id in event.audience
        channel = self._world.channels.get(event.channel_id or 0)
        if channel is None:
            return True
        # A channel that closes to somebody is news to them, too.
        return event.name == "CHANNEL_UPDATE" or self._sees(user, channel)

    def _sees(self, user: User, channel: Channel) -> bool:
        return Permission.VIEW_CHANNEL in self._world.permissions(channel, user)

    def _everything(self, user: User) -> Payload:
        world = self._world
        direct = [each for each in world.channels.values() if each.recipient == user]
        return {
            "user": user.payload(),
            "locale": world.locales.get(user.id, LOCALE),
            "takes_direct_messages": user.id not in world.closed,
            "bot": world.application.bot.payload(),
            "guilds": [
                self._guild(guild, user)
                for guild in world.guilds.values()
                if user.id in guild.members
            ],
            "direct": [self._channel(channel, user) for channel in direct],
        }

    def _guild(self, guild: Guild, user: User) -> Payload:
        channels = [*guild.channels.values(), *self._world.threads(guild)]
        return {
            "id": str(guild.id),
            "name": guild.name,
            "owner_id": str(guild.owner_id),
            "roles": [role.payload() for role in guild.roles.values()],
            "members": [member.payload() for member in guild.members.values()],
            "channels": [self._channel(each, user) for each in channels if self._sees(user, each)],
        }

    def _channel(self, channel: Channel, user: User) -> Payload:
        messages = self._world.visible_messages(channel, user)[-MESSAGES:]
        return {
            **self._world.channel_payload(channel),
            "permissions": str(int(self._world.permissions(channel, user))),
            "messages": [self._world.message_payload(message) for message in messages],
        }
