"""/imagine, used by members of the local Discord."""

import asyncio
import hashlib
import io
import sqlite3
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bot.client import ImagineBot
from bot.policy import MAX_WAITING
from core.database.claims import Claims
from core.database.connection import Database
from core.database.jobs import Jobs
from core.database.queue import JobQueue
from core.job import Job, NewJob, Reason, State
from core.prompts import Prompt
from core.settings import Settings
from sandbox import Member, OptionError, Sandbox
from sandbox.discord.permissions import Permission
from tests.bot.conftest import (
    RESPONSE_TIMEOUT,
    ephemeral_message,
    refusal,
    running_bot,
    wait_for_pending_responses,
)

EDIT_ORIGINAL_RESPONSE = "PATCH /webhooks/{webhook_id}/{webhook_token}/messages/@original"


async def test_a_style_that_does_not_suit_the_model_is_refused_and_suitable_ones_are_listed(
    bot: ImagineBot, ada: Member
) -> None:
    await ada.slash("imagine", include="a house", style="watercolour")
    text = (await ephemeral_message(ada, "no such style")).text
    assert "night" in text
    assert "watercolour" not in text


async def test_a_request_becomes_a_job_and_a_job_message_with_its_position(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada: Member, bob: Member
) -> None:
    await ada.wait_filled(await ada.slash("imagine", include="a blue square"))
    reply = await bob.slash(
        "imagine",
        include="a red circle | fog:0.5",
        exclude="watermark",
        size="96x64",
        steps=40,
        seed=0,
        count=2,
    )
    assert reply.kind == "deferred"
    message = await bob.wait_filled(reply)

    _, job = await JobQueue(database).waiting()
    assert job.message_id == message.id
    assert (job.guild_id, job.channel_id) == (sandbox.guild.id, bob.channel_id)
    assert (job.member_id, job.member_name) == (bob.id, "Bob")
    assert job.recipe.include == (Prompt("a red circle"), Prompt("fog", 0.5))
    assert job.recipe.exclude == (Prompt("watermark"),)
    assert (job.recipe.size, job.recipe.steps, job.recipe.seed, job.recipe.count) == (
        "96x64",
        40,
        0,
        2,
    )
    assert "Position 2" in message.text
    assert "a red circle" in message.text
    assert [button.custom_id for button in message.buttons] == [f"imagine:cancel:{job.id}"]
    assert not message.ephemeral
    assert not sandbox.unhandled


async def test_without_options_the_default_size_and_steps_are_used(
    bot: ImagineBot, database: Database, ada: Member
) -> None:
    await ada.wait_filled(await ada.slash("imagine", include="a red circle"))
    (job,) = await JobQueue(database).waiting()
    assert (job.recipe.size, job.recipe.steps) == ("64x64", 40)
    assert not job.recipe.exclude


async def test_prompts_cause_no_mentions_and_no_formatting(
    bot: ImagineBot, sandbox: Sandbox, ada: Member
) -> None:
    message = await ada.wait_filled(
        await ada.slash("imagine", include="@everyone **x** [a](http://b)")
    )
    assert "@everyone" not in message.text
    assert "**x**" not in message.text
    assert not message.raw["mention_everyone"]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("include", "x" * 601),
        ("steps", 9),
        ("steps", 501),
        ("seed", -1),
        ("seed", 2**32),
        ("strength", 1.5),
        ("count", 5),
    ],
)
async def test_discord_itself_rejects_options_out_of_range(
    bot: ImagineBot, ada: Member, option: str, value: Any
) -> None:
    with pytest.raises(OptionError):
        await ada.slash("imagine", **({"include": "a red circle"} | {option: value}))


@pytest.mark.parametrize(
    ("typed", "size"), [("16:9", "84x48"), ("3:4", "56x72"), ("72x80", "72x80")]
)
async def test_a_size_may_be_an_aspect_ratio_or_any_valid_number_of_pixels(
    bot: ImagineBot, database: Database, ada: Member, typed: str, size: str
) -> None:
    await ada.wait_filled(await ada.slash("imagine", include="a red circle", size=typed))
    assert (await JobQueue(database).waiting())[0].recipe.size == size


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("65x65", "multiples of 4"),
        ("128x96", "no larger"),
        ("9:1", "from 1:4 to 4:1"),
        ("wide", "or a ratio such as 16:9"),
    ],
)
async def test_a_size_that_is_not_available_is_refused_with_a_hint(
    bot: ImagineBot, database: Database, ada: Member, typed: str, sentence: str
) -> None:
    await ada.slash("imagine", include="a red circle", size=typed)
    assert sentence in await refusal(ada)
    assert not await JobQueue(database).waiting()


async def test_the_largest_seed_is_accepted(
    bot: ImagineBot, database: Database, ada: Member
) -> None:
    await ada.wait_filled(await ada.slash("imagine", include="a red circle", seed=2**32 - 1))
    assert (await JobQueue(database).waiting())[0].recipe.seed == 2**32 - 1


async def test_an_invalid_prompt_is_marked_with_a_caret_that_only_its_member_sees(
    bot: ImagineBot, database: Database, ada: Member, bob: Member
) -> None:
    await ada.slash("imagine", include="a castle | fog:-1")
    text = await refusal(ada)
    assert "be negative" in text
    assert "```\na castle | fog:-1\n               ^\n```" in text
    assert not await bob.messages()
    assert not await JobQueue(database).waiting()


async def test_a_member_with_many_jobs_is_asked_to_wait(
    bot: ImagineBot, database: Database, ada: Member
) -> None:
    requests = [ada.slash("imagine", include="a red circle") for _ in range(MAX_WAITING + 1)]
    await asyncio.gather(*requests)
    await ephemeral_message(ada, f"already have {MAX_WAITING}")
    assert len(await JobQueue(database).waiting()) == MAX_WAITING
    public = [message for message in await ada.messages() if not message.ephemeral]
    assert len(public) == MAX_WAITING


async def test_missing_permissions_are_named_before_a_job_is_queued(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada: Member
) -> None:
    bot_id = sandbox.world.application.bot.id
    sandbox.world.overwrite(sandbox.channel, bot_id, deny=int(Permission.ATTACH_FILES))
    await ada.slash("imagine", include="a red circle")
    assert "Attach Files" in await refusal(ada)
    assert not await JobQueue(database).waiting()


# The database


class SlowJobs(Jobs):
    """Jobs that are inserted only once `released` is set, as by a slow database."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.released = asyncio.Event()

    async def insert(self, new: NewJob) -> Job:
        await self.released.wait()
        return await super().insert(new)


async def test_a_slow_database_delays_the_job_message_but_not_the_acknowledgement(
    sandbox: Sandbox, settings: Settings, ada: Member
) -> None:
    async with (
        Database.open(settings.database_path) as database,
        running_bot(sandbox, settings, database) as bot,
    ):
        bot.jobs = jobs = SlowJobs(database)
        reply = await ada.slash("imagine", include="a red circle")
        assert reply.kind == "deferred"
        sandbox.clock.advance(RESPONSE_TIMEOUT + 1)
        assert not await JobQueue(database).waiting()
        jobs.released.set()
        message = await ada.wait_filled(reply)
        assert "Position 1" in message.text


async def test_a_request_is_refused_and_not_queued_if_the_database_is_locked(
    sandbox: Sandbox, settings: Settings, ada: Member, bob: Member
) -> None:
    async with (
        Database.open(settings.database_path, busy_seconds=0.1) as database,
        running_bot(sandbox, settings, database),
    ):
        other = sqlite3.connect(settings.database_path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        await ada.slash("imagine", include="a red circle")
        assert "nothing was queued" in await refusal(ada)
        other.execute("ROLLBACK")
        other.close()
        assert not await bob.messages()
        assert not await JobQueue(database).waiting()


class InstantlyFailingJobs(Jobs):
    """With an engine that fails each job at once and posts that before the first job message."""

    async def insert(self, new: NewJob) -> Job:
        job, claims = await super().insert(new), Claims(self._database)
        await claims.claim("engine", 60)
        reason = Reason(text="I know none of these words.")
        await claims.finish(job.id, "engine", State.FAILED, reason)
        await self.mark_posted(job.id)
        return job


@pytest.mark.parametrize("fault", ["", "the response to the edit is lost"])
async def test_a_result_that_the_first_job_message_has_overwritten_is_posted_again(
    sandbox: Sandbox, settings: Settings, ada: Member, fault: str
) -> None:
    if fault:
        sandbox.faults.reset(EDIT_ORIGINAL_RESPONSE, times=3, applied=True)
    async with (
        Database.open(settings.database_path) as database,
        running_bot(sandbox, settings, database) as bot,
    ):
        bot.jobs = InstantlyFailingJobs(database)
        await ada.wait_filled(await ada.slash("imagine", include="qwertz"))
        await wait_for_pending_responses(database)
        (job,) = await Jobs(database).unposted()
        assert (job.state, job.redraws) == (State.FAILED, 1)
        # As an engine does if it posted the result before the first job message arrived.
        await Jobs(database).mark_posted(job.id)
        assert await Jobs(database).unposted()
        await Jobs(database).mark_posted(job.id, job.redraws)
        assert not await Jobs(database).unposted()
        assert not bot.pending._open


async def test_a_job_stays_queued_if_its_message_cannot_be_sent(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada: Member
) -> None:
    sandbox.faults.fail(EDIT_ORIGINAL_RESPONSE, 403, times=1)
    reply = await ada.slash("imagine", include="a red circle")
    await bot.close()  # waits until the handler has finished
    (job,) = await JobQueue(database).waiting()
    assert reply.message
    assert job.message_id == reply.message.id
    assert [message.id for message in await ada.messages()] == [reply.message.id]


async def test_the_job_message_arrives_despite_a_broken_connection(
    bot: ImagineBot, sandbox: Sandbox, ada: Member
) -> None:
    sandbox.faults.reset(EDIT_ORIGINAL_RESPONSE)
    message = await ada.wait_filled(await ada.slash("imagine", include="a red circle"))
    assert "Position 1" in message.text


# Attached images


def png_bytes(size: tuple[int, int] = (40, 30)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, "red").save(buffer, "PNG")
    return buffer.getvalue()


def bomb() -> bytes:
    """A PNG of a few bytes that would fill 3 GB when decoded."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", 32_000, 32_000, 8, 2, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(bytes(1000)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pixels + chunk(b"IEND", b"")


async def test_an_attached_image_is_stored_under_its_checksum(
    bot: ImagineBot, settings: Settings, database: Database, ada: Member, tmp_path: Path
) -> None:
    (tmp_path / "a.png").write_bytes(png_bytes())
    reply = await ada.slash("imagine", include="a hill", image=tmp_path / "a.png", strength=0.25)
    await ada.wait_filled(reply)
    (job,) = await JobQueue(database).waiting()
    assert job.recipe.strength == 0.25
    stored = (settings.data_dir / "initial" / f"{job.recipe.initial}.png").read_bytes()
    assert hashlib.sha256(stored).hexdigest() == job.recipe.initial
    with Image.open(io.BytesIO(stored)) as image:
        assert image.size == (40, 30)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("bomb.png", bomb(), "too many pixels"),
        ("text.png", b"no picture at all", "isn't a PNG"),
        ("broken.png", png_bytes()[:60], "damaged"),
        ("large.png", png_bytes() + bytes(11 * 2**20), "The limit is 10 MB"),
    ],
)
async def test_a_harmful_damaged_or_invalid_image_is_refused(
    bot: ImagineBot,
    database: Database,
    ada: Member,
    tmp_path: Path,
    name: str,
    content: bytes,
    words: str,
) -> None:
    (tmp_path / name).write_bytes(content)
    await ada.slash("imagine", include="a hill", image=tmp_path / name)
    assert words in await refusal(ada)
    assert not await JobQueue(database).waiting()


async def test_nothing_is_queued_if_the_image_cannot_be_stored(
    bot: ImagineBot, settings: Settings, database: Database, ada: Member, tmp_path: Path
) -> None:
    (settings.data_dir / "initial").write_text("a file where the folder should be")
    (tmp_path / "a.png").write_bytes(png_bytes())
    await ada.slash("imagine", include="a hill", image=tmp_path / "a.png")
    assert "nothing was queued" in await refusal(ada)
    assert not await JobQueue(database).waiting()
