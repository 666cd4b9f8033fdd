"""Discord's permission bits, and how they are resolved in a channel."""

from enum import IntFlag


class Permission(IntFlag):
    """The bits that the sandbox checks. Other bits are stored and returned unchanged."""

    ADMINISTRATOR = 1 << 3
    MANAGE_CHANNELS = 1 << 4
    MANAGE_GUILD = 1 << 5
    ADD_REACTIONS = 1 << 6
    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
    MANAGE_MESSAGES = 1 << 13
    EMBED_LINKS = 1 << 14
    ATTACH_FILES = 1 << 15
    READ_MESSAGE_HISTORY = 1 << 16
    MENTION_EVERYONE = 1 << 17
    USE_EXTERNAL_EMOJIS = 1 << 18
    MANAGE_ROLES = 1 << 28
    USE_APPLICATION_COMMANDS = 1 << 31
    MANAGE_THREADS = 1 << 34
    CREATE_PUBLIC_THREADS = 1 << 35
    SEND_MESSAGES_IN_THREADS = 1 << 38
    SEND_POLLS = 1 << 49


EVERYTHING = Permission((1 << 53) - 1)

EVERYONE = (
    Permission.ADD_REACTIONS
    | Permission.VIEW_CHANNEL
    | Permission.SEND_MESSAGES
    | Permission.EMBED_LINKS
    | Permission.ATTACH_FILES
    | Permission.READ_MESSAGE_HISTORY
    | Permission.USE_EXTERNAL_EMOJIS
    | Permission.USE_APPLICATION_COMMANDS
    | Permission.CREATE_PUBLIC_THREADS
    | Permission.SEND_MESSAGES_IN_THREADS
    | Permission.SEND_POLLS
)
"""The permissions of @everyone in a new guild."""


def resolve(base: int, overwrites: list[tuple[int, int]]) -> Permission:
    """The permissions in a channel.

    Args:
        base: the bits of all of the member's roles.
        overwrites: pairs of (allow, deny), applied in order: @everyone's, those of the member's
            roles combined, the member's own.
    """
    if base & Permission.ADMINISTRATOR:
        return EVERYTHING
    bits = base
    for allow, deny in overwrites:
        bits = (bits & ~deny) | allow
    if not bits & Permission.VIEW_CHANNEL:
        return Permission(0)
    return Permission(bits)
