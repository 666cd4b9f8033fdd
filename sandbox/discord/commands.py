"""Commands: what a bot may register, and what members may enter."""

import re
from typing import Any

from sandbox.discord import errors
from sandbox.discord.client_errors import OptionError
from sandbox.discord.clock import parse_snowflake
from sandbox.discord.command_permissions import CommandPermissions
from sandbox.discord.constants import DEFAULT_LOCALE, LOCALES, CommandType, ContextType, OptionType
from sandbox.discord.errors import FormErrors
from sandbox.discord.limits import Limits
from sandbox.discord.models import Channel, Payload, User
from sandbox.discord.permissions import Permission
from sandbox.discord.signals import Signal
from sandbox.discord.state import World

CHOICE_TYPES: dict[int, tuple[type, ...]] = {
    OptionType.STRING: (str,),
    OptionType.INTEGER: (int,),
    OptionType.NUMBER: (int, float),
}
"""Option types with choices, and the types of their values."""

DAILY_CREATIONS = 200
_COMMANDS_LIMIT = {CommandType.CHAT_INPUT: 100, CommandType.USER: 15, CommandType.MESSAGE: 15}
_TEXT_LIMIT = 8000
_NAME = re.compile(r"[-_'\w]{1,32}")
_SAFE_INTEGER = 2**53
_CHANNEL_TYPES = frozenset({0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15, 16})


class Commands:
    """The application's registered commands, global and by guild."""

    def __init__(self, world: World, limits: Limits, overrides: CommandPermissions) -> None:
        self._world = world
        self._overrides = overrides
        self._limits = limits
        self._registered: dict[int | None, dict[int, Payload]] = {}
        self._changed = Signal()

    def listed(self, guild_id: int | None) -> list[Payload]:
        """The commands of one scope: a guild's, or the global ones."""
        return list(self._registered.get(guild_id, {}).values())

    def offered(self, guild_id: int | None) -> list[Payload]:
        """The commands of a guild, including the global ones."""
        here = self.listed(guild_id) if guild_id is not None else []
        return here + self.listed(None)

    def offered_in(self, channel: Channel) -> list[Payload]:
        """The commands for a channel. Direct messages have their own."""
        context = ContextType.BOT_DM if channel.guild_id is None else ContextType.GUILD
        return [each for each in self.offered(channel.guild_id) if _is_for(each, context)]

    def shown_to(self, user: User, channel: Channel) -> list[Payload]:
        """The commands that a user can use in a channel, in their language."""
        locale = self._world.locales.get(user.id, DEFAULT_LOCALE)
        return [
            _translated(locale, command)
            for command in self.offered_in(channel)
            if self._refusal(command, user, channel) is None
        ]

    def check_use(self, command: Payload, user: User, channel: Channel) -> None:
        """Refuse a command that the member may not use.

        Raises:
            OptionError: with the reason.
        """
        refusal = self._refusal(command, user, channel)
        if refusal is not None:
            raise OptionError("", refusal)

    def _refusal(self, command: Payload, user: User, channel: Channel) -> str | None:
        """Why a user may not use a command in a channel; None if they may."""
        if channel.guild_id is None:
            return None
        name, permissions = command["name"], self._world.permissions(channel, user)
        if command["nsfw"] and not channel.root.nsfw:
            return f"{name} can be used in age-restricted channels only."
        if Permission.ADMINISTRATOR in permissions:
            return None
        if Permission.USE_APPLICATION_COMMANDS not in permissions:
            return f"You do not have permission to use {name} here."
        if not self._overrides.for_channel(int(command["id"]), channel):
            return f"{name} cannot be used in this channel."
        guild = self._world.guilds[channel.guild_id]
        allowed = self._overrides.for_member(int(command["id"]), guild, guild.members[user.id])
        if allowed is None:
            allowed = _has_default(command, permissions)
        return None if allowed else f"You do not have permission to use {name}."

    async def wait_offered(self, guild_id: int, name: str) -> None:
        """Wait until a guild has a command with this name."""
        await self._changed.wait_until(
            lambda: any(command["name"] == name for command in self.offered(guild_id))
        )

    def get(self, guild_id: int | None, command_id: int) -> Payload:
        command = self._registered.get(guild_id, {}).get(command_id)
        if command is None:
            raise errors.unknown_command()
        return command

    def overwrite(self, guild_id: int | None, commands: Any) -> list[Payload]:
        """Replace all commands of a scope. Those with the same type and name keep their id.

        Raises:
            DiscordError: 50035 for an invalid form, 30034 after 200 new commands in a day.
        """
        check_commands(commands)
        before = {(old["type"], old["name"]): old for old in self.listed(guild_id)}
        new = sum((command.get("type") or 1, command["name"]) not in before for command in commands)
        if not self._limits.take_new_commands(str(guild_id), new, DAILY_CREATIONS):
            raise errors.daily_commands_reached()
        after = [self._registered_form(command, guild_id, before) for command in commands]
        self._registered[guild_id] = {int(command["id"]): command for command in after}
        self._changed.notify()
        return after

    def add(self, guild_id: int | None, command: Payload) -> Payload:
        """Register one command, replacing one with the same type and name."""
        key = (command.get("type") or 1, command.get("name"))
        others = [old for old in self.listed(guild_id) if (old["type"], old["name"]) != key]
        before = {(old["type"], old["name"]): old for old in self.listed(guild_id)}
        check_commands([*others, command])
        if key not in before and not self._limits.take_new_commands(
            str(guild_id), 1, DAILY_CREATIONS
        ):
            raise errors.daily_commands_reached()
        form = self._registered_form(command, guild_id, before)
        self._registered.setdefault(guild_id, {})[int(form["id"])] = form
        self._changed.notify()
        return form

    def remove(self, guild_id: int | None, command_id: int) -> None:
        self.get(guild_id, command_id)
        del self._registered[guild_id][command_id]

    def _registered_form(
        self, command: Payload, guild_id: int | None, before: dict[tuple[int, str], Payload]
    ) -> Payload:
        kind = command.get("type") or CommandType.CHAT_INPUT
        allowed = command.get("default_member_permissions")
        form: Payload = {
            "application_id": str(self._world.application.id),
            "type": kind,
            "name": command["name"],
            "name_localizations": command.get("name_localizations") or None,
            "description": command.get("description") or "",
            "description_localizations": command.get("description_localizations") or None,
            "default_member_permissions": None if allowed is None else str(allowed),
            "dm_permission": command.get("dm_permission") is not False,
            "contexts": command.get("contexts"),
            "integration_types": command.get("integration_types") or [0],
            "nsfw": bool(command.get("nsfw")),
        }
        options = [_registered_option(option) for option in command.get("options") or ()]
        if options:
            form["options"] = options
        if guild_id is not None:
            form["guild_id"] = str(guild_id)
            del form["dm_permission"]
        old = before.get((kind, command["name"]))
        identity = {"id": old["id"], "version": old["version"]} if old else {}
        if old is None or {**form, **identity} != old:
            fresh = str(self._world.ids.new())
            identity = {"id": old["id"] if old else fresh, "version": fresh}
        return {**identity, **form}


def _is_for(command: Payload, context: ContextType) -> bool:
    if "guild_id" in command:
        return context == ContextType.GUILD
    if command["contexts"] is not None:
        return context in command["contexts"]
    return context == ContextType.GUILD or bool(command["dm_permission"])


def _has_default(command: Payload, permissions: Permission) -> bool:
    """Whether a member meets a command's default permissions; 0 means administrators only."""
    needed = command["default_member_permissions"]
    if needed is None:
        return True
    return int(needed) != 0 and int(needed) & permissions == int(needed)


def without_localizations(part: Payload) -> Payload:
    """A command without its translations, as the API lists it by default."""
    shown = {key: value for key, value in part.items() if not key.endswith("_localizations")}
    for inner in ("options", "choices"):
        if inner in shown:
            shown[inner] = [without_localizations(each) for each in shown[inner]]
    return shown


def _translated(locale: str, part: Payload) -> Payload:
    """A command, option or choice in one language."""
    shown = without_localizations(part)
    for key in ("name", "description"):
        words = (part.get(f"{key}_localizations") or {}).get(locale)
        shown |= {key: words} if words else {}
    if shown["name"] != part["name"]:
        shown["original_name"] = part["name"]  # the name that is sent
    for inner in ("options", "choices"):
        if inner in part:
            shown[inner] = [_translated(locale, each) for each in part[inner]]
    return shown


def _registered_option(option: Payload) -> Payload:
    form = {key: value for key, value in option.items() if value is not None}
    if option["type"] not in (OptionType.SUBCOMMAND, OptionType.SUBCOMMAND_GROUP):
        form["required"] = bool(option.get("required"))
        if not form["required"]:
            del form["required"]
    if "options" in form:
        form["options"] = [_registered_option(inner) for inner in form["options"]]
    return form


# What a bot may register


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
                wrong.add(here, "DICT_TYPE_INVALID_KEY", f"{locale} is no locale of Discord's.")
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
            wrong.add(place, "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", f"{low} does not fit here")
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
            "Autocomplete does not fit here",
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


# What a member may enter


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
                raise OptionError(name, "Enter a text.")
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
                raise OptionError(name, "Choose one of those shown.")
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
