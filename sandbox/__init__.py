"""A local Discord, strict where Discord is strict, for tests, demonstrations and development."""

from sandbox.client.driver import (
    Change,
    Channel,
    Member,
    Message,
    NoResponseError,
    Reply,
    Role,
    SandboxClient,
)
from sandbox.discord.commands import OptionError
from sandbox.discord.fields import InteractionError
from sandbox.server import Sandbox

__all__ = [
    "Change",
    "Channel",
    "InteractionError",
    "Member",
    "Message",
    "NoResponseError",
    "OptionError",
    "Reply",
    "Role",
    "Sandbox",
    "SandboxClient",
]
