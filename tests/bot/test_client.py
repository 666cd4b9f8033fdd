"""The client: command registration, intents, errors in handlers, and a clean shutdown."""

import asyncio
import io
import re
from typing import Any

import discord
import pytest
from discord import app_commands

from bot.client import ImagineBot
from core.database.connection import Database
from core.settings import Settings
from sandbox import Member, NoResponseError, Sandbox
from tests.bot.conftest import RESPONSE_TIMEOUT, entries, ephemeral_message, refusal, running_bot

COMMANDS = "PUT /applications/{application_id}/guilds/{guild_id}/commands"


def registrations(sandbox: Sandbox) -> list[Any]:
    return [request.json for request in sandbox.requests if request.name == COMMANDS]


@app_commands.command(name="stumble", description="Fails")
async def stumble(interaction: discord.Interaction) -> None:
    await interaction.response.defer(thinking=True)
    raise ZeroDivisionError("a wheel came off")


async def test_commands_are_registered_once_until_they_change(
    sandbox: Sandbox, settings: Settings, database: Database
) -> None:
    for _ in range(2):
        async with running_bot(sandbox, settings, database):
            pass
    assert len(registrations(sandbox)) == 1
    async with running_bot(sandbox, settings, database, stumble):
        pass
    first, second = (
        [command["name"] for command in registered] for registered in registrations(sandbox)
    )
    assert set(second) == {*first, "stumble"}


async def test_commands_that_discord_lost_are_registered_again(
    sandbox: Sandbox, settings: Settings, database: Database
) -> None:
    async with running_bot(sandbox, settings, database):
        sandbox.commands.overwrite(sandbox.guild.id, [])
    async with running_bot(sandbox, settings, database):
        pass
    assert len(registrations(sandbox)) == 2


async def test_commands_move_with_the_server_setting_and_are_never_listed_twice(
    sandbox: Sandbox, settings: Settings, database: Database
) -> None:
    async with running_bot(sandbox, settings, database):
        assert not sandbox.commands.listed(None)
    global_settings = settings.model_copy(update={"discord_guild_id": None})
    async with running_bot(sandbox, global_settings, database):
        assert not sandbox.commands.listed(sandbox.guild.id)
        names = [command["name"] for command in sandbox.commands.listed(None)]
        assert names[0] == "imagine"
        assert len(names) == len(set(names))


async def test_a_damaged_record_of_the_registration_is_ignored(
    sandbox: Sandbox, settings: Settings, database: Database
) -> None:
    settings.data_dir.mkdir()
    (settings.data_dir / "commands.json").write_text("{")
    async with running_bot(sandbox, settings, database):
        assert len(registrations(sandbox)) == 1


async def test_commands_are_available_in_servers_direct_messages_and_group_chats(
    bot: ImagineBot, sandbox: Sandbox
) -> None:
    commands = {command["name"]: command for command in await sandbox.client.commands()}
    server_only = {"mod", "host", "Report to moderators"}
    for name, command in commands.items():
        assert command["contexts"] == ([0] if name in server_only else [0, 1, 2])
        assert command["integration_types"] == ([0] if name in server_only else [0, 1])


async def test_no_privileged_intent_is_requested(bot: ImagineBot) -> None:
    assert bot.intents == discord.Intents(guilds=True, guild_reactions=True, dm_reactions=True)


async def test_a_failure_shows_the_member_a_code_and_logs_the_traceback(
    sandbox: Sandbox,
    settings: Settings,
    database: Database,
    ada: Member,
    bob: Member,
    logged: io.StringIO,
) -> None:
    async with running_bot(sandbox, settings, database, stumble):
        await ada.slash("stumble")
        text = await refusal(ada)
    assert "a wheel" not in text
    code = re.search(r"incident `([0-9a-f]{6})`", text)
    assert code
    (entry,) = entries(logged, "error")
    assert entry["incident"] == code[1]
    assert "ZeroDivisionError: a wheel came off" in entry["exception"]
    assert not await bob.messages()


async def test_a_failing_button_shows_a_code_and_keeps_its_message(
    bot: ImagineBot, ada: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = await ada.wait_filled(await ada.slash("imagine", include="a red circle"))

    async def broken(job_id: int) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(bot.jobs, "get", broken)
    await ada.press(message, message.buttons[0].custom_id)
    await ephemeral_message(ada, "incident")
    assert await ada.message(message.id)


async def test_an_expired_interaction_is_logged_as_a_warning(
    sandbox: Sandbox, settings: Settings, database: Database, ada: Member, logged: io.StringIO
) -> None:
    started, resume = asyncio.Event(), asyncio.Event()

    @app_commands.command(name="late", description="Answers too late")
    async def late(interaction: discord.Interaction) -> None:
        started.set()
        await resume.wait()
        await interaction.response.defer()

    async with running_bot(sandbox, settings, database, late) as bot:
        request = asyncio.create_task(ada.slash("late"))
        await started.wait()
        sandbox.clock.advance(RESPONSE_TIMEOUT + 1)
        with pytest.raises(NoResponseError):
            await request
        resume.set()
        await bot.close()
    assert any("Unknown interaction" in entry["error"] for entry in entries(logged, "warning"))
    assert not entries(logged, "error")


async def test_the_token_is_never_logged(
    sandbox: Sandbox, settings: Settings, database: Database, ada: Member, logged: io.StringIO
) -> None:
    async with running_bot(sandbox, settings, database):
        await ada.wait_filled(await ada.slash("imagine", include="a red circle"))
    assert logged.getvalue()
    assert sandbox.token not in logged.getvalue()


async def test_a_removed_command_is_explained(
    bot: ImagineBot, sandbox: Sandbox, ada: Member
) -> None:
    sandbox.commands.add(sandbox.guild.id, {"name": "paint", "description": "As it once was"})
    await ada.slash("paint")
    await ephemeral_message(ada, "has changed")


async def test_closing_waits_for_a_running_handler(
    sandbox: Sandbox, settings: Settings, database: Database, ada: Member
) -> None:
    started, resume = asyncio.Event(), asyncio.Event()

    @app_commands.command(name="slow", description="Takes its time")
    async def slow(interaction: discord.Interaction) -> None:
        await interaction.response.defer(ephemeral=True)
        started.set()
        await resume.wait()
        await interaction.edit_original_response(content="Done at last.")

    async with running_bot(sandbox, settings, database, slow) as bot:
        await ada.slash("slow")
        await started.wait()
        closing = asyncio.create_task(bot.close())
        asyncio.get_running_loop().call_soon(resume.set)
        await closing
    await ephemeral_message(ada, "Done at last.")
