"""/mod: what moderators can do. Discord shows it to those who manage messages.

A server's administrators may show it to others (Server Settings, Integrations), and nothing here
asks again.
"""

from bot.commands.mod import channels, members, queue, words
from bot.commands.mod.group import mod as mod_command

__all__ = ["channels", "members", "mod_command", "queue", "words"]
