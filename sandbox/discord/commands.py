"""The commands that the bot has registered, and who may use them."""

from typing import Any

from sandbox.discord import errors
from sandbox.discord.client_errors import OptionError
from sandbox.discord.command_permissions import CommandPermissions
from sandbox.discord.command_schema import check_commands
from sandbox.discord.constants import DEFAULT_LOCALE, CommandType, ContextType, OptionType
from sandbox.discord.limits import Limits
from sandbox.discord.models import Channel, Payload, User
from sandbox.discord.permissions import Permission
from sandbox.discord.signals import Signal
from sandbox.discord.state import World

DAILY_CREATIONS = 200


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

    def offered_in(self, channel: Channel, user: User) -> list[Payload]:
        """The commands for a user in a channel, which depend on the kind of channel.

        Either the guild has the bot, or the user has added it to their account.
        """
        installed = {int(kind) for kind in self._world.installations(user, channel)}
        return [
            each
            for each in self.offered(channel.guild_id)
            if _is_for(each, channel.context) and installed & set(each["integration_types"])
        ]

    def shown_to(self, user: User, channel: Channel) -> list[Payload]:
        """The commands that a user can use in a channel, in their language."""
        locale = self._world.locales.get(user.id, DEFAULT_LOCALE)
        return [
            _translated(locale, command)
            for command in self.offered_in(channel, user)
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
