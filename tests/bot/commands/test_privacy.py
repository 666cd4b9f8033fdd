"""/privacy: members get everything that is kept about them, and can delete it."""

import io
import json
import zipfile
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bot.client import ImagineBot
from core.database.audit_log import AuditLog
from core.database.blocks import Blocks
from core.database.connection import Database
from core.database.members import Members, Preferences
from core.database.personal_data import PersonalData, Summary
from core.database.queue import JobQueue
from core.database.reports import Reports
from core.recipe import Recipe
from core.settings import Settings
from core.storage.paths import folder_of
from sandbox import Member, MessageView, Sandbox
from sandbox.discord.constants import FILE_LIMIT
from tests.bot.conftest import ephemeral_message, press_button, request_image, wait_for_deletions


async def records(member: Member, *, archives: int = 1) -> dict[str, list[dict[str, Any]]]:
    """The records in all files that /privacy sends, merged."""
    found: dict[str, list[dict[str, Any]]] = {}
    suffixes = [f"-{n}-of-{archives}" for n in range(1, archives + 1)] if archives > 1 else [""]
    for name in (f"imagine{suffix}.zip" for suffix in suffixes):
        message = await member.wait_for(partial(has_file, name=name))
        (file,) = message.files
        content = await member.download(file)
        assert len(content) <= FILE_LIMIT
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for kind in archive.namelist():
                found.setdefault(kind, []).extend(json.loads(archive.read(kind)))
    return found


def has_file(message: MessageView, name: str) -> bool:
    return any(file.filename == name for file in message.files)


async def test_all_data_of_a_member_is_deleted_and_nothing_of_others(
    bot: ImagineBot,
    sandbox: Sandbox,
    database: Database,
    settings: Settings,
    ada: Member,
    bob: Member,
    rendered_job: Any,
    tmp_path: Path,
) -> None:
    for name in ("own", "shared"):
        Image.new("RGB", (9, 9), "red" if name == "own" else "blue").save(tmp_path / f"{name}.png")
    job, job_message = await rendered_job(
        ada, count=2, image=tmp_path / "own.png", like=tmp_path / "shared.png"
    )
    other_job, other_message = await rendered_job(bob, image=tmp_path / "shared.png")
    waiting = await request_image(ada)
    members = Members(database)
    await members.toggle_favourite(bob.id, job.id, limit=9)
    await members.change_preferences(ada.id, size="96x64", direct_copy=True)
    await ada.wait_filled(await press_button(sandbox, bob, job_message, f"timelapse:{job.id}"))
    await ada.slash("privacy")
    message = await ephemeral_message(ada, "2 requests")
    assert "2 images with their frames" in message.text
    everything = await records(ada)
    assert [each["id"] for each in everything["jobs.json"]] == [3, 1]
    assert everything["jobs.json"][1]["recipe"] == json.loads(job.recipe.model_dump_json())
    assert [each["kind"] for each in everything["jobs.json"][1]["messages"]] == ["job", "timelapse"]
    assert everything["preferences.json"][0]["size"] == "96x64"
    assert {each["name"] for each in everything["uploaded images.json"]} == {
        job.recipe.initial,
        other_job.recipe.initial,
    }
    await press_button(sandbox, bob, other_message, f"forget:{ada.id}")
    await ephemeral_message(bob, "You can only delete your own data.")
    await ada.press(message, message.buttons[0].custom_id)
    await ephemeral_message(ada, "Deleted 2 requests")
    assert await PersonalData(database).summary(ada.id) == Summary(0, 0, 0, None)
    assert await members.preferences(ada.id) == Preferences()
    assert not await JobQueue(database).waiting()
    await wait_for_deletions(database)
    assert not folder_of(job.id, settings.data_dir).exists()
    assert folder_of(other_job.id, settings.data_dir).exists()
    kept = [path.stem for path in (settings.data_dir / "initial").iterdir()]
    assert kept == [other_job.recipe.initial]
    assert [each.id for each in await bob.messages() if not each.ephemeral] == [other_message.id]
    assert job_message.id != waiting.id


async def test_counts_of_one_are_in_the_singular(
    bot: ImagineBot, sandbox: Sandbox, ada: Member, rendered_job: Any
) -> None:
    await rendered_job(ada)
    await ada.slash("privacy")
    message = await ephemeral_message(ada, "1 request (")
    assert "1 image with its frames" in message.text
    await ada.press(message, message.buttons[0].custom_id)
    await ephemeral_message(ada, "Deleted 1 request and")


async def test_the_files_contain_moderation_records_and_nothing_of_others(
    bot: ImagineBot,
    database: Database,
    sandbox: Sandbox,
    ada: Member,
    bob: Member,
    rendered_job: Any,
) -> None:
    job, _ = await rendered_job(ada)
    guild = sandbox.guild.id
    assert await Reports(database).insert(job, bob.id, "it is rude")
    mo = 10**17
    await Blocks(database).block(guild, ada.id, actor_id=mo, reason="rude", until=None)
    await AuditLog(database).record_refusal(guild, ada.id, "“rude” is refused")
    await ada.slash("privacy")
    kept = await records(ada)
    assert kept["reports about you.json"][0]["reason"] == "it is rude"
    assert kept["blocks.json"][0]["reason"] == "rude"
    assert [each["action"] for each in kept["moderation log.json"]] == [
        "report",
        "block",
        "refuse",
    ]
    assert str(mo) not in json.dumps(kept)
    assert str(bob.id) not in json.dumps(kept)


@pytest.mark.slow
async def test_a_member_with_5000_requests_gets_all_of_them_and_can_delete_them(
    bot: ImagineBot, database: Database, sandbox: Sandbox, ada: Member, bob: Member
) -> None:
    ideographs = "".join(chr(0x4E00 + number * 7 % 20_000) for number in range(490))
    recipe = Recipe.make(ideographs, ideographs[::-1], width=64, height=64, steps=10)
    async with database.transaction() as db:
        await db.execute(
            "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers"
            " WHERE n < 5000) INSERT INTO jobs (recipe, pictures, work, guild_id, channel_id,"
            " member_id, member_name, turn, created_at, state, finished_at, posted)"
            " SELECT ?, 1, 1, ?, ?, ?, '艾达', n, n, 'done', n, 1 FROM numbers",
            (recipe.model_dump_json(), sandbox.guild.id, sandbox.channel.id, ada.id),
        )
    await ada.slash("privacy")
    message = await ephemeral_message(ada, "5000 requests")
    jobs = (await records(ada, archives=2))["jobs.json"]
    assert [each["id"] for each in jobs] == list(range(5000, 0, -1))
    assert jobs[0]["recipe"]["include"][0]["text"] == ideographs
    await ada.press(message, message.buttons[0].custom_id)
    await ephemeral_message(ada, "Deleted 5000 requests")
    assert (await PersonalData(database).summary(ada.id)).jobs == 0


async def test_the_button_is_sent_even_if_the_files_cannot_be(
    bot: ImagineBot, sandbox: Sandbox, ada: Member, rendered_job: Any, database: Database
) -> None:
    await rendered_job(ada)
    sandbox.faults.fail("POST /webhooks/{webhook_id}/{webhook_token}", 413)
    await ada.slash("privacy")
    message = await ephemeral_message(ada, "1 request (")
    await ephemeral_message(ada, "The files could not be sent")
    await ada.press(message, message.buttons[0].custom_id)
    await ephemeral_message(ada, "Deleted 1 request and")
