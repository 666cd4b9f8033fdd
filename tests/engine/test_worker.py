"""Jobs come, share the batch, are cancelled, fail, and survive engines that die."""

import asyncio
import errno
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import av
import pytest
import torch
from PIL import Image

from core.database.claims import Claims
from core.database.connection import Database
from core.database.deletions import Deletions, Folder
from core.database.errors import StoreLockedError
from core.database.guild_rules import GuildRules
from core.database.jobs import Jobs
from core.database.moderation_queue import ModerationQueue
from core.database.reports import Reports
from core.description import (
    PLACEHOLDER,
    Description,
    description_recipe,
    read_descriptions,
)
from core.discord_ui.reasons import reason_text
from core.film import Film, Motion
from core.image_check import CheckAction, CheckPolicy, Concept
from core.job import Job, JobKind, NewJob, Reason, ReasonCode, State
from core.moderation import WordRule
from core.recipe import ImagePrompt, Recipe
from core.storage.paths import film_of, folder_of, state_of, timelapse_of
from core.storage.uploaded_images import delete_image, store_image
from engine import leases, scheduler
from engine import worker as worker_module
from engine.delivery.frame import Frame
from engine.job_files import JobFiles
from engine.job_messages import NOTES, fault_text, note_text
from engine.renderer_handle import LocalRenderer, RendererLost
from engine.synthesis.checkpoint import Checkpoint
from engine.synthesis.output import Fault, StepOutput
from engine.synthesis.validation import Note, NoteCode
from engine.worker import Worker
from tests.engine.conftest import MADE_BY, until
from tests.engine.fake_renderer import FakeRenderer, checkpoint

Ask = Callable[..., Awaitable[Job]]


class RecordingSink:
    """Shows nothing and remembers everything."""

    def __init__(self) -> None:
        self.frames: list[tuple[int, Frame]] = []
        self.dropped: list[int] = []
        self.ends = 0

    def show_frame(self, job: Job, frame: Frame) -> None:
        self.frames.append((job.id, frame))

    def drop_frames(self, job: Job) -> None:
        self.dropped.append(job.id)

    def job_ended(self) -> None:
        self.ends += 1


@pytest.fixture
def sink() -> RecordingSink:
    return RecordingSink()


@pytest.fixture
def working(
    database: Database, sink: RecordingSink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Any]:
    monkeypatch.setattr(scheduler, "POLL_SECONDS", 0.02)
    monkeypatch.setattr(leases, "RETRY_SECONDS", 0.02)
    monkeypatch.setattr(leases, "HEARTBEAT_SECONDS", 0.05)

    @asynccontextmanager
    async def working(
        *renderers: FakeRenderer | LocalRenderer,
        capacity: int = 4,
        idle_seconds: float | None = None,
        check: CheckPolicy | None = None,
    ) -> AsyncIterator[asyncio.Task[None]]:
        """A worker at its work; leaving the block stops it in good order."""
        worker = Worker(database, sink, data_dir=tmp_path, idle_seconds=idle_seconds, check=check)
        for renderer in renderers:
            is_handle = isinstance(renderer, LocalRenderer)
            worker.join(renderer if is_handle else LocalRenderer(renderer, MADE_BY, capacity))
        running = asyncio.create_task(worker.run())
        try:
            yield running
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    return working


@pytest.fixture
def ended(database: Database) -> Callable[[Job], Awaitable[Job]]:
    async def ended(job: Job) -> Job:
        async def look() -> Job | None:
            now = await Jobs(database).get(job.id)
            return now if now and now.state.ended else None

        found: Job = await until(look)
        return found

    return ended


class RemoteRenderer(LocalRenderer):
    """Is lost in the steps (counted by its renderer) that `dies_in` names."""

    def __init__(self, dies_in: Callable[[int], bool], headroom: float = 1.0) -> None:
        self.renderer = FakeRenderer()
        super().__init__(self.renderer, MADE_BY, capacity=4)
        self.fits = headroom
        self._dies_in = dies_in

    def headroom(self, recipe: Recipe) -> float:
        return self.fits

    async def step(self) -> list[StepOutput]:
        if self._dies_in(len(self.renderer.batches) + 1):
            self.lost = self.failed = True
            raise RendererLost("the node is gone")
        await asyncio.sleep(0.005)
        return await super().step()


def from_thread(work: Coroutine[Any, Any, Any], loop: asyncio.AbstractEventLoop) -> None:
    """Does something in the event loop while a step is under way in its thread."""
    asyncio.run_coroutine_threadsafe(work, loop).result()


async def test_idle_networks_leave_the_gpu_once_and_the_next_job_says_that_they_return(
    ask: Ask, working: Any, ended: Any, sink: RecordingSink
) -> None:
    renderer = FakeRenderer()
    async with working(renderer, idle_seconds=0.1):
        first = await ask()
        assert (await ended(first)).state is State.DONE
        await until(lambda: renderer.offloaded)
        await asyncio.sleep(0.3)
        assert renderer.offloads == 1
        second = await ask()
        assert (await ended(second)).state is State.DONE
        assert renderer.offloads < 3
    notes = {(job_id, note) for job_id, frame in sink.frames for note in frame.notes}
    assert notes == {(second.id, "Loading the model onto the GPU: about 1 s.")}


async def test_a_job_ends_with_its_images_on_disk_and_its_numbers_shown(
    ask: Ask, working: Any, ended: Any, sink: RecordingSink, tmp_path: Path
) -> None:
    job = await ask(exclude="watermark:2", count=2)
    renderer = FakeRenderer()
    renderer.notes = [Note(NoteCode.TRUNCATED_WORDS, {"words": "fog"})]
    async with working(renderer):
        assert (await ended(job)).state is State.DONE
    names = sorted(path.name for path in folder_of(job.id, tmp_path).iterdir())
    frames = [f"frame-{step:04}.webp" for step in range(1, 6)]
    assert names == ["final-0.png", "final-1.png", *frames, "state.safetensors", "timelapse.mp4"]
    first, *painted = [frame for _, frame in sink.frames]
    assert first.progress is None
    reported = [frame.progress for frame in painted if frame.progress]
    assert [progress.step for progress in reported] == [1, 2, 3, 4, 5]
    last = reported[-1]
    assert (last.include, last.exclude) == (1.0, 0.25)
    assert last.seconds_left == 0
    assert painted[-1].notes == [note_text(note) for note in renderer.notes]
    assert sink.ends == 1


async def test_jobs_share_the_batch_and_a_third_joins_when_there_is_room(
    ask: Ask, working: Any, ended: Any
) -> None:
    long, short, third = await ask(steps=12), await ask(steps=4), await ask(steps=4)
    renderer = FakeRenderer()
    async with working(renderer, capacity=2):
        for job in (long, short, third):
            assert (await ended(job)).state is State.DONE
    assert renderer.batches[0] == {long.id, short.id}
    assert {long.id, third.id} in renderer.batches
    assert all(len(batch) <= 2 for batch in renderer.batches)
    assert sum(long.id in batch for batch in renderer.batches) == 12


async def test_a_cancel_takes_effect_within_one_step(
    database: Database, ask: Ask, working: Any, ended: Any, sink: RecordingSink
) -> None:
    cancelled, other = await ask(steps=50), await ask(steps=10)
    loop = asyncio.get_running_loop()

    by_ada = Reason(text="Cancelled by Ada.")

    def cancel_in_step_three(number: int) -> None:
        if number == 3:
            from_thread(Jobs(database).cancel(cancelled.id, reason=by_ada), loop)

    renderer = FakeRenderer(cancel_in_step_three)
    async with working(renderer):
        assert (await ended(other)).state is State.DONE
    assert sum(cancelled.id in batch for batch in renderer.batches) == 3
    assert [job_id for job_id, _ in sink.frames].count(cancelled.id) == 3  # two steps, begin
    assert sink.dropped == [cancelled.id]


@pytest.mark.slow
async def test_a_pause_takes_effect_within_one_step_and_the_job_goes_on_from_there(
    database: Database,
    ask_for: Ask,
    recipe: Any,
    working: Any,
    ended: Any,
    sink: RecordingSink,
    tmp_path: Path,
) -> None:
    job, other = await ask_for(recipe(steps=102), guild_id=1), await ask_for(recipe(steps=10))
    loop = asyncio.get_running_loop()

    def pause_in_step_seven(number: int) -> None:
        if number == 7:
            from_thread(
                ModerationQueue(database).pause(1, actor_id=9, reason="a film evening"), loop
            )

    renderer = FakeRenderer(pause_in_step_seven)
    async with working(renderer):
        assert (await ended(other)).state is State.DONE
        assert sum(job.id in batch for batch in renderer.batches) == 7
        assert Checkpoint.from_bytes(state_of(folder_of(job.id, tmp_path)).read_bytes()).step == 7
        _, shown = next(pair for pair in sink.frames if pair[1].state is State.QUEUED)
        assert list(shown.notes) == [
            "The moderators have paused Imagine here: a film evening. This image is at step 7."
        ]
        await ModerationQueue(database).resume(1, actor_id=9)
        assert (await ended(job)).state is State.DONE
    assert sum(job.id in batch for batch in renderer.batches) == 102


async def test_a_dead_engines_job_is_rendered_once_by_another(
    ask: Ask, working: Any, ended: Any, database: Database
) -> None:
    job = await ask()
    claimed = await Claims(database).claim("an engine that died", 0.0)
    assert claimed
    renderer = FakeRenderer()
    async with working(renderer):
        done = await ended(job)
    assert done.state is State.DONE
    assert done.attempts == 2
    assert await Claims(database).finish(job.id, "an engine that died", State.DONE) is False
    assert len(renderer.batches) == 5


async def test_a_stop_saves_what_runs_and_the_next_engine_goes_on_from_there(
    ask: Ask, working: Any, ended: Any, database: Database, tmp_path: Path
) -> None:
    job = await ask(steps=102)  # of which every second step is kept
    in_step, go_on = threading.Event(), threading.Event()

    def hang_in_step_seven(number: int) -> None:
        if number == 7:
            in_step.set()
            go_on.wait()

    first, second = FakeRenderer(hang_in_step_seven), FakeRenderer()
    async with working(first):
        await until(in_step.is_set)
        asyncio.get_running_loop().call_later(0.05, go_on.set)
    given_back = await Jobs(database).get(job.id)
    assert given_back
    assert (given_back.state, given_back.attempts) == (State.QUEUED, 0)
    assert Checkpoint.from_bytes(state_of(folder_of(job.id, tmp_path)).read_bytes()).step == 7
    async with working(second):
        assert (await ended(job)).state is State.DONE
    assert len(first.batches) + len(second.batches) == 102


async def test_a_stop_does_not_wait_for_ever_for_a_step(
    ask: Ask, working: Any, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "STOP_SECONDS", 0.05)
    job = await ask(steps=50)
    in_step, go_on = threading.Event(), threading.Event()

    def hang_in_step_two(number: int) -> None:
        if number == 2:
            in_step.set()
            go_on.wait()

    async with working(FakeRenderer(hang_in_step_two)):
        await until(in_step.is_set)
    given_back = await Jobs(database).get(job.id)
    go_on.set()
    assert given_back
    assert given_back.state is State.QUEUED
    assert given_back.attempts == 0


async def test_a_fault_and_a_refusal_become_the_reason(ask: Ask, working: Any, ended: Any) -> None:
    faulty, refused, lost = await ask(), await ask(width=18), await ask(initial="0" * 64)
    renderer = FakeRenderer()
    renderer.faults[faulty.id] = Fault.NOT_FINITE
    async with working(renderer):
        assert reason_text((await ended(faulty)).reason) == fault_text(Fault.NOT_FINITE)
        assert reason_text((await ended(refused)).reason) == (
            "18x16 doesn't work with the model fake: both sides must be multiples of 4."
        )
        assert "upload it again" in reason_text((await ended(lost)).reason)


async def test_each_member_reads_their_language(
    ask: Ask, database: Database, working: Any, ended: Any
) -> None:
    """Notes of the renderer, a fault, a missing image."""
    german = [await ask(), await ask(), await ask(initial="0" * 64)]
    async with database.transaction() as db:
        await db.execute("UPDATE jobs SET locale = 'de'")
    english = await ask()
    renderer = FakeRenderer()
    renderer.notes = [Note(NoteCode.LOW_MEMORY)]
    renderer.faults[german[1].id] = Fault.NOT_FINITE
    async with working(renderer):
        reasons = [reason_text((await ended(job)).reason) for job in (*german, english)]
    assert reasons == [
        "Der Speicher ist knapp für diese Größe, darum dauert es länger.",
        "Die Rechnung ist zusammengebrochen (der Verlust ist keine Zahl).",
        "Ein dafür benötigtes Bild gibt es nicht mehr. Bitte lade es noch einmal hoch.",
        NOTES[NoteCode.LOW_MEMORY],
    ]


async def test_an_initial_image_reaches_the_renderer(
    ask: Ask, working: Any, ended: Any, tmp_path: Path
) -> None:
    name = store_image(Image.new("RGB", (20, 10), "navy"), tmp_path)
    job = await ask(initial=name)
    renderer = FakeRenderer()
    async with working(renderer):
        await ended(job)
    (request,) = renderer.requests
    assert {key: image.size for key, image in request.images.items()} == {name: (20, 10)}


async def test_a_job_goes_on_from_what_was_saved_of_it_and_others_begin_with_it(
    ask: Ask, ask_for: Ask, working: Any, ended: Any, tmp_path: Path
) -> None:
    job = await ask(steps=5)
    state = state_of(folder_of(job.id, tmp_path))
    state.parent.mkdir(parents=True)
    state.write_bytes(checkpoint(3).to_bytes())
    renderer = FakeRenderer()
    async with working(renderer):
        assert (await ended(job)).state is State.DONE
        assert len(renderer.batches) == 2  # steps 4 and 5
        assert Checkpoint.from_bytes(state.read_bytes()).step == 5
        await ended(await ask_for(job.recipe.more(job.id, 0, 5)))
    source = renderer.requests[-1].source
    assert source
    assert source.step == 5


async def test_a_job_interrupted_after_its_last_step_is_rendered_anew_to_the_same_image(
    ask: Ask, working: Any, ended: Any, tmp_path: Path
) -> None:
    """A step after the last one would make another image."""
    job = await ask(steps=5)
    state = state_of(folder_of(job.id, tmp_path))
    state.parent.mkdir(parents=True)
    state.write_bytes(checkpoint(5).to_bytes())
    renderer = FakeRenderer()
    async with working(renderer):
        assert (await ended(job)).state is State.DONE
    assert len(renderer.batches) == 5
    assert Checkpoint.from_bytes(state.read_bytes()).step == 5


async def test_a_damaged_state_is_as_good_as_none(
    ask: Ask, working: Any, ended: Any, tmp_path: Path
) -> None:
    job = await ask(steps=5)
    state = state_of(folder_of(job.id, tmp_path))
    state.parent.mkdir(parents=True)
    state.write_bytes(checkpoint(3).to_bytes()[:-9])
    renderer = FakeRenderer()
    async with working(renderer):
        assert (await ended(job)).state is State.DONE
    assert len(renderer.batches) == 5


async def test_an_unexpected_error_fails_its_jobs_with_an_incident_and_the_engine_goes_on(
    ask: Ask, working: Any, ended: Any
) -> None:
    broken = await ask()

    def break_in_step_two(number: int) -> None:
        if number == 2:
            raise RuntimeError("a secret of the inside")

    renderer = FakeRenderer(break_in_step_two)
    async with working(renderer):
        failed = await ended(broken)
        renderer.before_step = lambda number: None
        assert (await ended(await ask())).state is State.DONE
    assert failed.state is State.FAILED
    assert "incident" in reason_text(failed.reason)
    assert "secret" not in reason_text(failed.reason)


async def test_without_memory_for_one_job_it_is_rendered_in_less_and_the_member_is_told(
    ask: Ask, working: Any, ended: Any
) -> None:
    renderer = FakeRenderer()

    def no_room_unless_spared(number: int) -> None:
        if number > 2 and not renderer.gradient_checkpointing:
            raise MemoryError

    renderer.before_step = no_room_unless_spared
    job = await ask()
    async with working(renderer):
        done = await ended(job)
    assert done.state is State.DONE
    assert reason_text(done.reason) == NOTES[NoteCode.LOW_MEMORY]


@pytest.mark.parametrize("error", [MemoryError(), torch.OutOfMemoryError("CUDA")])
async def test_without_memory_the_youngest_job_waits_for_the_others(
    error: Exception, ask: Ask, working: Any, ended: Any
) -> None:
    jobs = [await ask(), await ask()]
    renderer = FakeRenderer()

    def no_room_for_two(number: int) -> None:
        if len(renderer.job_ids) > 1:
            raise error

    renderer.before_step = no_room_for_two
    async with working(renderer):
        ends = [await ended(job) for job in jobs]
    assert [end.state for end in ends] == [State.DONE, State.DONE]
    assert renderer.batches == [{jobs[0].id}] * 5 + [{jobs[1].id}] * 5


async def test_without_memory_for_one_job_a_smaller_size_is_named(
    ask: Ask, working: Any, ended: Any
) -> None:
    job = await ask(width=512, height=384, count=2)

    def no_room(number: int) -> None:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")

    async with working(FakeRenderer(no_room)):
        reason = reason_text((await ended(job)).reason)
    assert reason == (
        "There isn't enough memory for 512x384. Try fewer images at once, or 256x192."
    )


async def test_a_full_disk_fails_the_job_with_a_sentence(
    ask: Ask, working: Any, ended: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, content: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("engine.job_files.write_atomic", full)
    job = await ask()
    async with working(FakeRenderer()):
        failed = await ended(job)
    assert failed.state is State.FAILED
    assert "disk is full" in reason_text(failed.reason)


async def test_a_locked_database_delays_and_loses_nothing(
    ask: Ask, working: Any, ended: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked = 3
    for name in ("claim", "held", "finish", "heartbeat"):
        change = getattr(Claims, name)
        refusals = iter(range(locked))

        async def sometimes(
            *values: Any, change: Any = change, refusals: Any = refusals, **named: Any
        ) -> Any:
            if next(refusals, None) is not None:
                raise StoreLockedError("The database is locked by another program.")
            return await change(*values, **named)

        monkeypatch.setattr(Claims, name, sometimes)
    job = await ask(steps=8)
    async with working(FakeRenderer()):
        assert (await ended(job)).state is State.DONE


async def test_a_job_that_is_stopped_keeps_what_is_there(
    ask: Ask, working: Any, ended: Any, database: Database, tmp_path: Path
) -> None:
    job = await ask()
    loop = asyncio.get_running_loop()

    def at_the_second_step(number: int) -> None:
        if number == 2:
            from_thread(Jobs(database).request_stop(job.id), loop)

    async with working(FakeRenderer(at_the_second_step)):
        over = await ended(job)
    assert (over.state, reason_text(over.reason)) == (State.DONE, "Stopped at step 3 of 5.")
    frames = [path.name for path in sorted(folder_of(job.id, tmp_path).glob("frame-*.webp"))]
    assert frames == ["frame-0001.webp", "frame-0002.webp", "frame-0003.webp"]
    assert (folder_of(job.id, tmp_path) / "final-0.png").exists()


async def test_a_job_goes_on_elsewhere_from_what_was_saved_when_its_renderer_is_lost(
    ask: Ask, working: Any, ended: Any
) -> None:
    job = await ask(steps=102)  # of which every second step is kept
    doomed, other = RemoteRenderer(lambda step: step == 8, headroom=2), RemoteRenderer(never)
    async with working(doomed, other):
        done = await ended(job)
    assert (done.state, done.attempts) == (State.DONE, 1)
    # Seven steps, of which six were saved; and all that were left.
    assert (len(doomed.renderer.batches), len(other.renderer.batches)) == (7, 96)


async def test_a_job_that_renderers_do_not_survive_is_not_tried_for_ever(
    ask: Ask, working: Any, ended: Any
) -> None:
    job = await ask()
    four = [RemoteRenderer(lambda step: step == 1, headroom=room) for room in (4, 3, 2, 1)]
    async with working(*four):
        failed = await ended(job)
    assert (failed.state, failed.reason) == (State.FAILED, Reason(ReasonCode.TOO_MANY_ATTEMPTS))
    assert [each.lost for each in four] == [True, True, True, False]


async def test_a_job_goes_to_the_renderer_with_the_most_room_for_it(
    ask: Ask, working: Any, ended: Any
) -> None:
    small, large = RemoteRenderer(never, headroom=1), RemoteRenderer(never, headroom=9)
    job = await ask()
    async with working(small, large):
        await ended(job)
    assert large.renderer.batches == [{job.id}] * 5
    assert small.renderer.batches == []


async def test_a_renderer_that_joins_takes_jobs_from_one_that_has_several(
    ask: Ask, ended: Any, database: Database, sink: RecordingSink, tmp_path: Path, working: Any
) -> None:
    jobs = [await ask(steps=1500), await ask(steps=1500)]
    first, second = RemoteRenderer(never), RemoteRenderer(never)
    worker = Worker(database, sink, data_dir=tmp_path)
    worker.join(first)
    running = asyncio.create_task(worker.run())
    await until(lambda: len(first.renderer.batches) > 40)
    worker.join(second)
    await until(lambda: len(second.renderer.batches) > 40)
    assert [len(each.renderer.job_ids) for each in (first, second)] == [1, 1]
    assert first.renderer.job_ids | second.renderer.job_ids == {job.id for job in jobs}
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert [(await Jobs(database).get(job.id)).state for job in jobs] == [State.QUEUED] * 2  # type: ignore[union-attr]


async def test_a_job_that_its_renderer_dropped_fails_and_holds_nobody_up(
    ask: Ask, working: Any, ended: Any
) -> None:
    """As when the memory runs out after the last step, when the renderer has let go of the job."""
    dropped = await ask()
    renderer = FakeRenderer()

    def drop_in_step_three(number: int) -> None:
        if number == 3 and dropped.id in renderer.job_ids:
            renderer.abort(dropped.id)
            raise MemoryError

    renderer.before_step = drop_in_step_three
    async with working(renderer):
        failed = await ended(dropped)
        assert (await ended(await ask())).state is State.DONE
    assert failed.state is State.FAILED
    assert "incident" in reason_text(failed.reason)


async def test_a_job_moves_to_another_renderer_with_its_latest_state(
    ask: Ask,
    database: Database,
    sink: RecordingSink,
    tmp_path: Path,
    working: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also if the disk is slow."""
    write_checkpoint = JobFiles.write_checkpoint

    def slowly(files: JobFiles, checkpoint: Checkpoint) -> None:
        time.sleep(0.5)
        write_checkpoint(files, checkpoint)

    monkeypatch.setattr(JobFiles, "write_checkpoint", slowly)
    for _ in range(2):
        await ask(steps=2000)
    first, second = RemoteRenderer(never), RemoteRenderer(never)
    worker = Worker(database, sink, data_dir=tmp_path)
    worker.join(first)
    running = asyncio.create_task(worker.run())
    await until(lambda: len(first.renderer.batches) > 3)
    joined_at = len(first.renderer.batches)
    worker.join(second)
    await until(lambda: second.renderer.requests)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    resumed_from = second.renderer.requests[0].resume_from
    assert resumed_from
    assert resumed_from.step >= joined_at


@pytest.fixture
def is_running(database: Database) -> Callable[[Job], Awaitable[bool]]:
    async def is_running(job: Job) -> bool:
        now = await Jobs(database).get(job.id)
        return now is not None and now.state is State.RUNNING

    return is_running


async def test_a_job_that_is_claimed_again_before_it_has_started_is_rendered_once(
    ask_for: Ask, recipe: Any, database: Database, working: Any, is_running: Any
) -> None:
    """Its server is paused and resumed while its renderer is busy with a long step."""
    first, second = RemoteRenderer(never, headroom=9), RemoteRenderer(never, headroom=1)
    in_step, go_on = threading.Event(), threading.Event()

    def hang_in_step_three(number: int) -> None:
        if number == 3:
            in_step.set()
            go_on.wait(20)

    first.renderer.before_step = hang_in_step_three
    await ask_for(recipe(steps=300))
    async with working(first, second):
        await until(in_step.is_set)
        job = await ask_for(recipe(steps=300), guild_id=1)
        await until(lambda: is_running(job))
        first.fits = 0
        await ModerationQueue(database).pause(1, actor_id=9, reason=None)
        await ModerationQueue(database).resume(1, actor_id=9)
        await until(lambda: job.id in second.renderer.job_ids)
        go_on.set()
        taken = len(first.renderer.batches)
        await until(lambda: len(first.renderer.batches) > taken + 5)
        assert not any(job.id in batch for batch in first.renderer.batches)


async def test_a_job_that_is_claimed_again_while_it_is_rendered_is_rendered_once(
    ask_for: Ask, recipe: Any, database: Database, working: Any, ended: Any, is_running: Any
) -> None:
    """Its server is paused and resumed within one step, and another renderer claims it."""
    first, second = RemoteRenderer(never, headroom=9), RemoteRenderer(never, headroom=1)
    loop = asyncio.get_running_loop()

    async def pause_and_resume() -> None:
        first.fits = 0
        await ModerationQueue(database).pause(1, actor_id=9, reason=None)
        await ModerationQueue(database).resume(1, actor_id=9)
        await until(lambda: is_running(job))

    def in_step_seven(number: int) -> None:
        if number == 7:
            from_thread(pause_and_resume(), loop)

    job = await ask_for(recipe(steps=20), guild_id=1)
    first.renderer.before_step = in_step_seven
    async with working(first, second):
        assert (await ended(job)).state is State.DONE
    assert first.renderer.finished == []
    assert second.renderer.finished == [job.id]


async def test_a_job_that_no_longer_improves_ends_at_that_step_and_needs_no_reason(
    ask: Ask, working: Any, ended: Any
) -> None:
    job = await ask()
    renderer = FakeRenderer()

    def stall_in_step_two(number: int) -> None:
        if number == 2:
            renderer.finish_early(job.id)

    renderer.before_step = stall_in_step_two
    async with working(renderer):
        over = await ended(job)
    assert (over.state, over.step, over.reason) == (State.DONE, 2, None)


def never(step: int) -> bool:
    return False


class DescribingRenderer(LocalRenderer):
    """Finds the same in every image; `meanwhile` is awaited first."""

    def __init__(self, meanwhile: Callable[[], Awaitable[object]] | None = None) -> None:
        self.renderer = FakeRenderer()
        super().__init__(self.renderer, MADE_BY, capacity=4)
        self.refused: frozenset[str] = frozenset()
        self._meanwhile = meanwhile

    async def describe(self, image: Image.Image, refused: frozenset[str]) -> list[Description]:
        if self._meanwhile:
            await self._meanwhile()
        self.refused = refused
        prompts = ("a red circle", "a blue heart", "a red ring", "a star", "a cross")
        return [Description(prompt, 0.5) for prompt in prompts]


@pytest.fixture
def ask_to_describe(database: Database, tmp_path: Path) -> Callable[[], Awaitable[Job]]:
    async def ask_to_describe() -> Job:
        image = store_image(Image.new("RGB", (20, 10), "teal"), tmp_path)
        like = (ImagePrompt(image),)
        recipe = description_recipe().with_images(None, like, ()).without_text(PLACEHOLDER)
        return await Jobs(database).insert(
            NewJob(
                recipe=recipe,
                guild_id=5,
                channel_id=1,
                member_id=1,
                member_name="Ada",
                kind=JobKind.DESCRIPTION,
            )
        )

    return ask_to_describe


async def test_a_description_obeys_the_servers_word_rules(
    ask_to_describe: Any, working: Any, ended: Any, database: Database, tmp_path: Path
) -> None:
    """No step is taken for it, and what comes after it is rendered."""
    rules = GuildRules(database)
    await rules.add_word(5, WordRule("heart"), actor_id=2)
    await rules.add_word(5, WordRule("ring", age_restricted=True), actor_id=2)
    renderer = DescribingRenderer()
    async with working(renderer):
        done = await ended(await ask_to_describe())
    assert (done.state, renderer.renderer.batches) == (State.DONE, [])
    found = read_descriptions(folder_of(done.id, tmp_path))
    assert [each.prompt for each in found] == ["a red circle", "a star", "a cross"]
    assert {"a red heart", "a blue ring"} <= renderer.refused
    assert "a red circle" not in renderer.refused


async def test_a_description_outlives_its_engine(
    ask_to_describe: Any, working: Any, ended: Any, database: Database, tmp_path: Path
) -> None:
    job = await ask_to_describe()
    claimed = await Claims(database).claim("a dead engine", lease_seconds=0)
    assert claimed
    assert claimed.id == job.id
    async with working(DescribingRenderer()):
        done = await ended(job)
    assert (done.state, done.attempts) == (State.DONE, 2)
    assert len(read_descriptions(folder_of(job.id, tmp_path))) == 3


async def test_a_description_that_is_cancelled_meanwhile_stays_cancelled(
    ask_to_describe: Any, ask: Ask, working: Any, ended: Any, database: Database
) -> None:
    job = await ask_to_describe()
    async with working(DescribingRenderer(lambda: Jobs(database).cancel(job.id))):
        assert (await ended(await ask())).state is State.DONE
    now = await Jobs(database).get(job.id)
    assert now
    assert now.state is State.CANCELLED


async def test_a_description_without_its_image_fails_with_a_sentence(
    ask_to_describe: Any, working: Any, ended: Any, tmp_path: Path
) -> None:
    job = await ask_to_describe()
    delete_image(job.recipe.image_names[0], tmp_path)
    async with working(DescribingRenderer()):
        failed = await ended(job)
    assert failed.state is State.FAILED
    assert "no longer exists" in reason_text(failed.reason)


class CheckingRenderer(LocalRenderer):
    """In its images every concept has the score 0.5."""

    def __init__(self) -> None:
        super().__init__(FakeRenderer(), MADE_BY, capacity=4)

    def _concept_scores(self, output: StepOutput, concepts: tuple[str, ...]) -> dict[str, float]:
        return dict.fromkeys(concepts, 0.5)


def guns(action: CheckAction, **more: Any) -> CheckPolicy:
    return CheckPolicy((Concept("a gun", action),), **more)


@pytest.fixture
def ask_in_guild(database: Database, recipe: Callable[..., Recipe]) -> Callable[..., Any]:
    async def ask_in_guild(*, guild_id: int | None = 5, age_restricted: bool = False) -> Job:
        return await Jobs(database).insert(
            NewJob(
                recipe=recipe(),
                guild_id=guild_id,
                channel_id=1,
                member_id=1,
                member_name="Ada",
                age_restricted=age_restricted,
            )
        )

    return ask_in_guild


async def test_an_image_with_a_concept_becomes_a_spoiler_and_so_do_its_frames(
    ask_in_guild: Any, working: Any, ended: Any, sink: RecordingSink
) -> None:
    async with working(CheckingRenderer(), check=guns(CheckAction.SPOILER)):
        done = await ended(await ask_in_guild())
    assert (done.state, done.spoilered, done.held) == (State.DONE, True, False)
    shown = [frame for _, frame in sink.frames if frame.images]
    assert shown
    assert all(frame.spoilered for frame in shown)


async def test_an_image_with_a_concept_waits_for_a_moderator(
    ask_in_guild: Any,
    working: Any,
    ended: Any,
    database: Database,
    sink: RecordingSink,
    tmp_path: Path,
) -> None:
    """A server's own concept; nothing of the image has been shown."""
    await GuildRules(database).add_concept(5, Concept("a gun", CheckAction.HOLD), actor_id=2)
    async with working(CheckingRenderer()):
        done = await ended(await ask_in_guild())
        elsewhere = await ended(await ask_in_guild(guild_id=6))
    assert (done.state, done.held, done.spoilered, elsewhere.held) == (
        State.DONE,
        True,
        False,
        False,
    )
    assert (folder_of(done.id, tmp_path) / "final-0.png").exists()
    assert not [frame for job_id, frame in sink.frames if job_id == done.id and frame.images]
    _, (report,) = await Reports(database).open(5)
    assert (report.job_id, report.reason, report.by_image_check) == (done.id, "a gun", True)


@pytest.mark.parametrize("guild_id", [5, None])
async def test_a_refused_image_is_kept_nowhere(
    ask_in_guild: Any, working: Any, ended: Any, database: Database, guild_id: int | None
) -> None:
    """Where there is no moderator, what is to be held is refused."""
    action = CheckAction.REFUSE if guild_id else CheckAction.HOLD
    async with working(CheckingRenderer(), check=guns(action)):
        failed = await ended(await ask_in_guild(guild_id=guild_id))
    assert failed.state is State.FAILED
    assert "isn't allowed here" in reason_text(failed.reason)
    deletion = await Deletions(database).take()
    assert deletion
    assert deletion.target == Folder(failed.id)


@pytest.mark.parametrize(
    ("policy", "age_restricted"),
    [
        (guns(CheckAction.REFUSE, threshold=0.6), False),
        (guns(CheckAction.REFUSE, age_restricted=False), True),
        (CheckPolicy(), False),
    ],
)
async def test_below_the_threshold_and_where_it_is_exempt_an_image_is_shown(
    ask_in_guild: Any, working: Any, ended: Any, policy: CheckPolicy, age_restricted: bool
) -> None:
    async with working(CheckingRenderer(), check=policy):
        done = await ended(await ask_in_guild(age_restricted=age_restricted))
    assert (done.state, done.spoilered, done.held) == (State.DONE, False, False)


class ShowingOnceRenderer(CheckingRenderer):
    """Only its film's second frame shows a concept."""

    def _concept_scores(self, output: StepOutput, concepts: tuple[str, ...]) -> dict[str, float]:
        return dict.fromkeys(concepts, 0.5 if output.step == 4 else 0.0)


async def test_a_film_is_refused_for_any_of_its_frames_even_after_a_restart(
    ask_for: Any, recipe: Any, working: Any, ended: Any, tmp_path: Path
) -> None:
    film = recipe(steps=2).filmed(Film(Motion.ZOOM_IN, 10, 1))
    job = await ask_for(film)
    async with working(ShowingOnceRenderer(), check=guns(CheckAction.REFUSE)):
        failed = await ended(job)
    assert failed.state is State.FAILED
    frames = sorted(path.name for path in folder_of(job.id, tmp_path).glob("film-*.webp"))
    assert frames == [f"film-{step:04}.webp" for step in range(3, 13)]
    resumed = JobFiles(folder_of(job.id, tmp_path), film, MADE_BY, start_step=9)
    assert resumed.film_scores == {"a gun": 0.5}
    again = JobFiles(folder_of(job.id, tmp_path), film, MADE_BY)
    assert again.film_scores == {}


async def test_a_film_is_played_by_a_file_beside_its_timelapse(
    ask_for: Any, recipe: Any, working: Any, ended: Any, tmp_path: Path
) -> None:
    job = await ask_for(recipe(steps=2).filmed(Film(Motion.ZOOM_IN, 10, 2)))
    async with working(FakeRenderer()):
        assert (await ended(job)).state is State.DONE
    with av.open(str(film_of(folder_of(job.id, tmp_path)))) as film:
        assert sum(1 for _ in film.decode(film.streams.video[0])) == 10
    with av.open(str(timelapse_of(folder_of(job.id, tmp_path)))) as timelapse:
        assert sum(1 for _ in timelapse.decode(timelapse.streams.video[0])) > 22
