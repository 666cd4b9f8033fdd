"""Each check finds what is wrong and tells the host how to fix it."""

import shutil
from pathlib import Path
from typing import Any, NamedTuple

import discord
import pytest

from core.database.connection import Database
from core.database.jobs import Jobs
from core.health import Severity, check_access, check_application, check_database, check_disk
from core.job import NewJob
from core.recipe import Recipe
from core.settings import Settings


class Usage(NamedTuple):
    """What `shutil.disk_usage` returns."""

    total: int
    used: int
    free: int


def test_an_interactions_endpoint_url_is_an_error() -> None:
    application = discord.AppInfo.__new__(discord.AppInfo)
    application.interactions_endpoint_url = None
    assert check_application(application).severity is Severity.OK
    application.interactions_endpoint_url = "https://example.org/interactions"
    finding = check_application(application)
    assert finding.severity is Severity.ERROR
    assert "clear “Interactions Endpoint URL”" in finding.sentence


async def test_a_damaged_database_is_an_error(path: Path) -> None:
    recipe = Recipe.make("a red circle", width=64, height=64, steps=10)
    async with Database.open(path) as database:
        for member in range(40):
            await Jobs(database).insert(
                NewJob(
                    recipe=recipe,
                    guild_id=1,
                    channel_id=2,
                    message_id=3,
                    member_id=member,
                    member_name="Ada",
                )
            )
        finding = await check_database(database, path)
    assert finding.severity is Severity.OK
    assert "40 jobs are waiting" in finding.sentence
    corrupt_a_page(path)
    async with Database.open(path) as database:
        finding = await check_database(database, path)
    assert finding.severity is Severity.ERROR
    assert "restore a backup" in finding.sentence


def corrupt_a_page(path: Path) -> None:
    content = path.read_bytes()
    offset = content.index(b"a red circle") // 4096 * 4096
    path.write_bytes(content[:offset] + b"\xff" * 4096 + content[offset + 4096 :])


def test_a_full_disk_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(data_dir=tmp_path / "not" / "there" / "yet")
    assert check_disk(settings).severity is Severity.OK
    queried: list[Any] = []

    def full_disk_usage(folder: Path) -> Usage:
        queried.append(folder)
        return Usage(10**12, 10**12 - 5 * 10**6, 5 * 10**6)

    monkeypatch.setattr(shutil, "disk_usage", full_disk_usage)
    finding = check_disk(settings)
    assert finding.severity is Severity.ERROR
    assert finding.sentence.startswith("Only 5 MB are free")
    assert queried == [tmp_path]


def test_a_file_that_others_can_read_is_a_warning(tmp_path: Path) -> None:
    settings = Settings(database_path=tmp_path / "imagine.db", data_dir=tmp_path / "data")
    env_file = tmp_path / ".env"
    assert list(check_access(settings, env_file)) == []
    for path in (env_file, settings.database_path):
        path.touch(0o600)
    (finding,) = check_access(settings, env_file)
    assert finding.severity is Severity.OK
    env_file.chmod(0o644)
    settings.data_dir.mkdir()
    settings.data_dir.chmod(0o750)
    findings = list(check_access(settings, env_file))
    assert {finding.severity for finding in findings} == {Severity.WARNING}
    for path, finding in zip((env_file, settings.data_dir), findings, strict=True):
        assert f"`chmod go= {path}`" in finding.sentence
