"""Commands, context menus, components and modals, as members use them."""

import asyncio
from collections.abc import Sequence

from aiohttp import web

from sandbox.control_api.lookups import (
    channel_of,
    find_channel,
    find_message,
    find_user,
    user_of,
)
from sandbox.discord.client_errors import InteractionError
from sandbox.discord.commands import Commands
from sandbox.discord.constants import REQUEST_LIMIT
from sandbox.discord.interaction_payloads import Interaction
from sandbox.discord.interactions import Interactions
from sandbox.discord.models import Channel, Guild, Message, User
from sandbox.discord.state import World


class MemberInteractions:
    """Each route responds with what the member sees first: a response, or that there is none."""

    def __init__(
        self,
        world: World,
        guild: Guild,
        upload_channel: Channel,
        commands: Commands,
        interactions: Interactions,
    ) -> None:
        self._world = world
        self._guild = guild
        self._upload_channel = upload_channel
        self._commands = commands
        self._interactions = interactions

    def routes(self) -> Sequence[web.RouteDef]:
        return [
            web.get("/sandbox/commands", self.list_registered),
            web.get("/sandbox/channels/{channel}/commands", self.list_offered),
            web.post("/sandbox/uploads", self.upload),
            web.post("/sandbox/commands/run", self.run_command),
            web.post("/sandbox/commands/complete", self.complete),
            web.post("/sandbox/menus/use", self.use_menu),
            web.post("/sandbox/components/use", self.use_component),
            web.post("/sandbox/modals/submit", self.submit_modal),
        ]

    async def list_registered(self, request: web.Request) -> web.Response:
        """Every command that the bot has registered."""
        return web.json_response(self._commands.offered(self._guild.id))

    async def list_offered(self, request: web.Request) -> web.Response:
        """The commands that a member can use in a channel, in their language."""
        channel, user = channel_of(self._world, request), user_of(self._world, request)
        return web.json_response(self._commands.shown_to(user, channel))

    async def upload(self, request: web.Request) -> web.Response:
        """Stores a file that a member is about to choose for an option, field or message."""
        content = bytearray()
        async for chunk in request.content.iter_any():
            content += chunk
            if len(content) > REQUEST_LIMIT:
                raise InteractionError("Your files are too powerful.")
        attachment = self._world.cdn.keep(
            self._world.ids.new(),
            self._upload_channel.id,
            request.query.get("filename", "unknown"),
            bytes(content),
            ephemeral=True,
        )
        return web.json_response(self._world.payloads.attachment(attachment))

    async def run_command(self, request: web.Request) -> web.Response:
        body = await request.json()
        user, channel = self._user(body["member"]), self._channel(body["channel"])
        return await self._outcome(
            self._interactions.run_command(user, channel, body["command"], body["options"])
        )

    async def complete(self, request: web.Request) -> web.Response:
        """Asks the bot for the choices of an option that the member is typing into."""
        body = await request.json()
        user, channel = self._user(body["member"]), self._channel(body["channel"])
        return await self._outcome(
            self._interactions.autocomplete(
                user, channel, body["command"], body["options"], body["focused"]
            )
        )

    async def use_menu(self, request: web.Request) -> web.Response:
        """Uses an entry in the context menu of a message, or of a member."""
        body = await request.json()
        user, channel = self._user(body["member"]), self._channel(body["channel"])
        target: Message | User
        if "message" in body:
            target = find_message(channel, body["message"])
        else:
            target = self._user(body["target"])
        return await self._outcome(self._interactions.use_menu(user, channel, body["name"], target))

    async def use_component(self, request: web.Request) -> web.Response:
        """Presses a button, or chooses in a select menu."""
        body = await request.json()
        user, channel = self._user(body["member"]), self._channel(body["channel"])
        message = find_message(channel, body["message"])
        return await self._outcome(
            self._interactions.use_component(
                user, channel, message, body["custom_id"], body.get("values") or []
            )
        )

    async def submit_modal(self, request: web.Request) -> web.Response:
        body = await request.json()
        opened = self._interactions.find(int(body["interaction"]))
        return await self._outcome(self._interactions.submit_modal(opened, body["values"]))

    async def _outcome(self, interaction: Interaction) -> web.Response:
        outcome = await asyncio.shield(interaction.outcome)
        message = interaction.channel.messages.get(int(outcome.get("message_id", 0)))
        if message is not None:
            outcome = {**outcome, "message": self._world.payloads.message(message)}
        return web.json_response(outcome)

    def _user(self, user_id: str) -> User:
        return find_user(self._world, user_id)

    def _channel(self, channel_id: str) -> Channel:
        return find_channel(self._world, channel_id)
