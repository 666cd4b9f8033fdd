"""/mod: what moderators can do. Discord shows it to those who manage messages.

A server's administrators may show it to others (Server Settings, Integrations), and nothing here
asks again.
"""

from bot.commands.mod import members, places, queue, words
from bot.commands.mod.group import mod as mod_command

__all__ = ["members", "mod_command", "places", "queue", "words"]
