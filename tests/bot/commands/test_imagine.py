"""/imagine, typed by a member of the local Discord."""

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
from tests.bot.conftest import LATE, all_given, private_message, refusal, running_bot

CARD = "PATCH /webhooks/{webhook_id}/{webhook_token}/messages/@original"


async def test_a_style_that_the_model_knows_nothing_of_is_refused_with_those_there_are(
    bot: ImagineBot, ada: Member
) -> None:
    await ada.slash("imagine", include="a house", style="watercolour")
    text = (await private_message(ada, "no such style")).text
    assert "night" in text
    assert "watercolour" not in text


async def test_a_request_becomes_a_job_and_a_job_message_with_its_place(
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
    card = await bob.wait_filled(reply)

    _, job = await JobQueue(database).waiting()
    assert job.message_id == card.id
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
    assert "Position 2" in card.text
    assert "a red circle" in card.text
    assert [button.custom_id for button in card.buttons] == [f"imagine:cancel:{job.id}"]
    assert not card.ephemeral
    assert not sandbox.unhandled


async def test_without_further_words_the_menus_first_size_and_a_drawn_seed(
    bot: ImagineBot, database: Database, ada: Member
) -> None:
    await ada.wait_filled(await ada.slash("imagine", include="a red circle"))
    (job,) = await JobQueue(database).waiting()
    assert (job.recipe.size, job.recipe.steps) == ("64x64", 100)
    assert not job.recipe.exclude


async def test_nothing_that_is_typed_pings_or_formats(
    bot: ImagineBot, sandbox: Sandbox, ada: Member
) -> None:
    card = await ada.wait_filled(
        await ada.slash("imagine", include="@everyone **x** [a](http://b)")
    )
    assert "@everyone" not in card.text
    assert "**x**" not in card.text
    assert not card.raw["mention_everyone"]


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
async def test_discord_itself_checks_the_options(
    bot: ImagineBot, ada: Member, option: str, value: Any
) -> None:
    with pytest.raises(OptionError):
        await ada.slash("imagine", **({"include": "a red circle"} | {option: value}))


@pytest.mark.parametrize(
    ("typed", "size"), [("16:9", "84x48"), ("3:4", "56x72"), ("72x80", "72x80")]
)
async def test_any_aspect_ratio_may_be_typed(
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
async def test_a_size_that_cannot_be_had_is_refused_with_those_that_can(
    bot: ImagineBot, database: Database, ada: Member, typed: str, sentence: str
) -> None:
    await ada.slash("imagine", include="a red circle", size=typed)
    assert sentence in await refusal(ada)
    assert not await JobQueue(database).waiting()


async def test_the_largest_seed_passes(bot: ImagineBot, database: Database, ada: Member) -> None:
    await ada.wait_filled(await ada.slash("imagine", include="a red circle", seed=2**32 - 1))
    assert (await JobQueue(database).waiting())[0].recipe.seed == 2**32 - 1


async def test_a_wrong_prompt_is_pointed_at_for_the_member_alone(
    bot: ImagineBot, database: Database, ada: Member, bob: Member
) -> None:
    await ada.slash("imagine", include="a castle | fog:-1")
    words = await refusal(ada)
    assert "be negative" in words
    assert "```\na castle | fog:-1\n               ^\n```" in words
    assert not await bob.messages()
    assert not await JobQueue(database).waiting()


async def test_a_member_with_many_jobs_is_asked_to_wait(
    bot: ImagineBot, database: Database, ada: Member
) -> None:
    requests = [ada.slash("imagine", include="a red circle") for _ in range(MAX_WAITING + 1)]
    await asyncio.gather(*requests)
    await private_message(ada, f"already have {MAX_WAITING}")
    assert len(await JobQueue(database).waiting()) == MAX_WAITING
    public = [message for message in await ada.messages() if not message.ephemeral]
    assert len(public) == MAX_WAITING


async def test_missing_permissions_are_named_before_a_job_is_taken(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada: Member
) -> None:
    own = sandbox.world.application.bot.id
    sandbox.world.overwrite(sandbox.channel, own, deny=int(Permission.ATTACH_FILES))
    await ada.slash("imagine", include="a red circle")
    assert "Attach Files" in await refusal(ada)
    assert not await JobQueue(database).waiting()


# The database


class HeldJobs(Jobs):
    """A database that takes its time."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.held = asyncio.Event()

    async def insert(self, new: NewJob) -> Job:
        await self.held.wait()
        return await super().insert(new)


async def test_a_slow_database_is_waited_for_behind_an_answer_in_time(
    sandbox: Sandbox, settings: Settings, ada: Member
) -> None:
    async with (
        Database.open(settings.database_path) as database,
        running_bot(sandbox, settings, database) as bot,
    ):
        bot.jobs = jobs = HeldJobs(database)
        reply = await ada.slash("imagine", include="a red circle")
        assert reply.kind == "deferred"
        sandbox.clock.advance(LATE + 1)
        assert not await JobQueue(database).waiting()
        jobs.held.set()
        card = await ada.wait_filled(reply)
        assert "Position 1" in card.text


async def test_a_locked_database_queues_nothing_and_says_so(
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


class HastyJobs(Jobs):
    """With an engine that ends each job at once and shows that, before the first card."""

    async def insert(self, new: NewJob) -> Job:
        job, leases = await super().insert(new), Claims(self._database)
        await leases.claim("engine", 60)
        reason = Reason(text="I know none of these words.")
        await leases.finish(job.id, "engine", State.FAILED, reason)
        await self.mark_posted(job.id)
        return job


@pytest.mark.parametrize("trouble", ["", "the card's answer is lost"])
async def test_an_outcome_that_the_first_job_message_has_hidden_is_shown_again(
    sandbox: Sandbox, settings: Settings, ada: Member, trouble: str
) -> None:
    if trouble:
        sandbox.faults.reset(CARD, times=3, applied=True)
    async with (
        Database.open(settings.database_path) as database,
        running_bot(sandbox, settings, database) as bot,
    ):
        bot.jobs = HastyJobs(database)
        await ada.wait_filled(await ada.slash("imagine", include="qwertz"))
        await all_given(database)
        (job,) = await Jobs(database).unposted()
        assert (job.state, job.redraws) == (State.FAILED, 1)
        await Jobs(database).mark_posted(
            job.id
        )  # says an engine that showed it before the card came
        assert await Jobs(database).unposted()
        await Jobs(database).mark_posted(job.id, job.redraws)
        assert not await Jobs(database).unposted()
        assert not bot.pending._open


async def test_a_job_message_that_cannot_be_shown_loses_no_job(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada: Member
) -> None:
    sandbox.faults.fail(CARD, 403, times=1)
    reply = await ada.slash("imagine", include="a red circle")
    await bot.close()  # lets the handler finish
    (job,) = await JobQueue(database).waiting()
    assert reply.message
    assert job.message_id == reply.message.id
    assert [message.id for message in await ada.messages()] == [reply.message.id]


async def test_a_broken_connection_costs_no_job_message(
    bot: ImagineBot, sandbox: Sandbox, ada: Member
) -> None:
    sandbox.faults.reset(CARD)
    card = await ada.wait_filled(await ada.slash("imagine", include="a red circle"))
    assert "Position 1" in card.text


# Attached pictures


def picture(size: tuple[int, int] = (40, 30)) -> bytes:
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
    (tmp_path / "a.png").write_bytes(picture())
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
        ("broken.png", picture()[:60], "damaged"),
        ("large.png", picture() + bytes(11 * 2**20), "The limit is 10 MB"),
    ],
)
async def test_an_image_that_does_harm_or_is_none_is_refused(
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


async def test_an_image_that_cannot_be_kept_queues_nothing(
    bot: ImagineBot, settings: Settings, database: Database, ada: Member, tmp_path: Path
) -> None:
    (settings.data_dir / "initial").write_text("a file where the folder should be")
    (tmp_path / "a.png").write_bytes(picture())
    await ada.slash("imagine", include="a hill", image=tmp_path / "a.png")
    assert "nothing was queued" in await refusal(ada)
    assert not await JobQueue(database).waiting()
