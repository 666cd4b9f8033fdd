"""A local Discord, strict where Discord is strict, for tests, demonstrations and development."""

from sandbox.client import (
    Change,
    Channel,
    Member,
    Message,
    NoResponseError,
    Reply,
    Role,
    SandboxClient,
)
from sandbox.commands import OptionError
from sandbox.fields import InteractionError
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
