"""Validates the commands that a bot registers, as Discord does."""

import re
from typing import Any

from sandbox.discord.constants import LOCALES, CommandType, OptionType
from sandbox.discord.errors import FormErrors
from sandbox.discord.models import Payload

CHOICE_TYPES: dict[int, tuple[type, ...]] = {
    OptionType.STRING: (str,),
    OptionType.INTEGER: (int,),
    OptionType.NUMBER: (int, float),
}
"""Option types with choices, and the types of their values."""

_COMMANDS_LIMIT = {CommandType.CHAT_INPUT: 100, CommandType.USER: 15, CommandType.MESSAGE: 15}
_TEXT_LIMIT = 8000
_NAME = re.compile(r"[-_'\w]{1,32}")
_CHANNEL_TYPES = frozenset({0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15, 16})


def check_commands(commands: Any) -> None:
    """Check the commands of a scope as Discord does.

    Raises:
        DiscordError: 50035 with every error at its path.
    """
    wrong = FormErrors()
    seen: set[tuple[int, str]] = set()
    for index, command in enumerate(commands):
        kind, name = command.get("type") or CommandType.CHAT_INPUT, command.get("name") or ""
        _check_name(wrong, f"{index}.name", name, plain=kind == CommandType.CHAT_INPUT)
        _check_translations(wrong, str(index), command, plain=kind == CommandType.CHAT_INPUT)
        if (kind, name) in seen:
            wrong.add(
                str(index),
                "APPLICATION_COMMANDS_DUPLICATE_NAME",
                "Application command names must be unique",
            )
        seen.add((kind, name))
        if kind == CommandType.CHAT_INPUT:
            _check_text(wrong, f"{index}.description", command.get("description"), 100)
            _check_options(wrong, str(index), command.get("options") or [])
        elif command.get("description") or command.get("options"):
            wrong.add(
                f"{index}.description",
                "APPLICATION_COMMAND_CONTEXT_MENU_DESCRIPTION",
                "Context menu commands cannot have a description or options",
            )
        if _length(command) > _TEXT_LIMIT:
            wrong.add(
                str(index),
                "APPLICATION_COMMAND_TOO_LARGE",
                "Command exceeds maximum size (8000)",
            )
    for kind, limit in _COMMANDS_LIMIT.items():
        if sum(each == kind for each, _ in seen) > limit:
            wrong.too_long("", limit)
    wrong.raise_if_any()


def _check_name(wrong: FormErrors, place: str, name: str, *, plain: bool) -> None:
    if not name or len(name) > 32:
        wrong.add(place, "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 32 in length.")
    elif plain and (not _NAME.fullmatch(name) or name != name.lower()):
        wrong.add(
            place,
            "APPLICATION_COMMAND_INVALID_NAME",
            "Command name is invalid",
        )


def _check_translations(wrong: FormErrors, place: str, part: Payload, *, plain: bool) -> None:
    """Translated names and descriptions follow the same rules as the originals."""
    for key in ("name", "description"):
        translations = part.get(f"{key}_localizations") or {}
        for locale, words in translations.items():
            here = f"{place}.{key}_localizations.{locale}"
            if locale not in LOCALES:
                wrong.add(
                    here, "DICT_TYPE_INVALID_KEY", f"{locale} is not one of Discord's locales."
                )
            elif key == "name":
                _check_name(wrong, here, words, plain=plain)
            else:
                _check_text(wrong, here, words, 100)


def _check_text(wrong: FormErrors, place: str, text: Any, limit: int) -> None:
    if not isinstance(text, str) or not 1 <= len(text) <= limit:
        wrong.add(place, "BASE_TYPE_BAD_LENGTH", f"Must be between 1 and {limit} in length.")


def _check_options(wrong: FormErrors, place: str, options: list[Payload]) -> None:
    if len(options) > 25:
        wrong.too_long(f"{place}.options", 25)
    seen: set[str] = set()
    optional_before = False
    for index, option in enumerate(options):
        here = f"{place}.options.{index}"
        name, kind = option.get("name") or "", option.get("type")
        _check_name(wrong, f"{here}.name", name, plain=True)
        _check_text(wrong, f"{here}.description", option.get("description"), 100)
        _check_translations(wrong, here, option, plain=True)
        if name in seen:
            wrong.add(
                here, "APPLICATION_COMMAND_OPTIONS_NAME_INVALID", "Option names must be unique"
            )
        seen.add(name)
        if kind in (OptionType.SUBCOMMAND, OptionType.SUBCOMMAND_GROUP):
            _check_options(wrong, here, option.get("options") or [])
            continue
        if kind not in range(OptionType.STRING, OptionType.ATTACHMENT + 1):
            wrong.add(f"{here}.type", "BASE_TYPE_CHOICES", "Value must be one of 1 to 11.")
        if option.get("required") and optional_before:
            wrong.add(
                here,
                "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
                "Required options must be placed before non-required options",
            )
        optional_before = optional_before or not option.get("required")
        _check_range(wrong, here, option)
        _check_choices(wrong, here, option)
        if not _CHANNEL_TYPES.issuperset(option.get("channel_types") or ()):
            wrong.add(f"{here}.channel_types", "BASE_TYPE_CHOICES", "There is no such type.")


def _check_range(wrong: FormErrors, place: str, option: Payload) -> None:
    numeric = option["type"] in (OptionType.INTEGER, OptionType.NUMBER)
    for low, high, fits in (
        ("min_value", "max_value", numeric),
        ("min_length", "max_length", option["type"] == OptionType.STRING),
    ):
        given = [option.get(low), option.get(high)]
        if any(value is not None for value in given) and not fits:
            wrong.add(
                place, "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", f"{low} is not allowed here"
            )
        smallest, largest = given
        if smallest is not None and largest is not None and smallest > largest:
            wrong.add(
                f"{place}.{low}",
                "APPLICATION_COMMAND_OPTIONS_MIN_VALUE_INVALID",
                f"{low} must be less than or equal to {high}",
            )


def _check_choices(wrong: FormErrors, place: str, option: Payload) -> None:
    choices = option.get("choices") or []
    if len(choices) > 25:
        wrong.too_long(f"{place}.choices", 25)
    if choices and option.get("autocomplete"):
        wrong.add(
            place,
            "APPLICATION_COMMAND_OPTIONS_AUTOCOMPLETE_INVALID",
            "Autocomplete cannot be used together with choices",
        )
    if option.get("autocomplete") and option["type"] not in CHOICE_TYPES:
        wrong.add(
            place,
            "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID",
            "Autocomplete is not allowed here",
        )
    for index, choice in enumerate(choices):
        _check_text(wrong, f"{place}.choices.{index}.name", choice.get("name"), 100)
        for locale, words in (choice.get("name_localizations") or {}).items():
            _check_text(wrong, f"{place}.choices.{index}.name_localizations.{locale}", words, 100)
        if not fits_choice(option["type"], choice.get("value")):
            wrong.add(
                f"{place}.choices.{index}.value",
                "APPLICATION_COMMAND_OPTIONS_CHOICE_VALUE_INVALID",
                "The value does not fit the type of the option",
            )
    if len({choice.get("name") for choice in choices}) < len(choices):
        wrong.add(
            f"{place}.choices",
            "APPLICATION_COMMAND_OPTIONS_CHOICE_NAME_ALREADY_EXISTS",
            "Option choice names must be unique",
        )


def fits_choice(kind: int, value: Any) -> bool:
    """Whether a choice of an option of this type may have this value."""
    if isinstance(value, bool) or not isinstance(value, CHOICE_TYPES.get(kind, ())):
        return False
    return not isinstance(value, str) or 1 <= len(value) <= 100


def _length(part: Payload) -> int:
    """The characters that count towards a command's limit of 8,000."""
    own = len(part.get("name") or "") + len(part.get("description") or "")
    choices = part.get("choices") or ()
    own += sum(len(choice["name"]) + len(str(choice.get("value"))) for choice in choices)
    return own + sum(_length(option) for option in part.get("options") or ())
