"""What the bot reports to its host once it is ready."""

import asyncio
import io

from core.database.connection import Database
from core.settings import Settings
from sandbox import Sandbox
from sandbox.discord.permissions import Permission
from tests.bot.conftest import TIMEOUT, entries, running_bot


async def findings(
    sandbox: Sandbox, settings: Settings, database: Database, logged: io.StringIO
) -> tuple[list[str], list[str]]:
    """What the bot reports as fine, and its warnings. It checks the disk last."""
    async with running_bot(sandbox, settings, database), asyncio.timeout(TIMEOUT):
        while True:
            if "are free for images" in logged.getvalue():
                break
            await asyncio.sleep(0.01)
    report = {
        level: [
            entry["event"] for entry in entries(logged, level) if entry["logger"] == "bot.health"
        ]
        for level in ("info", "warning", "error")
    }
    assert not report["error"]
    return report["info"], report["warning"]


async def test_a_healthy_installation_logs_no_warning(
    sandbox: Sandbox, settings: Settings, database: Database, logged: io.StringIO
) -> None:
    good, bad = await findings(sandbox, settings, database, logged)
    assert not bad
    for text in (
        "discord.py",
        "privileged intents",
        "can post images in #imagine of the server Painters",
        "is intact",
    ):
        assert any(text in sentence for sentence in good)


async def test_channels_with_missing_permissions_are_listed_with_what_is_missing(
    sandbox: Sandbox, settings: Settings, database: Database, logged: io.StringIO
) -> None:
    world, everyone = sandbox.world, sandbox.guild.id
    for name, denied in {
        "quiet": Permission.SEND_MESSAGES,
        "still": Permission.SEND_MESSAGES,
        "hidden": Permission.VIEW_CHANNEL,
        "plain": Permission.EMBED_LINKS | Permission.ATTACH_FILES,
    }.items():
        world.overwrite(world.add_channel(sandbox.guild, name), everyone, deny=denied)
    good, (plain,) = await findings(sandbox, settings, database, logged)
    assert "lacks Embed Links and Attach Files in #plain of the server Painters" in plain
    assert any("#quiet, #still" in sentence and "Send Messages" in sentence for sentence in good)
    assert any("#hidden" in sentence and "View Channel" in sentence for sentence in good)


async def test_a_server_without_a_visible_channel_is_a_warning(
    sandbox: Sandbox, settings: Settings, database: Database, logged: io.StringIO
) -> None:
    for channel in sandbox.guild.channels.values():
        sandbox.world.overwrite(channel, sandbox.guild.id, deny=Permission.VIEW_CHANNEL)
    _, (warning,) = await findings(sandbox, settings, database, logged)
    assert "lacks View Channel in #" in warning
