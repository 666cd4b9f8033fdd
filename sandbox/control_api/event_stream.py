"""What the page shows: everything that one user can see, and every change to it."""

import asyncio
from collections.abc import Sequence

from aiohttp import web

from sandbox.control_api.lookups import user_of
from sandbox.control_api.server_sent_events import Events, Streams
from sandbox.discord.constants import DEFAULT_LOCALE
from sandbox.discord.gateway import Gateway
from sandbox.discord.models import Channel, Event, Guild, Payload, User
from sandbox.discord.payloads import member_payload, role_payload, user_payload
from sandbox.discord.state import World

MESSAGES = 200
"""The newest messages of each channel that a stream starts with."""


class EventStream:
    def __init__(self, world: World, gateway: Gateway, streams: Streams) -> None:
        self._world = world
        self._gateway = gateway
        self._streams = streams

    def routes(self) -> Sequence[web.RouteDef]:
        return [web.get("/sandbox/events", self.stream)]

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events: READY with the current state, then each change.

        PRESENCE says whether the bot is connected.
        """
        user = user_of(self._world, request)
        events: Events = asyncio.Queue()

        def on_event(event: Event) -> None:
            if self._may_see(user, event):
                events.put_nowait((event.name, event.data))

        # Nothing can happen between these two lines, so no change is missed or sent twice.
        events.put_nowait(("READY", self._ready(user)))
        unsubscribe = self._world.listen(on_event)
        presence = asyncio.create_task(self._send_presence(events))
        try:
            return await self._streams.write(request, events)
        finally:
            presence.cancel()
            unsubscribe()

    async def _send_presence(self, events: Events) -> None:
        while True:
            connected = self._gateway.connected
            events.put_nowait(("PRESENCE", {"connected": connected}))
            await self._gateway.wait_connected(connected=not connected)

    def _may_see(self, user: User, event: Event) -> bool:
        if event.audience is not None:
            return user.id in event.audience
        channel = self._world.channels.get(event.channel_id or 0)
        if channel is None:
            return True
        # A user also receives the update that hides a channel from them.
        return event.name == "CHANNEL_UPDATE" or self._world.sees(user, channel)

    def _ready(self, user: User) -> Payload:
        world = self._world
        direct = [channel for channel in world.channels.values() if user in channel.users]
        return {
            "user": user_payload(user),
            "locale": world.locales.get(user.id, DEFAULT_LOCALE),
            "accepts_direct_messages": user.id not in world.closed,
            "installed": user.id in world.installed,
            "bot": user_payload(world.application.bot),
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
            "roles": [role_payload(role) for role in guild.roles.values()],
            "members": [member_payload(member) for member in guild.members.values()],
            "channels": [
                self._channel(channel, user)
                for channel in channels
                if self._world.sees(user, channel)
            ],
        }

    def _channel(self, channel: Channel, user: User) -> Payload:
        messages = self._world.visible_messages(channel, user)[-MESSAGES:]
        return {
            **self._world.payloads.channel(channel),
            "permissions": str(int(self._world.permissions(channel, user))),
            "messages": [self._world.payloads.message(message, user) for message in messages],
        }
