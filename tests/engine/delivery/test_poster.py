"""Frames are paced, and outcomes always arrive. Tested against the sandbox."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from prometheus_client import REGISTRY
from pydantic import SecretStr

from core.database.audit_log import AuditLog
from core.database.claims import Claims
from core.database.connection import Database
from core.database.deletions import Deletions
from core.database.jobs import Jobs
from core.database.journal import JobDeleted
from core.database.journal_replay import carry_out
from core.database.members import Members, Notify
from core.database.messages import Kind, Messages
from core.database.reports import Reports
from core.database.rows import rows_of
from core.description import Description, write_descriptions
from core.discord_ui.audit_log import entry_line
from core.image_check import CheckAction, Concept
from core.job import Job, JobKind, NewJob, Progress, Reason, State
from core.moderation import Verdict
from core.settings import Settings
from core.storage.paths import film_of, folder_of
from engine.delivery import message_writer, rest
from engine.delivery.frame import Frame
from engine.delivery.message_writer import MessageWriter
from engine.delivery.poster import ChannelPace, Pace, Poster
from engine.delivery.posts import Post
from engine.delivery.rest import (
    TokenRefusedError,
    UnreachableError,
    logged_in,
    logged_in_when_reachable,
)
from engine.job_files import JobFiles
from engine.media import Provenance
from sandbox import Sandbox
from sandbox.discord.clock import DISCORD_EPOCH
from sandbox.discord.layouts import walk
from sandbox.discord.models import Draft, Message
from sandbox.discord.permissions import Permission
from sandbox.discord.recorder import RecordedRequest
from tests.engine.conftest import until

ENGINE = "this engine"
EDIT = "PATCH /channels/{channel_id}/messages/{message_id}"
CREATE = "POST /channels/{channel_id}/messages"

JobFactory = Callable[..., Awaitable[Job]]


@pytest.fixture
def settings(discord: Sandbox, tmp_path: Path) -> Settings:
    return Settings(
        discord_token=SecretStr(discord.token), discord_api_url=discord.api_url, data_dir=tmp_path
    )


@pytest.fixture
async def start_poster(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Callable[..., tuple[Poster, asyncio.Task[None]]]]:
    """Starts a poster with short intervals."""
    monkeypatch.setattr(rest, "FIRST_RETRY", 0.01)
    monkeypatch.setattr(rest, "LONGEST_RETRY", 0.05)
    tasks = []
    async with logged_in(settings) as client:

        def start(grace: float = 0.0, **pace: float) -> tuple[Poster, asyncio.Task[None]]:
            short = {"per_message": 0.01, "per_channel": 0.01, "poll": 0.02}
            writer = MessageWriter(client, database, settings, grace=grace)
            poster = Poster(writer, database, settings, Pace(**(short | pace)))
            tasks.append(asyncio.create_task(poster.run()))
            return poster, tasks[-1]

        yield start
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
def start_job(discord: Sandbox, database: Database, enqueue: JobFactory) -> JobFactory:
    """Starts a job, with its job message in the channel unless `message` is false."""

    async def start_job(*, age: float = 0.0, message: bool = True, **values: Any) -> Job:
        message_id = _bot_message(discord, age).id if message else None
        await enqueue(channel_id=discord.channel.id, message_id=message_id, **values)
        job = await Claims(database).claim(ENGINE, 60)
        assert job
        return job

    return start_job


@pytest.fixture
def finish(database: Database, tmp_path: Path) -> Callable[[Job], Awaitable[None]]:
    async def finish(job: Job) -> None:
        files = JobFiles(folder_of(job.id, tmp_path), job.recipe, Provenance("sketch", {}))
        image = Image.new("RGB", (16, 16), "red")
        await asyncio.to_thread(files.write_results, [image] * job.recipe.count)
        assert await Claims(database).finish(job.id, ENGINE, State.DONE)

    return finish


def _bot_message(discord: Sandbox, age: float) -> Message:
    """A message from the bot, `age` seconds old."""
    bot = discord.world.application.bot
    if age == 0:
        return discord.world.post(discord.channel, bot, Draft(content="thinking"))
    message_id = (int((time.time() - age) * 1000) - DISCORD_EPOCH) << 22
    discord.channel.messages[message_id] = Message(
        message_id, discord.channel.id, bot, content="old"
    )
    return discord.channel.messages[message_id]


def frame(step: int, steps: int = 50) -> Frame:
    return Frame(Progress(step, steps, include=0.3), lambda: [Image.new("RGB", (16, 16))])


def get_message(discord: Sandbox, message_id: int | None = None) -> Message:
    """The message with this id, or the newest one."""
    messages = discord.channel.messages
    return messages[message_id or max(messages)]


def text(message: Message) -> str:
    return "\n".join([message.content, *(p.get("content", "") for p in walk(message.components))])


def gallery_urls(message: Message) -> list[str]:
    """The URLs in its gallery."""
    items = [item for part in walk(message.components) for item in part.get("items", ())]
    return [item["media"]["url"] for item in items]


def accepted_edits(discord: Sandbox) -> list[RecordedRequest]:
    """The edits that took effect."""
    return [
        request for request in discord.requests if request.name == EDIT and request.status == 200
    ]


def edit_times(discord: Sandbox) -> list[float]:
    """When the edits that took effect were made."""
    return [request.moment for request in accepted_edits(discord)]


async def is_posted(database: Database, job: Job) -> bool:
    now = await Jobs(database).get(job.id)
    return now is not None and now.posted


async def test_the_newest_frame_wins_and_edits_are_paced(
    discord: Sandbox, start_job: JobFactory, start_poster: Any
) -> None:
    job = await start_job(steps=50)
    poster, _ = start_poster(per_message=0.2)
    started_at = discord.clock.now()
    for step in range(1, 51):
        poster.show_frame(job, frame(step))
        await asyncio.sleep(0.005)  # a step of the renderer
    await until(lambda: "` 100 %" in text(get_message(discord)))
    moments = edit_times(discord)
    assert 2 <= len(moments) < 25
    assert all(moment >= started_at + number * 0.2 for number, moment in enumerate(moments))
    (file,) = get_message(discord).files
    assert file.filename == "step-50.webp"


async def test_a_frame_without_a_message_does_not_delay_the_next_one(
    discord: Sandbox, database: Database, start_job: JobFactory, start_poster: Any
) -> None:
    job = await start_job(message=False)
    poster, _ = start_poster(grace=60.0, per_message=60.0)
    poster.show_frame(job, frame(0))
    outbox = poster._outboxes[job.id]
    await until(lambda: outbox.frame is None and not outbox.writing.locked())
    message = _bot_message(discord, 0)
    await Messages(database).sent(job.id, Kind.JOB, job.channel_id, message.id)
    await asyncio.sleep(0.05)
    poster.show_frame(job, frame(1))
    async with asyncio.timeout(10):
        await until(lambda: edit_times(discord))
    assert [file.filename for file in get_message(discord).files] == ["step-1.webp"]


async def test_channels_are_forgotten_once_they_may_be_edited_again() -> None:
    pace = ChannelPace(0.01)
    for channel in range(5):
        await pace.wait(channel)
        await asyncio.sleep(0.02)
    assert len(pace._next) == 1


async def test_jobs_in_one_channel_share_its_pace(
    discord: Sandbox, start_job: JobFactory, start_poster: Any
) -> None:
    jobs = [await start_job() for _ in range(4)]
    poster, _ = start_poster(per_channel=0.2)
    started_at = discord.clock.now()
    for job in jobs:
        poster.show_frame(job, frame(1))
    await until(lambda: len(edit_times(discord)) == len(jobs))
    assert all(moment >= started_at + turn * 0.2 for turn, moment in enumerate(edit_times(discord)))


async def test_an_outcome_replaces_the_frame_with_the_image_and_its_buttons(
    discord: Sandbox, database: Database, start_job: JobFactory, finish: Any, start_poster: Any
) -> None:
    job = await start_job(include="a @everyone circle")
    poster, _ = start_poster()
    poster.show_frame(job, frame(1))
    await until(lambda: edit_times(discord))
    assert get_message(discord).components
    await finish(job)
    poster.job_ended()
    await until(lambda: is_posted(database, job))
    message = get_message(discord, job.message_id)
    assert "Painted" in text(message)
    (file,) = message.files
    assert file.filename == f"imagine-{job.id}-1.png"
    assert gallery_urls(message) == [f"attachment://{file.filename}"]
    labels = [part["label"] for part in walk(message.components) if "label" in part]
    assert labels[:2] == ["Again", "Vary"]
    assert not message.mention_everyone


async def test_images_of_a_spoilered_job_are_posted_as_spoilers(
    discord: Sandbox,
    database: Database,
    enqueue_recipe: JobFactory,
    recipe: Any,
    finish: Any,
    start_poster: Any,
) -> None:
    message_id = _bot_message(discord, 0).id
    await enqueue_recipe(recipe(), discord.channel.id, message_id, guild_id=1, spoilered=True)
    job = await Claims(database).claim(ENGINE, 60)
    assert job
    poster, _ = start_poster()
    poster.show_frame(job, frame(1))
    await until(lambda: edit_times(discord))
    assert [file.filename for file in get_message(discord).files] == ["SPOILER_step-1.webp"]
    await finish(job)
    await until(lambda: is_posted(database, job))
    message = get_message(discord, message_id)
    assert [file.filename for file in message.files] == [f"SPOILER_imagine-{job.id}-1.png"]
    (gallery,) = [part for part in walk(message.components) if "items" in part]
    assert [item["spoiler"] for item in gallery["items"]] == [True]


async def test_a_held_image_is_shown_once_a_moderator_has_reviewed_it(
    discord: Sandbox,
    database: Database,
    enqueue_recipe: JobFactory,
    recipe: Any,
    start_poster: Any,
    tmp_path: Path,
) -> None:
    message_id = _bot_message(discord, 0).id
    await enqueue_recipe(recipe(), discord.channel.id, message_id, guild_id=5)
    job = await Claims(database).claim(ENGINE, 60)
    assert job
    files = JobFiles(folder_of(job.id, tmp_path), job.recipe, Provenance("sketch", {}))
    await asyncio.to_thread(files.write_results, [Image.new("RGB", (16, 16), "red")])
    match = Concept("a gun", CheckAction.HOLD)
    await Claims(database).finish(job.id, ENGINE, State.DONE, match=match)
    start_poster()
    await until(lambda: is_posted(database, job))
    message = get_message(discord, message_id)
    assert "A moderator will look at it" in text(message)
    assert message.files == []
    labels = [part["label"] for part in walk(message.components) if "label" in part]
    assert labels == ["Delete"]
    _, (report,) = await Reports(database).open(5)
    await Reports(database).close(5, report.id, Verdict.DISMISS, actor_id=2)
    await until(lambda: get_message(discord, message_id).files)
    assert "A moderator will look at it" not in text(get_message(discord, message_id))


@pytest.mark.parametrize("spoilered", [False, True])
async def test_a_description_is_shown_with_a_button_for_each_prompt_and_mentions_nobody(
    discord: Sandbox,
    database: Database,
    recipe: Any,
    start_poster: Any,
    tmp_path: Path,
    spoilered: bool,
) -> None:
    message_id = _bot_message(discord, 0).id
    new = NewJob(
        recipe=recipe(),
        guild_id=1,
        channel_id=discord.channel.id,
        message_id=message_id,
        member_id=1,
        member_name="Ada",
        spoilered=spoilered,
        kind=JobKind.DESCRIPTION,
    )
    await Jobs(database).insert(new)
    job = await Claims(database).claim(ENGINE, 60)
    assert job
    poster, _ = start_poster()
    poster.show_frame(job, Frame())
    await until(lambda: edit_times(discord))
    assert "Describing an image" in text(get_message(discord, message_id))
    found = [Description("a red *circle*", 0.312), Description("a heart | fog:0.2", 0.3)]
    write_descriptions(folder_of(job.id, tmp_path), found)
    await Claims(database).finish(job.id, ENGINE, State.DONE)
    await until(lambda: is_posted(database, job))
    message = get_message(discord, message_id)
    assert "Described" in text(message)
    hidden = r"||a red \*circle\*||" in text(message)
    assert (hidden, "similarity 0.31" in text(message)) == (spoilered, True)
    labels = [part["label"] for part in walk(message.components) if "label" in part]
    assert labels == ["Paint this", "Paint this", "Delete"]
    assert len(discord.channel.messages) == 1


async def test_a_description_without_prompts_says_so(
    discord: Sandbox, database: Database, recipe: Any, start_poster: Any
) -> None:
    new = NewJob(
        recipe=recipe(),
        guild_id=1,
        channel_id=discord.channel.id,
        message_id=_bot_message(discord, 0).id,
        member_id=1,
        member_name="Ada",
        kind=JobKind.DESCRIPTION,
    )
    job = await Jobs(database).insert(new)
    await Claims(database).claim(ENGINE, 60)
    await Claims(database).finish(job.id, ENGINE, State.DONE)
    start_poster()
    await until(lambda: is_posted(database, job))
    assert "I couldn't find a description" in text(get_message(discord, job.message_id))


async def test_a_job_that_is_back_in_the_queue_is_shown_as_queued(
    discord: Sandbox, database: Database, start_job: JobFactory, start_poster: Any
) -> None:
    job = await start_job()
    poster, _ = start_poster()
    poster.show_frame(job, frame(1))
    await until(lambda: edit_times(discord))
    await Claims(database).release(job.id, ENGINE)
    poster.show_frame(job, frame(2))  # too late
    poster.show_frame(job, Frame(notes=["It is paused."], state=State.QUEUED))
    await until(lambda: "In the queue" in text(get_message(discord)))
    message = get_message(discord)
    assert not message.files
    assert "**Note** It is paused." in text(message)


async def test_several_images_are_posted_in_one_message(
    discord: Sandbox, database: Database, start_job: JobFactory, finish: Any, start_poster: Any
) -> None:
    job = await start_job(count=3)
    start_poster()
    await finish(job)
    await until(lambda: is_posted(database, job))
    assert len(get_message(discord).files) == 3


async def test_a_film_is_shown_above_its_last_image(
    discord: Sandbox, start_job: JobFactory, finish: Any, start_poster: Any, tmp_path: Path
) -> None:
    job = await start_job()
    film_of(folder_of(job.id, tmp_path)).parent.mkdir(parents=True)
    film_of(folder_of(job.id, tmp_path)).write_bytes(b"film")
    poster, _ = start_poster()
    await finish(job)
    poster.job_ended()
    await until(lambda: len(gallery_urls(get_message(discord))) == 2)
    names = [file.filename for file in get_message(discord).files]
    assert names == [f"imagine-{job.id}.mp4", f"imagine-{job.id}-1.png"]
    kinds = [file.content_type for file in get_message(discord).files]
    assert kinds == ["video/mp4", "image/png"]


async def test_a_cancellation_that_was_not_announced_is_shown(
    discord: Sandbox, database: Database, start_job: JobFactory, start_poster: Any
) -> None:
    job = await start_job()
    start_poster()
    await Jobs(database).cancel(job.id, reason=Reason(text="Cancelled by Grace."))
    await until(lambda: is_posted(database, job))
    assert "Cancelled by Grace." in text(get_message(discord))


@pytest.mark.slow
async def test_an_outcome_gets_through_when_discord_fails(
    discord: Sandbox, database: Database, start_job: JobFactory, finish: Any, start_poster: Any
) -> None:
    job = await start_job()
    await finish(job)
    discord.faults.fail(EDIT, 503, times=2)
    discord.faults.reset(EDIT, times=2)
    discord.faults.reset(EDIT, applied=True)
    start_poster()
    await until(lambda: is_posted(database, job))
    assert "Painted" in text(get_message(discord, job.message_id))
    assert len(discord.channel.messages) == 1


async def test_a_frame_that_fails_is_dropped_and_the_next_one_shown(
    discord: Sandbox, start_job: JobFactory, start_poster: Any
) -> None:
    job = await start_job()
    before = frame_counts()
    discord.faults.reset(EDIT)
    poster, _ = start_poster()
    poster.show_frame(job, frame(0))
    poster.show_frame(job, frame(1))
    await until(lambda: any(request.status is None for request in discord.requests))
    poster.show_frame(job, frame(2))
    await until(lambda: "` 4 %" in text(get_message(discord)))
    assert len(edit_times(discord)) == 1
    await until(lambda: frame_counts() == [each + 1 for each in before])


def frame_counts() -> list[float]:
    """How many frames were overtaken, dropped and shown."""
    return [
        REGISTRY.get_sample_value("imagine_frames_total", {"fate": fate}) or 0
        for fate in ("overtaken", "dropped", "shown")
    ]


async def test_a_message_is_not_sent_twice_when_the_response_is_lost(
    discord: Sandbox, database: Database, start_job: JobFactory, finish: Any, start_poster: Any
) -> None:
    job = await start_job(message=False)
    await finish(job)
    discord.faults.reset(CREATE, times=2, applied=True)
    start_poster()
    await until(lambda: is_posted(database, job))
    assert len(discord.channel.messages) == 1
    now = await Jobs(database).get(job.id)
    assert now
    assert now.message_id == get_message(discord).id
    created = [r.json for r in discord.requests if f"{r.method} {r.route}" == CREATE]
    assert {(json["nonce"], json["enforce_nonce"]) for json in created} == {
        (created[0]["nonce"], True)
    }
    assert all(json["allowed_mentions"]["parse"] == [] for json in created)


async def test_a_message_that_a_crash_left_unrecorded_is_found_after_a_long_outage(
    discord: Sandbox, database: Database, start_job: JobFactory, finish: Any, start_poster: Any
) -> None:
    job = await start_job(message=False)
    await finish(job)
    start_poster()
    await until(lambda: is_posted(database, job))
    first = get_message(discord)
    async with database.transaction() as db:  # as if it had crashed right after sending it
        await db.execute("UPDATE messages SET message_id = NULL")
        await db.execute("UPDATE jobs SET message_id = NULL, posted = 0")
    discord.clock.advance(3600)  # longer than Discord remembers a nonce
    await until(lambda: is_posted(database, job))
    assert list(discord.channel.messages) == [first.id]
    now = await Jobs(database).get(job.id)
    assert now
    assert now.message_id == first.id


@pytest.mark.parametrize("deleted_by", ["member", "moderator"])
async def test_a_frame_in_flight_does_not_bring_back_a_deleted_message(
    discord: Sandbox,
    database: Database,
    start_job: JobFactory,
    start_poster: Any,
    monkeypatch: pytest.MonkeyPatch,
    deleted_by: str,
) -> None:
    job = await start_job()
    edit = Post.edit

    async def edit_late(post: Post, message: Any) -> None:
        await delete_job(database, job, deleted_by)
        discord.world.delete(discord.channel, get_message(discord, message.id))  # as the bot does
        await edit(post, message)

    monkeypatch.setattr(Post, "edit", edit_late)
    poster, _ = start_poster()
    before = REGISTRY.get_sample_value("imagine_frames_total", {"fate": "shown"}) or 0
    poster.show_frame(job, frame(1))
    await until(
        lambda: REGISTRY.get_sample_value("imagine_frames_total", {"fate": "shown"}) == before + 1
    )
    assert not discord.channel.messages
    assert await Jobs(database).unposted() == []


@pytest.mark.parametrize("deleted_by", ["member", "moderator"])
@pytest.mark.parametrize("kind", ["frame", "outcome", "direct copy"])
async def test_a_message_sent_while_its_job_is_deleted_is_deleted_too(
    discord: Sandbox,
    database: Database,
    start_job: JobFactory,
    finish: Any,
    start_poster: Any,
    monkeypatch: pytest.MonkeyPatch,
    deleted_by: str,
    kind: str,
) -> None:
    job = await start_job(message=kind == "direct copy")
    if kind == "direct copy":
        ada = await discord.member("Ada")
        await Members(database).change_preferences(ada.id, direct_copy=True)
        async with database.transaction() as db:
            await db.execute("UPDATE jobs SET member_id = ?", (ada.id,))
        job = replace(job, member_id=ada.id)
    send, sent = Post.send, []

    async def send_late(*args: Any, **kwargs: Any) -> Any:
        await delete_job(database, job, deleted_by)
        sent.append(await send(*args, **kwargs))
        return sent[-1]

    monkeypatch.setattr(Post, "send", send_late)
    poster, _ = start_poster()
    if kind == "frame":
        poster.show_frame(job, frame(1))
    else:
        await finish(job)
    await until(lambda: sent)
    (message,) = sent
    await until(lambda: is_to_be_deleted(database, message.id))


async def delete_job(database: Database, job: Job, deleted_by: str) -> None:
    if deleted_by == "member":
        await Deletions(database).delete_member(job.member_id)
    else:
        async with database.transaction() as db:
            entry = JobDeleted(job.id, None, 0.0)
            await carry_out(db, database.journal, 0.0, entry)


async def is_to_be_deleted(database: Database, message_id: int) -> bool:
    async with database.read() as db:
        return bool(
            await rows_of(db, "SELECT 1 FROM deletions WHERE message_id = ?", (message_id,))
        )


async def test_the_bot_has_a_grace_period_to_name_the_message(
    discord: Sandbox, database: Database, start_job: JobFactory, start_poster: Any
) -> None:
    job = await start_job(message=False)
    await Jobs(database).cancel(job.id)
    start_poster(grace=0.5)
    message = _bot_message(discord, 0)
    await Messages(database).sent(job.id, Kind.JOB, job.channel_id, message.id)
    await until(lambda: is_posted(database, job))
    assert list(discord.channel.messages) == [message.id]
    assert "Cancelled" in text(message)


async def test_a_deleted_message_is_replaced(
    discord: Sandbox, database: Database, start_job: JobFactory, finish: Any, start_poster: Any
) -> None:
    job = await start_job()
    discord.world.delete(discord.channel, get_message(discord))
    poster, _ = start_poster()
    poster.show_frame(job, frame(1))
    await until(
        lambda: "` 2 %" in text(get_message(discord)) if discord.channel.messages else False
    )
    await finish(job)
    await until(lambda: is_posted(database, job))
    (message,) = discord.channel.messages.values()
    assert "Painted" in text(message)


async def test_frames_move_from_an_old_message_to_a_new_one(
    discord: Sandbox, database: Database, start_job: JobFactory, finish: Any, start_poster: Any
) -> None:
    job = await start_job(age=51 * 60)
    poster, _ = start_poster()
    poster.show_frame(job, frame(1))
    await until(lambda: len(discord.channel.messages) == 2 and edit_times(discord))
    new = get_message(discord)
    assert "` 2 %" in text(new)
    assert f"/{new.id}" in text(get_message(discord, job.message_id))
    await finish(job)
    await until(lambda: is_posted(database, job))
    assert "Painted" in text(new)
    assert len(discord.channel.messages) == 2


async def test_an_outcome_gets_a_new_message_when_the_old_one_cannot_be_edited(
    discord: Sandbox, database: Database, start_job: JobFactory, finish: Any, start_poster: Any
) -> None:
    job = await start_job(age=2 * 60 * 60)
    while discord.limits.take_old_edit(discord.channel.id) is None:
        pass  # use up the edits that Discord allows in an hour
    await finish(job)
    start_poster()
    await until(lambda: is_posted(database, job))
    assert "Painted" in text(get_message(discord))
    assert len(discord.channel.messages) == 2


async def test_an_outcome_is_given_up_when_its_channel_is_gone(
    discord: Sandbox, database: Database, start_job: JobFactory, finish: Any, start_poster: Any
) -> None:
    job = await start_job()
    await finish(job)
    discord.world.delete_channel(discord.channel)
    start_poster()
    await until(lambda: is_posted(database, job))
    assert len([r for r in discord.requests if r.status == 404]) == 1


@pytest.mark.parametrize("with_message", [True, False])
async def test_the_member_and_the_moderators_are_notified_of_an_unreadable_job(
    discord: Sandbox,
    database: Database,
    start_job: JobFactory,
    start_poster: Any,
    with_message: bool,
) -> None:
    job, other = await start_job(message=with_message), await start_job()
    async with database.transaction() as db:
        await db.execute(
            "UPDATE jobs SET recipe = json_set(recipe, '$.steps', 0), locale = 'de',"
            " guild_id = ? WHERE id = ?",
            (discord.guild.id, job.id),
        )
    await Claims(database).heartbeat(ENGINE, 60)
    assert await Jobs(database).cancel(other.id)
    start_poster()
    await until(lambda: _no_dead_letters_left(database))
    message = get_message(discord, job.message_id) if with_message else _message_about(discord, job)
    assert "### Fehlgeschlagen" in text(message)
    assert "beschädigt" in text(message)
    await until(lambda: is_posted(database, other))
    await Jobs(database).repost(job.id)  # as after a late response from the bot
    await until(lambda: _no_dead_letters_left(database))
    _, entries = await AuditLog(database).page(discord.guild.id)
    assert [(entry.action, entry.job_id) for entry in entries] == [("unreadable", job.id)]
    assert f"#{job.id}" in entry_line(entries[0])


async def test_a_posted_image_stays_when_its_job_is_unreadable_and_the_member_is_notified(
    discord: Sandbox, database: Database, start_job: JobFactory, finish: Any, start_poster: Any
) -> None:
    job = await start_job()
    await finish(job)
    start_poster()
    await until(lambda: is_posted(database, job))
    before = get_message(discord, job.message_id)
    assert before.components
    (file,) = before.files
    async with database.transaction() as db:
        await db.execute(
            "UPDATE jobs SET recipe = json_set(recipe, '$.steps', 0), guild_id = ? WHERE id = ?",
            (discord.guild.id, job.id),
        )
    assert await Jobs(database).get(job.id) is None
    await until(lambda: _no_dead_letters_left(database))
    message = get_message(discord, job.message_id)
    assert "### Failed" in text(message)
    assert "its buttons no longer work" in text(message)
    assert not [part for part in walk(message.components) if "custom_id" in part]
    assert message.files == [file]
    (url,) = gallery_urls(message)
    assert file.filename in url
    assert len(discord.channel.messages) == 1
    _, entries = await AuditLog(database).page(discord.guild.id)
    assert [(entry.action, entry.job_id) for entry in entries] == [("unreadable", job.id)]


async def _no_dead_letters_left(database: Database) -> bool:
    return not await Jobs(database).unposted_dead_letters()


def _message_about(discord: Sandbox, job: Job) -> Message:
    """The message whose footer has the job's number."""
    (message,) = (
        message
        for message in discord.channel.messages.values()
        if text(message).endswith(f"-# #{job.id}")
    )
    return message


async def test_images_that_discord_refuses_are_replaced_by_a_note(
    discord: Sandbox, database: Database, start_job: JobFactory, finish: Any, start_poster: Any
) -> None:
    job = await start_job()
    await finish(job)
    everyone = discord.guild.id
    discord.world.overwrite(discord.channel, everyone, deny=int(Permission.ATTACH_FILES))
    start_poster()
    await until(lambda: is_posted(database, job))
    (message,) = discord.channel.messages.values()
    assert "### Painted" in text(message)
    (note,) = [line for line in text(message).splitlines() if line.startswith("**Note**")]
    assert note.endswith("Discord won't accept it here: Missing Permissions.")


async def test_a_frame_whose_response_was_lost_is_not_mistaken_for_the_outcome(
    discord: Sandbox, database: Database, start_job: JobFactory, finish: Any, start_poster: Any
) -> None:
    job = await start_job()
    discord.world.delete(discord.channel, get_message(discord))
    discord.faults.reset(CREATE, applied=True)
    poster, _ = start_poster()
    poster.show_frame(job, frame(1))
    await until(lambda: discord.channel.messages)
    await finish(job)
    await until(lambda: is_posted(database, job))
    (message,) = discord.channel.messages.values()
    assert "### Painted" in text(message)
    assert message.files


async def test_a_late_frame_does_not_hide_an_outcome_posted_by_another_engine(
    discord: Sandbox, database: Database, start_job: JobFactory, finish: Any, start_poster: Any
) -> None:
    job = await start_job()
    discord.faults.fail(EDIT, 500)  # discord.py retries it a second later
    poster, _ = start_poster(poll=0.01)
    poster.show_frame(job, frame(1))
    await until(lambda: any(request.status == 500 for request in discord.requests))
    await finish(job)
    await Jobs(database).mark_posted(job.id)  # by another engine, which presumed this one dead
    await until(lambda: any("` 2 %" in str(request.json) for request in accepted_edits(discord)))
    await until(lambda: "Painted" in text(get_message(discord)))
    await until(lambda: is_posted(database, job))


class WrongClock:
    """This machine's clock, off by `offset` seconds; Discord's is right."""

    monotonic = staticmethod(time.monotonic)

    def __init__(self, offset: float) -> None:
        self._offset = offset

    def time(self) -> float:
        return time.time() + self._offset


@pytest.mark.parametrize("offset", [-7200.0, 7200.0])
async def test_a_wrong_clock_causes_no_second_message(
    discord: Sandbox,
    database: Database,
    start_job: JobFactory,
    finish: Any,
    start_poster: Any,
    monkeypatch: pytest.MonkeyPatch,
    offset: float,
) -> None:
    monkeypatch.setattr(message_writer, "time", WrongClock(offset))
    job = await start_job()
    poster, _ = start_poster()
    for step in (1, 2):
        poster.show_frame(job, frame(step))
        await until(lambda step=step: f"` {2 * step} %" in text(get_message(discord)))
    await finish(job)
    await until(lambda: is_posted(database, job))
    assert list(discord.channel.messages) == [job.message_id]


async def test_a_clock_that_was_set_back_delays_no_outcome(
    discord: Sandbox,
    database: Database,
    start_job: JobFactory,
    start_poster: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job = await start_job(message=False)
    await Jobs(database).cancel(job.id)
    monkeypatch.setattr(message_writer, "time", WrongClock(-7200))
    start_poster(grace=0.5)
    await until(lambda: is_posted(database, job))
    assert "Cancelled" in text(get_message(discord))


async def test_a_reset_token_stops_the_poster_and_loses_no_outcome(
    discord: Sandbox, database: Database, start_job: JobFactory, start_poster: Any
) -> None:
    job = await start_job()
    await Jobs(database).cancel(job.id)
    await discord.renew_token()
    _, running = start_poster()
    with pytest.raises(TokenRefusedError, match="DISCORD_TOKEN"):
        await running
    assert not await is_posted(database, job)


async def test_a_wrong_token_and_an_unreachable_discord_are_different_errors(
    settings: Settings,
) -> None:
    wrong_token = settings.model_copy(update={"discord_token": SecretStr("wrong")})
    with pytest.raises(TokenRefusedError, match="does not accept the token") as refused:
        async with logged_in(wrong_token):
            pass
    assert "wrong" not in str(refused.value)
    unreachable = settings.model_copy(update={"discord_api_url": "http://127.0.0.1:9/api/v10"})
    with pytest.raises(UnreachableError, match="does not answer"):
        async with logged_in(unreachable):
            pass


async def test_losing_discord_after_the_login_does_not_log_in_again(
    settings: Settings,
) -> None:
    with pytest.raises(UnreachableError, match="gone"):
        async with logged_in_when_reachable(settings):
            raise UnreachableError("Discord is gone.")


async def test_members_who_prefer_it_get_a_copy_by_direct_message(
    discord: Sandbox, database: Database, start_job: JobFactory, finish: Any, start_poster: Any
) -> None:
    ada, bob = await discord.member("Ada"), await discord.member("Bob")
    await Members(database).change_preferences(ada.id, direct_copy=True)
    jobs = [await start_job(), await start_job()]
    for job, member in zip(jobs, (ada, bob), strict=True):
        async with database.transaction() as db:
            await db.execute("UPDATE jobs SET member_id = ? WHERE id = ?", (member.id, job.id))
        await finish(job)
    poster, _ = start_poster()
    poster.job_ended()
    copy = await (await ada.direct()).wait_for(lambda message: "Painted" in message.text)
    assert [file.filename for file in copy.files][-1] == f"imagine-{jobs[0].id}-1.png"
    await until(lambda: is_posted(database, jobs[1]))
    assert not await (await bob.direct()).messages()


async def test_a_note_that_needs_many_escapes_is_still_shown(
    discord: Sandbox, start_poster: Any, start_job: JobFactory
) -> None:
    """Discord allows 4,000 characters in a layout, and refuses the whole message beyond that."""
    job = await start_job()
    poster, _ = start_poster()
    poster.show_frame(job, Frame(notes=["*" * 3990]))
    await until(lambda: "**Note**" in text(get_message(discord, job.message_id)))


@pytest.mark.parametrize(
    ("notify", "waited", "mentioned"),
    [
        (Notify.LONG, 61, True),
        (Notify.LONG, 30, False),
        (Notify.ALWAYS, 30, True),
        (Notify.NEVER, 61, False),
    ],
)
async def test_a_member_is_mentioned_once_if_they_prefer_it(
    discord: Sandbox,
    database: Database,
    start_job: JobFactory,
    finish: Any,
    start_poster: Any,
    notify: Notify,
    waited: float,
    mentioned: bool,
) -> None:
    ada = await discord.member("Ada")
    await Members(database).change_preferences(ada.id, notify=notify)
    job = await start_job()
    async with database.transaction() as db:
        await db.execute(
            "UPDATE jobs SET member_id = ?, created_at = created_at - ?", (ada.id, waited)
        )
    await finish(job)
    start_poster()
    await until(lambda: is_posted(database, job))
    await until(lambda: len(discord.channel.messages) == 1 + mentioned)
    await Jobs(database).repost(job.id)  # posted again, as after a late response from the bot
    await until(lambda: is_posted(database, job))
    await asyncio.sleep(0.3)  # leaves time for a second mention, which must not come
    mentions = [m for m in discord.channel.messages.values() if m.mentions]
    assert [[user.id for user in each.mentions] for each in mentions] == [[ada.id]] * mentioned
    assert [each.reference for each in mentions] == [job.message_id] * mentioned
    assert len(discord.channel.messages) == 1 + mentioned


@pytest.mark.parametrize("last", [State.DONE, State.CANCELLED])
async def test_a_member_is_mentioned_once_for_requests_made_together(
    discord: Sandbox,
    database: Database,
    start_job: JobFactory,
    finish: Any,
    start_poster: Any,
    last: State,
) -> None:
    ada = await discord.member("Ada")
    await Members(database).change_preferences(ada.id, notify=Notify.ALWAYS)
    jobs = [await start_job() for _ in range(3)]
    group = _bot_message(discord, 0)
    for job in jobs:
        await Messages(database).sent(job.id, Kind.GROUP, discord.channel.id, group.id)
    async with database.transaction() as db:
        await db.execute("UPDATE jobs SET member_id = ?", (ada.id,))
    start_poster()
    for job in jobs[:2]:
        await finish(job)
        await until(lambda job=job: is_posted(database, job))
    await asyncio.sleep(0.3)  # leaves time for a mention, which must not come yet
    assert not [m for m in discord.channel.messages.values() if m.mentions]
    if last is State.DONE:
        await finish(jobs[2])
    else:
        await Jobs(database).cancel(jobs[2].id)
    await until(lambda: is_posted(database, jobs[2]))
    await until(lambda: any(m.mentions for m in discord.channel.messages.values()))
    await Jobs(database).repost(jobs[1].id)
    await until(lambda: is_posted(database, jobs[1]))
    await asyncio.sleep(0.3)
    (mention,) = [m for m in discord.channel.messages.values() if m.mentions]
    assert f"Your {3 if last is State.DONE else 2} images are ready." in mention.content
    assert mention.reference == group.id


@pytest.mark.parametrize("obstacle", ["no history", "message gone"])
async def test_a_member_is_mentioned_even_if_the_bot_cannot_reply(
    discord: Sandbox,
    database: Database,
    start_job: JobFactory,
    finish: Any,
    start_poster: Any,
    obstacle: str,
) -> None:
    """Most servers let everybody read the history, but the bot doesn't ask for it."""
    ada = await discord.member("Ada")
    await Members(database).change_preferences(ada.id, notify=Notify.ALWAYS)
    job, group = await start_job(), _bot_message(discord, 0)
    await Messages(database).sent(job.id, Kind.GROUP, discord.channel.id, group.id)
    async with database.transaction() as db:
        await db.execute("UPDATE jobs SET member_id = ?", (ada.id,))
    if obstacle == "no history":
        bot_id = discord.world.application.bot.id
        discord.world.overwrite(discord.channel, bot_id, deny=int(Permission.READ_MESSAGE_HISTORY))
    else:
        del discord.channel.messages[group.id]
    await finish(job)
    start_poster()
    await until(lambda: any(m.mentions for m in discord.channel.messages.values()))
    (mention,) = [m for m in discord.channel.messages.values() if m.mentions]
    assert mention.reference is None
