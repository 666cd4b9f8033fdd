"""The gateway: the WebSocket that sends events to a bot."""

import asyncio
import json
import secrets
import zlib
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from sandbox.discord.constants import PRIVILEGED_INTENTS, CloseCode, Intent, Opcode
from sandbox.discord.models import Event, Payload
from sandbox.discord.payloads import member_payload, user_payload
from sandbox.discord.permissions import Permission
from sandbox.discord.signals import Signal
from sandbox.discord.state import World

HEARTBEAT_INTERVAL = 41.25
"""Seconds between a client's heartbeats. After twice as long in silence it is disconnected."""

ACK_DELAY = 0.05
"""Seconds until a heartbeat is acknowledged. discord.py records the time of a heartbeat only after
sending it, so an instant acknowledgement makes it warn of a latency of 41 s."""

REPLAY_LIMIT = 1_000
"""Events kept for a client that resumes its session."""

IDENTIFIES_A_DAY = 1_000
DAY = 24 * 60 * 60

_INTENTS = {
    "GUILD_CREATE": Intent.GUILDS,
    "GUILD_DELETE": Intent.GUILDS,
    "GUILD_UPDATE": Intent.GUILDS,
    "GUILD_ROLE_CREATE": Intent.GUILDS,
    "CHANNEL_CREATE": Intent.GUILDS,
    "CHANNEL_UPDATE": Intent.GUILDS,
    "CHANNEL_DELETE": Intent.GUILDS,
    "THREAD_CREATE": Intent.GUILDS,
    "THREAD_UPDATE": Intent.GUILDS,
    "THREAD_DELETE": Intent.GUILDS,
    "GUILD_MEMBER_ADD": Intent.GUILD_MEMBERS,
    "GUILD_MEMBER_UPDATE": Intent.GUILD_MEMBERS,
    "GUILD_MEMBER_REMOVE": Intent.GUILD_MEMBERS,
}
_FOR_MEMBERS_ONLY = {"INTERACTION_FAILURE"}
_NEEDS_CONTENT_INTENT: dict[str, Any] = {
    "content": "",
    "embeds": [],
    "attachments": [],
    "components": [],
}


@dataclass(slots=True)
class Session:
    """The events sent to a bot, so that it can resume after a lost connection."""

    id: str
    intents: int
    sequence: int = 0
    sent: deque[Payload] = field(default_factory=lambda: deque(maxlen=REPLAY_LIMIT))
    connection: "Connection | None" = None


class Connection:
    """One WebSocket. Messages are sent in order, through a queue."""

    def __init__(self, socket: web.WebSocketResponse, request: web.Request) -> None:
        self.socket = socket
        self.session: Session | None = None
        self._queue: asyncio.Queue[Payload] = asyncio.Queue()
        compressed = request.query.get("compress") == "zlib-stream"
        self._deflate = zlib.compressobj() if compressed else None
        self._transport = request.transport

    def abort(self) -> None:
        """Break the connection without a close message."""
        if self._transport is not None:
            self._transport.abort()

    def send(self, payload: Payload) -> None:
        self._queue.put_nowait(payload)

    async def deliver(self) -> None:
        """Send queued messages until cancelled or disconnected."""
        while not self.socket.closed:
            text = json.dumps(await self._queue.get())
            try:
                if self._deflate is None:
                    await self.socket.send_str(text)
                else:
                    data = self._deflate.compress(text.encode())
                    await self.socket.send_bytes(data + self._deflate.flush(zlib.Z_SYNC_FLUSH))
            except ConnectionError:
                return


class Gateway:
    """Sends the world's events to connected bots."""

    def __init__(self, world: World) -> None:
        self.url = ""  # known once the server listens
        self.resumed = 0  # how many times a session was resumed
        self._world = world
        self._sessions: dict[str, Session] = {}
        self._connections: set[Connection] = set()
        self._identified: deque[float] = deque()
        self._changed = Signal()
        world.listen(self._dispatch)

    @property
    def connected(self) -> bool:
        """Whether a bot is identified and connected."""
        return any(session.connection is not None for session in self._sessions.values())

    async def wait_connected(self, *, connected: bool = True) -> None:
        """Wait until a bot is connected, or until none is."""
        await self._changed.wait_until(lambda: self.connected is connected)

    def start_limit(self) -> Payload:
        """The session start limit, as `GET /gateway/bot` returns it."""
        self._forget_old_identifies()
        oldest = self._identified[0] if self._identified else self._world.clock.now()
        return {
            "total": IDENTIFIES_A_DAY,
            "remaining": IDENTIFIES_A_DAY - len(self._identified),
            "reset_after": int(max(oldest + DAY - self._world.clock.now(), 0) * 1000),
            "max_concurrency": 1,
        }

    def drop(self, resumable: bool) -> None:
        """Break every connection. Unless `resumable`, the sessions end too."""
        if not resumable:
            self._sessions.clear()
        for connection in tuple(self._connections):
            self._leave(connection)
            connection.abort()

    async def revoke(self) -> None:
        """End all sessions with the close code of a wrong token."""
        self._sessions.clear()
        for connection in tuple(self._connections):
            self._leave(connection)
            await connection.socket.close(
                code=CloseCode.AUTHENTICATION_FAILED, message=b"Authentication failed."
            )

    async def close(self) -> None:
        """Close every connection."""
        for connection in tuple(self._connections):
            await connection.socket.close(code=WSCloseCode.GOING_AWAY)

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Handle one connection from Opcode.HELLO to its end."""
        socket = web.WebSocketResponse(max_msg_size=16 * 1024, timeout=2.0)
        await socket.prepare(request)
        connection = Connection(socket, request)
        self._connections.add(connection)
        delivery = asyncio.create_task(connection.deliver())
        hello = {"heartbeat_interval": int(HEARTBEAT_INTERVAL * 1000)}
        connection.send({"op": Opcode.HELLO, "d": hello, "s": None, "t": None})
        try:
            await self._listen(connection)
        finally:
            self._leave(connection)
            delivery.cancel()
        return socket

    async def _listen(self, connection: Connection) -> None:
        while not connection.socket.closed:
            try:
                message = await connection.socket.receive(timeout=2 * HEARTBEAT_INTERVAL)
            except TimeoutError:
                await connection.socket.close(
                    code=CloseCode.SESSION_TIMED_OUT, message=b"Session timed out."
                )
                return
            if message.type is not WSMsgType.TEXT:
                return
            try:
                payload = json.loads(message.data)
                opcode, data = payload["op"], payload.get("d")
            except (ValueError, KeyError, TypeError):
                await connection.socket.close(code=CloseCode.DECODE_ERROR, message=b"Decode error.")
                return
            await self._handle(connection, opcode, data)

    async def _handle(self, connection: Connection, opcode: int, data: Any) -> None:
        if opcode == Opcode.HEARTBEAT:
            answer: Payload = {"op": Opcode.HEARTBEAT_ACK, "d": None, "s": None, "t": None}
            asyncio.get_running_loop().call_later(ACK_DELAY, connection.send, answer)
        elif opcode == Opcode.IDENTIFY:
            await self._identify(connection, data)
        elif opcode == Opcode.RESUME:
            await self._resume(connection, data)
        elif opcode not in (
            Opcode.PRESENCE_UPDATE,
            Opcode.VOICE_STATE_UPDATE,
            Opcode.REQUEST_GUILD_MEMBERS,
        ):
            await connection.socket.close(code=CloseCode.UNKNOWN_OPCODE, message=b"Unknown opcode.")
        elif connection.session is None:
            await connection.socket.close(
                code=CloseCode.NOT_AUTHENTICATED, message=b"Not authenticated."
            )
        elif opcode == Opcode.REQUEST_GUILD_MEMBERS:
            self._send_members(connection.session, data)

    async def _identify(self, connection: Connection, data: Payload) -> None:
        socket, application = connection.socket, self._world.application
        if connection.session is not None:
            await socket.close(
                code=CloseCode.ALREADY_AUTHENTICATED, message=b"Already authenticated."
            )
            return
        if data.get("token") != application.token or not self.start_limit()["remaining"]:
            await socket.close(
                code=CloseCode.AUTHENTICATION_FAILED, message=b"Authentication failed."
            )
            return
        intents = int(data.get("intents", 0))
        if intents & PRIVILEGED_INTENTS & ~application.privileged_intents:
            await socket.close(code=CloseCode.DISALLOWED_INTENTS, message=b"Disallowed intent(s).")
            return
        self._identified.append(self._world.clock.now())
        session = Session(secrets.token_hex(16), intents)
        self._sessions[session.id] = session
        self._attach(connection, session)
        self._welcome(session, data)

    def _welcome(self, session: Session, data: Payload) -> None:
        """Send READY, then GUILD_CREATE for each of the bot's guilds."""
        world = self._world
        bot = world.application.bot
        guilds = [guild for guild in world.guilds.values() if bot.id in guild.members]
        ready: Payload = {
            "v": 10,
            "user": {**user_payload(bot), "verified": True, "mfa_enabled": True, "email": None},
            "guilds": [{"id": str(guild.id), "unavailable": True} for guild in guilds],
            "private_channels": [],
            "session_id": session.id,
            "session_type": "normal",
            "resume_gateway_url": self.url,
            "application": {"id": str(world.application.id), "flags": 0},
        }
        if "shard" in data:
            ready["shard"] = data["shard"]
        self._send(session, "READY", ready)
        for guild in guilds:
            self._send(
                session, "GUILD_CREATE", world.payloads.gateway_guild(guild, world.threads(guild))
            )

    async def _resume(self, connection: Connection, data: Payload) -> None:
        if data.get("token") != self._world.application.token:
            await connection.socket.close(
                code=CloseCode.AUTHENTICATION_FAILED, message=b"Authentication failed."
            )
            return
        session = self._sessions.get(data.get("session_id", ""))
        acknowledged = data.get("seq") or 0
        too_late = session is not None and session.sequence - acknowledged > len(session.sent)
        if session is None or too_late or acknowledged > session.sequence:
            connection.send({"op": Opcode.INVALID_SESSION, "d": False, "s": None, "t": None})
            return
        missed = [payload for payload in session.sent if payload["s"] > acknowledged]
        if session.connection is not None:
            self._leave(session.connection)
        self._attach(connection, session)
        for payload in missed:
            connection.send(payload)
        self.resumed += 1
        self._send(session, "RESUMED", {})

    def _attach(self, connection: Connection, session: Session) -> None:
        connection.session, session.connection = session, connection
        self._changed.notify()

    def _leave(self, connection: Connection) -> None:
        self._connections.discard(connection)
        session = connection.session
        if session is not None and session.connection is connection:
            session.connection = None
        self._changed.notify()

    def _dispatch(self, event: Event) -> None:
        """Send an event to every session that may see it, connected or not."""
        if event.name in _FOR_MEMBERS_ONLY:
            return
        world, bot = self._world, self._world.application.bot
        if event.audience is not None and bot.id not in event.audience:
            return
        channel = world.channels.get(event.channel_id or 0)
        hidden = channel and Permission.VIEW_CHANNEL not in world.permissions(channel, bot)
        if hidden and event.name != "INTERACTION_CREATE":
            return
        for session in self._sessions.values():
            needed = self._intents_for(event)
            if needed & session.intents == needed:
                self._send(session, event.name, self._as_seen(event.data, session))

    def _intents_for(self, event: Event) -> int:
        """The intents that an event needs. A bot always receives events about itself."""
        if event.name.startswith("MESSAGE_REACTION_"):
            in_guild = "guild_id" in event.data
            return Intent.GUILD_MESSAGE_REACTIONS if in_guild else Intent.DIRECT_MESSAGE_REACTIONS
        if event.name.startswith("MESSAGE_POLL_"):
            in_guild = "guild_id" in event.data
            return Intent.GUILD_MESSAGE_POLLS if in_guild else Intent.DIRECT_MESSAGE_POLLS
        if event.name.startswith("MESSAGE_"):
            return Intent.GUILD_MESSAGES if "guild_id" in event.data else Intent.DIRECT_MESSAGES
        own = str(self._world.application.bot.id)
        if event.name == "GUILD_MEMBER_UPDATE" and event.data["user"]["id"] == own:
            return 0
        return _INTENTS.get(event.name, 0)

    def _as_seen(self, data: Payload, session: Session) -> Payload:
        """Hides content that a bot without the message content intent cannot read.

        It can read its own messages, direct messages and messages that mention it.
        """
        if (
            "author" not in data
            or session.intents & Intent.MESSAGE_CONTENT
            or "guild_id" not in data
        ):
            return data
        bot_id = str(self._world.application.bot.id)
        mentioned = any(user["id"] == bot_id for user in data["mentions"])
        if data["author"]["id"] == bot_id or mentioned:
            return data
        return data | _NEEDS_CONTENT_INTENT

    def _send(self, session: Session, name: str, data: Payload) -> None:
        session.sequence += 1
        payload = {"op": Opcode.DISPATCH, "t": name, "s": session.sequence, "d": data}
        session.sent.append(payload)
        if session.connection is not None:
            session.connection.send(payload)

    def _send_members(self, session: Session, data: Payload) -> None:
        guild = self._world.guilds[int(data["guild_id"])]
        wanted = data.get("user_ids")
        wanted = [wanted] if isinstance(wanted, str) else wanted
        members = [
            member_payload(member)
            for member in guild.members.values()
            if wanted is None or str(member.user.id) in map(str, wanted)
        ]
        chunk = {
            "guild_id": str(guild.id),
            "members": members[: data.get("limit") or None],
            "chunk_index": 0,
            "chunk_count": 1,
        }
        if "nonce" in data:
            chunk["nonce"] = data["nonce"]
        self._send(session, "GUILD_MEMBERS_CHUNK", chunk)

    def _forget_old_identifies(self) -> None:
        while self._identified and self._identified[0] < self._world.clock.now() - DAY:
            self._identified.popleft()
