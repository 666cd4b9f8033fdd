"""Forwards: snapshots of messages, posted by a user in another channel."""

from sandbox.discord import errors
from sandbox.discord.constants import ComponentType, MessageFlag
from sandbox.discord.models import Channel, Draft, Forward, Message, Payload, User
from sandbox.discord.permissions import Permission
from sandbox.discord.state import World

_KEPT = (
    *("type", "content", "mentions", "mention_roles", "attachments", "embeds"),
    *("timestamp", "edited_timestamp", "flags", "components"),
)
"""The fields of a message that are in its snapshot, by Discord's API description."""


def forward(
    world: World, source: Channel, message: Message, target: Channel, user: User
) -> Message:
    """Posts a snapshot of a message in another channel.

    Raises:
        DiscordError: 10008 for an ephemeral message, or one that the user can't see;
            50013 without the permission to write in the target, 50083 in an archived thread.
    """
    if message.only_for is not None or not world.sees(user, source):
        raise errors.unknown_message()
    if target.archived is not None:
        raise errors.archived_thread()
    thread = target.parent is not None
    needed = Permission.SEND_MESSAGES_IN_THREADS if thread else Permission.SEND_MESSAGES
    if needed not in world.permissions(target, user):
        raise errors.missing_permissions()
    whole = world.payloads.message(message)
    snapshot = {key: whole[key] for key in _KEPT}
    snapshot["components"] = _without_controls(snapshot["components"])
    forwarded = Forward(source.id, source.guild_id, message.id, snapshot)
    return world.post(target, user, Draft(forward=forwarded), flags=MessageFlag.HAS_SNAPSHOT)


def _without_controls(components: list[Payload]) -> list[Payload]:
    """Removes the rows of buttons and selects, which nobody can use in a snapshot."""
    kept = [part for part in components if part["type"] != ComponentType.ACTION_ROW]
    return [
        {**part, "components": _without_controls(part["components"])}
        if "components" in part
        else part
        for part in kept
    ]
