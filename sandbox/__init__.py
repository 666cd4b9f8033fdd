"""A local Discord, strict where Discord is strict, for tests, demonstrations and development."""

from sandbox.client import Change, Member, Message, NoResponseError, Reply, SandboxClient
from sandbox.commands import OptionError
from sandbox.interactions import InteractionError
from sandbox.server import Sandbox

__all__ = [
    "Change",
    "InteractionError",
    "Member",
    "Message",
    "NoResponseError",
    "OptionError",
    "Reply",
    "Sandbox",
    "SandboxClient",
]
