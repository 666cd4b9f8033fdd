"""`python -m bot` as a process: it stops on a signal, and explains why it can't run."""

import asyncio
import os
import re
import signal
import sqlite3
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from pathlib import Path
from typing import Self

import aiohttp
import pytest
from PIL import Image

import bot.__main__
from core.database.connection import Database
from core.database.queue import JobQueue
from core.settings import Settings
from sandbox import Sandbox
from tests.bot.conftest import TIMEOUT, WRONG_PATH

pytestmark = pytest.mark.slow

FIX_FIRST, TRY_LATER = 78, 1
LOG_BYTES = 2**24
"""Room for the whole log: a bot whose full pipe nobody reads would stop."""


async def start(settings: Settings, folder: Path, **variables: str) -> Process:
    token = settings.discord_token
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.getcwd(),
        "DISCORD_TOKEN": token.get_secret_value() if token else "",
        "DISCORD_API_URL": settings.discord_api_url,
        "DISCORD_GUILD_ID": str(settings.discord_guild_id),
        "DATABASE_PATH": str(settings.database_path),
        "DATA_DIR": str(settings.data_dir),
        "LOG_LEVEL": "DEBUG",
        **variables,
    }
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot"),
        env=environment,
        cwd=folder,
        stdout=PIPE,
        stderr=PIPE,
        limit=LOG_BYTES,
    )


async def test_a_lost_cancellation_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bot.__main__, "GRACE_SECONDS", -0.99)
    lost = 0

    async def stubborn() -> None:
        nonlocal lost
        while lost < 2:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                lost += 1
        await asyncio.sleep(60)

    running = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    await bot.__main__.cancel_and_wait(running)
    assert running.cancelled()
    assert lost == 2


async def test_the_delay_starts_over_after_a_good_connection(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each bot ends with an error, but the fifth connects first."""
    connected = iter([False, False, False, False, True, False, False])
    delays: list[float] = []

    class Client:
        connected = was_ready = False

        async def __aenter__(self) -> Self:
            return self

        async def __aexit__(self, *_: object) -> None:
            pass

        async def start(self, token: str) -> None:
            self.was_ready = next(connected)
            raise aiohttp.ClientConnectionError

    async def sleep(seconds: float) -> None:
        delays.append(seconds)
        if len(delays) == 7:
            raise asyncio.CancelledError

    monkeypatch.setattr(bot.__main__, "make_bot", lambda *_: Client())
    monkeypatch.setattr(bot.__main__, "FIRST_RETRY", 1.0)
    monkeypatch.setattr(bot.__main__, "LONGEST_RETRY", 6.0)
    monkeypatch.setattr(asyncio, "sleep", sleep)
    with pytest.raises(asyncio.CancelledError):
        await bot.__main__.serve(settings, database)
    assert delays == [1, 2, 4, 6, 1, 2, 4]


async def log_tail(process: Process, status: int) -> str:
    """The last line on standard error of a process that ends with this status, not a traceback."""
    output, errors = await process.communicate()
    assert process.returncode == status, errors.decode()
    assert not output
    assert "Traceback" not in errors.decode()
    return errors.decode().splitlines()[-1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_shuts_it_down_cleanly(
    sandbox: Sandbox, settings: Settings, tmp_path: Path, number: signal.Signals
) -> None:
    process = await start(settings, tmp_path)
    await sandbox.client.wait_for_command("imagine")
    process.send_signal(number)
    _, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    assert "Traceback" not in errors.decode()
    assert sandbox.token not in errors.decode()
    await sandbox.gateway.wait_connected(connected=False)


async def test_stored_files_are_readable_only_by_their_owner(
    sandbox: Sandbox, settings: Settings, tmp_path: Path
) -> None:
    umask = os.umask(0o022)
    try:
        process = await start(settings, tmp_path)
    finally:
        os.umask(umask)
    await sandbox.client.wait_for_command("imagine")
    ada = await sandbox.member("Ada")
    Image.new("RGB", (9, 9)).save(tmp_path / "own.png")
    await ada.wait_filled(await ada.slash("imagine", include="x", image=tmp_path / "own.png"))
    (uploaded,) = (settings.data_dir / "initial").iterdir()
    database = settings.database_path
    database_files = [Path(f"{database}{end}") for end in ("", "-wal", "-shm", ".deletions")]
    for path in (settings.data_dir, uploaded.parent, uploaded, *database_files):
        assert path.stat().st_mode & 0o077 == 0, path
    process.terminate()
    await process.communicate()


async def test_a_missing_token_is_explained_with_where_to_get_one(
    settings: Settings, tmp_path: Path
) -> None:
    process = await start(settings, tmp_path, DISCORD_TOKEN="")
    explanation = await log_tail(process, FIX_FIRST)
    assert "DISCORD_TOKEN is not set" in explanation
    assert ".env.example" in explanation
    assert "https://discord.com/developers/applications" in explanation


def test_help_fits_on_a_screen_and_lists_only_existing_settings(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        bot.__main__.main(["--help"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    named = set(re.findall(r"^  ([A-Z_]+)  ", "\n".join(lines), re.MULTILINE))
    assert "DISCORD_TOKEN" in named
    assert named <= {name.upper() for name in Settings.model_fields}


async def test_a_wrong_token_is_explained(settings: Settings, tmp_path: Path) -> None:
    process = await start(settings, tmp_path, DISCORD_TOKEN="not.the.token")
    assert "does not accept the token" in await log_tail(process, FIX_FIRST)


async def test_a_wrong_address_is_explained(settings: Settings, tmp_path: Path) -> None:
    wrong = settings.discord_api_url + WRONG_PATH
    process = await start(settings, tmp_path, DISCORD_API_URL=wrong)
    assert "check DISCORD_API_URL" in await log_tail(process, FIX_FIRST)


async def test_a_server_that_has_not_invited_the_bot_is_explained(
    settings: Settings, tmp_path: Path
) -> None:
    process = await start(settings, tmp_path, DISCORD_GUILD_ID="1234")
    assert "applications.commands" in await log_tail(process, FIX_FIRST)


async def test_a_newer_database_is_explained(settings: Settings, tmp_path: Path) -> None:
    with sqlite3.connect(settings.database_path) as database:
        database.execute("PRAGMA user_version = 999")
    process = await start(settings, tmp_path)
    assert "newer version" in await log_tail(process, FIX_FIRST)


async def test_a_damaged_database_is_explained(settings: Settings, tmp_path: Path) -> None:
    settings.database_path.write_bytes(b"no database at all, whatever its name says" * 100)
    process = await start(settings, tmp_path)
    assert "not a database" in await log_tail(process, FIX_FIRST)


async def test_a_locked_database_is_explained(settings: Settings, tmp_path: Path) -> None:
    database = sqlite3.connect(settings.database_path, isolation_level=None)
    database.execute("BEGIN EXCLUSIVE")
    process = await start(settings, tmp_path)
    assert "locked" in await log_tail(process, TRY_LATER)
    database.close()


async def test_it_keeps_trying_while_discord_does_not_answer(
    settings: Settings, sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.faults.reset("GET /users/@me", times=3)  # aiohttp itself tries twice
    process = await start(settings, tmp_path)
    await sandbox.client.wait_for_command("imagine")
    process.terminate()
    _, errors = await process.communicate()
    assert process.returncode == 0
    assert "Discord does not answer" in errors.decode()


async def test_its_health_endpoint_reports_whether_it_is_connected(
    settings: Settings, sandbox: Sandbox, tmp_path: Path, unused_tcp_port: int
) -> None:
    sandbox.faults.reset("GET /users/@me", times=1000)
    process = await start(settings, tmp_path, BOT_METRICS=str(unused_tcp_port))
    async with aiohttp.ClientSession(f"http://127.0.0.1:{unused_tcp_port}") as session:

        async def health() -> tuple[int, str]:
            async with session.get("/healthz") as answer:
                return answer.status, await answer.text()

        async def until(status: int) -> None:
            async with asyncio.timeout(TIMEOUT):
                while True:
                    with suppress(aiohttp.ClientConnectionError):
                        if (await health())[0] == status:
                            return
                    await asyncio.sleep(0.05)

        await until(503)
        assert await health() == (503, "The bot is not connected to Discord.")
        sandbox.faults.clear()
        await until(200)
        async with session.get("/metrics") as answer:
            assert 'imagine_discord_responses_total{status="200"}' in await answer.text()
    process.terminate()
    await process.communicate()
    assert process.returncode == 0


async def test_a_job_outlives_the_bot(settings: Settings, sandbox: Sandbox, tmp_path: Path) -> None:
    process = await start(settings, tmp_path)
    await sandbox.client.wait_for_command("imagine")
    ada = await sandbox.member("Ada")
    message = await ada.wait_filled(await ada.slash("imagine", include="a red circle"))
    process.kill()
    await process.communicate()
    async with Database.open(settings.database_path) as database:
        (job,) = await JobQueue(database).waiting()
        assert job.message_id == message.id
