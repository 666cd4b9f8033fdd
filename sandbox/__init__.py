"""A local Discord, as strict as the real one, for tests, demonstrations and development."""

from sandbox.client.control import SandboxClient
from sandbox.client.member import Member, NoResponseError
from sandbox.client.views import Change, ChannelRef, File, MessageView, Reply, RoleRef
from sandbox.discord.client_errors import InteractionError, OptionError
from sandbox.server import Sandbox

__all__ = [
    "Change",
    "ChannelRef",
    "File",
    "InteractionError",
    "Member",
    "MessageView",
    "NoResponseError",
    "OptionError",
    "Reply",
    "RoleRef",
    "Sandbox",
    "SandboxClient",
]
