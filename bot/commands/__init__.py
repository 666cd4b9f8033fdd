"""Slash commands and context menus: one module for each command or group."""

from collections.abc import Sequence

from bot.client import AnyCommand
from bot.commands.blend import blend_command
from bot.commands.cancel import cancel_command
from bot.commands.context_menus import (
    describe_image,
    imagine_from_image,
    report_to_moderators,
    show_prompt,
)
from bot.commands.describe import describe_command
from bot.commands.help import help_command
from bot.commands.history import history_command
from bot.commands.host import HostGroup
from bot.commands.imagine import imagine_command
from bot.commands.mod import Moderation
from bot.commands.prefer import prefer_command
from bot.commands.privacy import privacy_command
from bot.commands.queue import queue_command
from bot.commands.show import show_command
from bot.commands.styles import styles_command


def all_commands(models: Sequence[str]) -> list[AnyCommand]:
    """Every command, for these models; the first is the default."""
    return [
        imagine_command(models),
        blend_command,
        describe_command,
        queue_command,
        cancel_command,
        show_command,
        history_command,
        prefer_command(models),
        styles_command,
        help_command,
        privacy_command,
        Moderation(models),
        HostGroup(),
        imagine_from_image,
        describe_image,
        show_prompt,
        report_to_moderators,
    ]
