"""`python -m sandbox` as a separate process; access to the server; transcripts."""

import asyncio
import io
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import discord
import pytest
import yarl

from sandbox import InteractionError, Member, Sandbox, SandboxClient
from tests.sandbox.conftest import Bot

pytestmark = pytest.mark.slow


@asynccontextmanager
async def sandbox_process() -> AsyncIterator[tuple[dict[str, str], asyncio.subprocess.Process]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sandbox", "--json", stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        yield json.loads(await process.stdout.readline()), process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            await process.wait()


async def test_a_sandbox_in_another_process_can_be_driven(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with sandbox_process() as (addresses, process):
        monkeypatch.setattr(discord.http.Route, "BASE", addresses["DISCORD_API_URL"])
        client = discord.Client(intents=discord.Intents.default())
        tree = discord.app_commands.CommandTree(client)

        @tree.command(description="Say hello.")
        async def hello(interaction: discord.Interaction) -> None:
            await interaction.response.send_message("Hello")

        await client.login(addresses["DISCORD_TOKEN"])
        gateway = await client.http.request(discord.http.Route("GET", "/gateway/bot"))
        monkeypatch.setattr(
            discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", yarl.URL(gateway["url"])
        )
        await tree.sync()
        connection = asyncio.create_task(client.connect())
        async with SandboxClient(addresses["SANDBOX_URL"], addresses["SANDBOX_TOKEN"]) as control:
            await control.wait_for_command("hello")
            member = await control.member("Ada")
            reply = await member.slash("hello")
            assert reply.message is not None
            assert reply.message.content == "Hello"
            assert any(each["method"] == "PUT" for each in await control.requests())
        await client.close()
        await connection
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0


async def test_the_control_api_requires_its_token(local: Sandbox) -> None:
    async with SandboxClient(local.url, "guessed") as stranger:
        with pytest.raises(InteractionError, match="control token"):
            await stranger.member("Mallory")
    async with aiohttp.ClientSession() as session, session.get(f"{local.url}/sandbox") as response:
        assert response.status == 401


async def test_the_server_listens_on_loopback_only(local: Sandbox) -> None:
    assert local.url.startswith("http://127.0.0.1:")
    assert local.gateway.url.startswith("ws://127.0.0.1:")


async def test_a_transcript_shows_what_the_member_saw(
    local: Sandbox, bot: Bot, ada: Member, png: bytes
) -> None:
    @bot.tree.command(description="Paint a picture.")
    async def imagine(interaction: discord.Interaction, include: str) -> None:
        embed = discord.Embed(title=include).set_image(url="attachment://final.png")
        embed.add_field(name="Seed", value="7")
        view = discord.ui.View()
        view.add_item(discord.ui.Button(label="Cancel", custom_id="cancel"))
        file = discord.File(io.BytesIO(png), "final.png")
        await interaction.response.send_message(embed=embed, view=view, file=file)

    await bot.go_online()
    await ada.slash("imagine", include="a **bold** <script>alert(1)</script> circle")
    text = await ada.transcript()
    for part in ("Ada used /imagine", "**Imagine** APP", "**Seed** 7", "[ Cancel ]", "final.png"):
        assert part in text
    page = await ada.transcript("html")
    assert "<strong>bold</strong>" in page
    assert "<script>" not in page
    assert 'src="data:image/png;base64,' in page
    assert "http://" not in page  # the page is self-contained
