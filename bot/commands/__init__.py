"""What members can type, one module for each group of commands."""

from bot.client import AnyCommand
from bot.commands.cancel import cancel_command
from bot.commands.imagine import imagine_command
from bot.commands.queue import queue_command
from bot.policy import menu


def all_commands(pair: str) -> list[AnyCommand]:
    """Every command, with the choices that this pair offers."""
    return [imagine_command(menu(pair)), queue_command, cancel_command]
