"""Registers the commands with Discord, but only if they have changed.

Discord allows 200 new commands a day, and clients reload commands that are registered again. So a
small file records what was registered, and the bot asks Discord whether it still has exactly that.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import discord
import structlog
from discord import app_commands
from pydantic import BaseModel, ConfigDict, ValidationError

log = structlog.stdlib.get_logger(__name__)


class Registration(BaseModel):
    """The last registration."""

    model_config = ConfigDict(frozen=True)

    application_id: int
    guild_id: int | None
    """The server that the commands are registered in; None for all."""
    wanted: str
    """A checksum of the commands as the code declares them."""
    versions: dict[str, str]
    """Discord's version of each command by its id."""


async def register(
    tree: app_commands.CommandTree[Any], guild: discord.Object | None, record: Path
) -> bool:
    """Registers the tree's commands, in one server or in all; returns False if nothing changed.

    `record` is the file that stores the last registration. Raises discord.HTTPException.
    """
    client = tree.client
    assert client.application_id is not None  # known after login
    if guild:
        tree.copy_global_to(guild=guild)
    before = _load(record)
    wanted = await _wanted(tree, guild)
    now = Registration(
        application_id=client.application_id,
        guild_id=guild.id if guild else None,
        wanted=_checksum(wanted),
        versions=await _versions(client, guild),
    )
    if now == before:
        return False
    await _overwrite(client, now.guild_id, wanted)
    if before and before.application_id == now.application_id and before.guild_id != now.guild_id:
        await _withdraw(client, before)
    _save(record, now.model_copy(update={"versions": await _versions(client, guild)}))
    return True


async def _wanted(
    tree: app_commands.CommandTree[Any], guild: discord.Object | None
) -> list[dict[str, Any]]:
    """The commands as the code declares them, in all languages."""
    commands = tree.get_commands(guild=guild)
    if tree.translator is None:
        return [command.to_dict(tree) for command in commands]
    return [await command.get_translated_payload(tree, tree.translator) for command in commands]


async def _overwrite(
    client: discord.Client, guild_id: int | None, commands: list[dict[str, Any]]
) -> None:
    """Registers exactly these commands. `tree.sync` would translate them again."""
    assert client.application_id is not None
    if guild_id is None:
        await client.http.bulk_upsert_global_commands(client.application_id, payload=commands)
    else:
        await client.http.bulk_upsert_guild_commands(
            client.application_id, guild_id, payload=commands
        )


async def _versions(client: discord.Client, guild: discord.Object | None) -> dict[str, str]:
    """Discord's version of each registered command, by the command's id."""
    assert client.application_id is not None
    commands: list[Any]
    if guild:
        commands = await client.http.get_guild_commands(client.application_id, guild.id)
    else:
        commands = await client.http.get_global_commands(client.application_id)
    return {str(command["id"]): str(command["version"]) for command in commands}


async def _withdraw(client: discord.Client, old: Registration) -> None:
    """Removes the commands of the previous scope, which would now appear twice."""
    try:
        await _overwrite(client, old.guild_id, [])
    except discord.HTTPException as error:
        log.warning("commands of the previous scope not removed", error=str(error))


def _checksum(payload: list[Any]) -> str:
    ordered = sorted(payload, key=lambda command: str(command["name"]))
    return hashlib.sha256(json.dumps(ordered, sort_keys=True).encode()).hexdigest()


def _load(record: Path) -> Registration | None:
    try:
        return Registration.model_validate_json(record.read_bytes())
    except (OSError, ValidationError):
        return None  # register again, which does no harm


def _save(record: Path, registration: Registration) -> None:
    try:
        record.parent.mkdir(parents=True, exist_ok=True)
        record.write_text(registration.model_dump_json(indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        log.warning("registered commands not recorded", error=str(error))
