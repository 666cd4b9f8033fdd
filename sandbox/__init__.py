"""A local Discord, strict where Discord is strict, for tests, demonstrations and development."""

from sandbox.client import (
    InteractionError,
    Member,
    Message,
    NoResponseError,
    OptionError,
    SandboxClient,
)
from sandbox.server import Sandbox

__all__ = [
    "InteractionError",
    "Member",
    "Message",
    "NoResponseError",
    "OptionError",
    "Sandbox",
    "SandboxClient",
]
