"""What members can type or choose, one module for each group of commands."""

import bot.components.job_buttons  # noqa: F401 - it enters what answers the buttons of a card
from bot.client import AnyCommand
from bot.commands.cancel import cancel_command
from bot.commands.context_menus import from_picture, report_menu, what_prompt
from bot.commands.help import help_command
from bot.commands.history import history_command
from bot.commands.imagine import imagine_command
from bot.commands.mod import mod_command
from bot.commands.prefer import prefer_command
from bot.commands.privacy import privacy_command
from bot.commands.queue import queue_command
from bot.commands.show import show_command
from bot.policy import menu


def all_commands(pair: str) -> list[AnyCommand]:
    """Every command, with the choices that this pair offers."""
    return [
        imagine_command(menu(pair), pair),
        queue_command,
        cancel_command,
        show_command,
        history_command,
        prefer_command(menu(pair), pair),
        help_command,
        privacy_command,
        mod_command,
        from_picture,
        what_prompt,
        report_menu,
    ]
