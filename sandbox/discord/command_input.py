"""Finds commands and validates their options, as Discord's client does before sending."""

from typing import Any

from sandbox.discord.client_errors import OptionError
from sandbox.discord.clock import parse_snowflake
from sandbox.discord.constants import CommandType, OptionType
from sandbox.discord.models import Payload

_SAFE_INTEGER = 2**53


def find_command(commands: list[Payload], path: str) -> tuple[Payload, list[Payload]]:
    """The command of `/path`, and the subcommands that lead to its options.

    Raises:
        OptionError: there is no such command.
    """
    first, *rest = path.split()
    for command in commands:
        if command["name"] != first or command["type"] != CommandType.CHAT_INPUT:
            continue
        subcommands: list[Payload] = []
        level = command
        for name in rest:
            inner = [
                option
                for option in level.get("options", ())
                if option["name"] == name
                and option["type"] in (OptionType.SUBCOMMAND, OptionType.SUBCOMMAND_GROUP)
            ]
            if not inner:
                raise OptionError("", f"There is no command /{path}.")
            level = inner[0]
            subcommands.append(level)
        if any(
            o["type"] in (OptionType.SUBCOMMAND, OptionType.SUBCOMMAND_GROUP)
            for o in level.get("options", ())
        ):
            raise OptionError("", f"/{path} needs a subcommand.")
        return command, subcommands
    raise OptionError("", f"There is no command /{path}.")


def find_any(commands: list[Payload], name: str) -> Payload:
    """The command with this name, of any type. Raises OptionError if there is none."""
    for command in commands:
        if command["name"] == name:
            return command
    raise OptionError("", f"There is no command {name!r}.")


def find_menu(commands: list[Payload], kind: int, name: str) -> Payload:
    """A context-menu command. Raises OptionError if there is none."""
    for command in commands:
        if (command["type"], command["name"]) == (kind, name):
            return command
    raise OptionError("", f"There is no entry {name!r} in the menu.")


def check_values(options: list[Payload], values: Payload) -> list[Payload]:
    """Check the options that a member filled in, as Discord's client does before sending.

    Args:
        options: the command's options as registered.
        values: by option name; attachments, users, roles and channels by their ids.

    Returns:
        the options in the shape of an interaction.

    Raises:
        OptionError: with the option and the reason.
    """
    known = {option["name"]: option for option in options}
    for name in values:
        if name not in known:
            raise OptionError(name, "There is no such option.")
    sent = []
    for option in options:
        name = option["name"]
        if name not in values:
            if option.get("required"):
                raise OptionError(name, "This option is required. Specify a value.")
            continue
        value = _checked(option, values[name])
        sent.append({"name": name, "type": option["type"], "value": value})
    return sent


def typed_so_far(options: list[Payload], values: Payload, focused: str) -> list[Payload]:
    """The options while a member types into one of them. They are not checked yet.

    Raises:
        OptionError: there is no such option, or it has no autocomplete.
    """
    known = {option["name"]: option for option in options}
    for name in (*values, focused):
        if name not in known:
            raise OptionError(name, "There is no such option.")
    if not known[focused].get("autocomplete"):
        raise OptionError(focused, "This option has no autocomplete.")
    sent = []
    for name, value in {focused: "", **values}.items():
        option: Payload = {"name": name, "type": known[name]["type"], "value": value}
        sent.append(option | ({"focused": True} if name == focused else {}))
    return sent


def _checked(option: Payload, value: Any) -> Any:
    name, kind = option["name"], option["type"]
    match kind:
        case OptionType.STRING:
            if not isinstance(value, str):
                raise OptionError(name, "Enter text.")
            # Discord's client sends no more than 6,000 characters, and no empty text.
            low, high = option.get("min_length", 0), option.get("max_length", 6000)
            if not max(low, 1) <= len(value) <= high:
                raise OptionError(name, f"The text must have {max(low, 1)} to {high} characters.")
        case OptionType.INTEGER | OptionType.NUMBER:
            value = _checked_number(option, value)
        case OptionType.BOOLEAN:
            if not isinstance(value, bool):
                raise OptionError(name, "Choose True or False.")
        case _:
            if parse_snowflake(str(value)) is None:
                raise OptionError(name, "Choose from the list.")
            value = str(value)
    choices = option.get("choices")
    if choices and value not in [choice["value"] for choice in choices]:
        shown = ", ".join(choice["name"] for choice in choices)
        raise OptionError(name, f"Choose one of: {shown}.")
    return value


def _checked_number(option: Payload, value: Any) -> int | float:
    name = option["name"]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise OptionError(name, "Enter a number.")
    if option["type"] == OptionType.INTEGER and value != int(value):
        raise OptionError(name, "Enter a whole number.")
    low = option.get("min_value", -_SAFE_INTEGER)
    high = option.get("max_value", _SAFE_INTEGER)
    if not low <= value <= high:
        raise OptionError(name, f"The number must be between {low} and {high}.")
    return value
