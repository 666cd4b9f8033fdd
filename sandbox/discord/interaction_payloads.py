"""An interaction, and Discord's JSON for it."""

import asyncio
from dataclasses import dataclass, field

from sandbox.discord.constants import (
    DEFAULT_LOCALE,
    FILE_LIMIT,
    CallbackType,
    CommandType,
    InteractionType,
    MessageFlag,
    MessageType,
    OptionType,
)
from sandbox.discord.models import Channel, Message, Origin, Payload, User
from sandbox.discord.payloads import user_payload
from sandbox.discord.permissions import Permission
from sandbox.discord.state import World


@dataclass(slots=True)
class Interaction:
    """An interaction and its response."""

    id: int
    token: str
    kind: InteractionType
    user: User
    channel: Channel
    created: float
    data: Payload
    message: Message | None = None
    """The message of the component that was used."""
    trigger: Origin | None = None
    """For a submitted modal: the interaction that opened it."""
    answer: int | None = None
    original: int | None = None
    """The id of the message that is the response."""
    modal: Payload | None = None
    outcome: asyncio.Future[Payload] = field(default_factory=asyncio.Future)
    """What the member sees first."""


def interaction_payload(world: World, interaction: Interaction) -> Payload:
    """The interaction as the bot receives it."""
    channel, user = interaction.channel, interaction.user
    payload: Payload = {
        "id": str(interaction.id),
        "application_id": str(world.application.id),
        "type": interaction.kind,
        "token": interaction.token,
        "version": 1,
        "data": interaction.data,
        "channel_id": str(channel.id),
        "channel": world.payloads.channel(channel),
        "locale": world.locales.get(user.id, DEFAULT_LOCALE),
        "app_permissions": str(int(_app_permissions(world, channel))),
        "entitlements": [],
        "entitlement_sku_ids": [],
        "attachment_size_limit": FILE_LIMIT,
        "authorizing_integration_owners": world.installations(user, channel),
        "context": channel.context,
    }
    if channel.guild_id is None:
        payload["user"] = user_payload(user)
    else:
        locale = world.guilds[channel.guild_id].locale
        payload |= {
            "guild_id": str(channel.guild_id),
            "guild": {"id": str(channel.guild_id), "locale": locale, "features": []},
            "guild_locale": locale,
            "member": world.payloads.interaction_member(user, channel),
        }
    if interaction.message is not None:
        payload["message"] = world.payloads.message(interaction.message)
    return payload


def _app_permissions(world: World, channel: Channel) -> Permission:
    """The bot's permissions; without the bot, those of responses by a user-installed app."""
    bot = world.application.bot
    guild = world.guilds.get(channel.guild_id or 0)
    if channel.group or (guild is not None and bot.id not in guild.members):
        return Permission.EMBED_LINKS | Permission.ATTACH_FILES
    return world.permissions(channel, bot)


def origin_of(world: World, interaction: Interaction) -> Origin:
    """The origin of messages that respond to the interaction."""
    data, message = interaction.data, interaction.message
    target = int(data.get("target_id", 0))
    return Origin(
        interaction.id,
        interaction.kind,
        interaction.user,
        command=_whole_name(data) if interaction.kind == InteractionType.COMMAND else None,
        message_id=message.id
        if message and interaction.kind == InteractionType.COMPONENT
        else None,
        target_message_id=target if data.get("type") == CommandType.MESSAGE else None,
        target_user=world.users[target] if data.get("type") == CommandType.USER else None,
        trigger=interaction.trigger,
        installations=world.installations(interaction.user, interaction.channel),
    )


def callback_response(world: World, interaction: Interaction) -> Payload:
    """Discord's response to the bot's callback."""
    response: Payload = {
        "interaction": {
            "id": str(interaction.id),
            "type": interaction.kind,
            "channel_id": str(interaction.channel.id),
        }
    }
    if interaction.channel.guild_id is not None:
        response["interaction"]["guild_id"] = str(interaction.channel.guild_id)
    message = interaction.channel.messages.get(interaction.original or 0)
    if message is not None:
        response["interaction"] |= {
            "response_message_id": str(message.id),
            "response_message_loading": bool(message.flags & MessageFlag.LOADING),
            "response_message_ephemeral": message.only_for is not None,
        }
        if interaction.answer in (
            CallbackType.MESSAGE,
            CallbackType.DEFERRED_MESSAGE,
            CallbackType.UPDATE,
        ):
            kind = (
                CallbackType.UPDATE
                if interaction.answer == CallbackType.UPDATE
                else CallbackType.MESSAGE
            )
            response["resource"] = {
                "type": kind,
                "message": world.payloads.message(message),
            }
    return response


def _whole_name(data: Payload) -> str:
    """A command's name with its subcommands, as messages show it."""
    inner = [
        each
        for each in data.get("options", ())
        if each["type"] in (OptionType.SUBCOMMAND, OptionType.SUBCOMMAND_GROUP)
    ]
    return " ".join([data["name"], *map(_whole_name, inner)])


def message_kind(interaction: Interaction) -> int:
    """The type of a message that responds to the interaction."""
    if interaction.kind != InteractionType.COMMAND:
        return MessageType.REPLY
    typed = interaction.data["type"] == CommandType.CHAT_INPUT
    return MessageType.CHAT_INPUT_COMMAND if typed else MessageType.CONTEXT_MENU_COMMAND
