"""/mod: the moderators' commands, one module for each topic.

Discord shows it to members with Manage Messages; a server's administrators may show it to others
(Server Settings, Integrations). Discord checks this at each use of a command.
"""

from collections.abc import Sequence

import discord
from discord import app_commands

from bot.commands.mod.audit_log import AuditLogGroup
from bot.commands.mod.blocks import BLOCK_COMMANDS
from bot.commands.mod.channels import ChannelsGroup
from bot.commands.mod.defaults import defaults_command
from bot.commands.mod.hall_of_fame import hall_of_fame
from bot.commands.mod.image_check import ImagesGroup
from bot.commands.mod.limits import LimitsGroup
from bot.commands.mod.moderator_role import set_moderator_role
from bot.commands.mod.parameters import AnyModCommand
from bot.commands.mod.queue import QUEUE_COMMANDS
from bot.commands.mod.reports import reports
from bot.commands.mod.styles import StylesGroup
from bot.commands.mod.theme import theme
from bot.commands.mod.word_filter import WordsGroup
from core.i18n import gettext_noop


@app_commands.allowed_installs(guilds=True, users=False)
@app_commands.allowed_contexts(guilds=True, dms=False, private_channels=False)
class Moderation(
    app_commands.Group,
    name="mod",
    description=gettext_noop("For moderators"),
    default_permissions=discord.Permissions(manage_messages=True),
    guild_only=True,
):
    def __init__(self, models: Sequence[str]) -> None:
        super().__init__()
        defaults = defaults_command(models)
        other_commands: tuple[AnyModCommand, ...] = (reports, defaults, hall_of_fame, theme)
        for command in (*BLOCK_COMMANDS, *QUEUE_COMMANDS, set_moderator_role, *other_commands):
            self.add_command(command)
        groups = (LimitsGroup(), WordsGroup(), ImagesGroup(), StylesGroup(), ChannelsGroup())
        for group in (*groups, AuditLogGroup()):
            self.add_command(group)
