"""Jobs share the batch, are cancelled, fail, and survive the loss of renderers and engines."""

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

JobFactory = Callable[..., Awaitable[Job]]


class RecordingSink:
    """Shows nothing and records every call."""

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
def running_worker(
    database: Database, sink: RecordingSink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Any]:
    monkeypatch.setattr(scheduler, "POLL_SECONDS", 0.02)
    monkeypatch.setattr(leases, "RETRY_SECONDS", 0.02)
    monkeypatch.setattr(leases, "HEARTBEAT_SECONDS", 0.05)

    @asynccontextmanager
    async def running_worker(
        *renderers: FakeRenderer | LocalRenderer,
        capacity: int = 4,
        idle_seconds: float | None = None,
        check: CheckPolicy | None = None,
    ) -> AsyncIterator[asyncio.Task[None]]:
        """Runs a worker inside the block; leaving the block shuts it down cleanly."""
        worker = Worker(database, sink, data_dir=tmp_path, idle_seconds=idle_seconds, check=check)
        for renderer in renderers:
            is_handle = isinstance(renderer, LocalRenderer)
            worker.add_renderer(
                renderer if is_handle else LocalRenderer(renderer, MADE_BY, capacity)
            )
        running = asyncio.create_task(worker.run())
        try:
            yield running
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    return running_worker


@pytest.fixture
def wait_until_ended(database: Database) -> Callable[[Job], Awaitable[Job]]:
    async def wait_until_ended(job: Job) -> Job:
        async def ended_job() -> Job | None:
            now = await Jobs(database).get(job.id)
            return now if now and now.state.ended else None

        found: Job = await until(ended_job)
        return found

    return wait_until_ended


class RemoteRenderer(LocalRenderer):
    """Is lost in the first step, as its renderer counts them, for which `lost_in` is true."""

    def __init__(self, lost_in: Callable[[int], bool], headroom: float = 1.0) -> None:
        self.renderer = FakeRenderer()
        super().__init__(self.renderer, MADE_BY, capacity=4)
        self.room = headroom
        self._lost_in = lost_in

    def headroom(self, recipe: Recipe) -> float:
        return self.room

    async def step(self) -> list[StepOutput]:
        if self._lost_in(len(self.renderer.batches) + 1):
            self.lost = self.failed = True
            raise RendererLost("the node is gone")
        await asyncio.sleep(0.005)
        return await super().step()


def run_in_loop(work: Coroutine[Any, Any, Any], loop: asyncio.AbstractEventLoop) -> None:
    """Runs a coroutine in the event loop from a renderer's thread, and waits for its end."""
    asyncio.run_coroutine_threadsafe(work, loop).result()


async def test_idle_networks_are_offloaded_once_and_the_next_job_says_that_they_are_reloaded(
    enqueue: JobFactory, running_worker: Any, wait_until_ended: Any, sink: RecordingSink
) -> None:
    renderer = FakeRenderer()
    async with running_worker(renderer, idle_seconds=0.1):
        first = await enqueue()
        assert (await wait_until_ended(first)).state is State.DONE
        await until(lambda: renderer.offloaded)
        await asyncio.sleep(0.3)
        assert renderer.offloads == 1
        second = await enqueue()
        assert (await wait_until_ended(second)).state is State.DONE
        assert renderer.offloads < 3
    notes = {(job_id, note) for job_id, frame in sink.frames for note in frame.notes}
    assert notes == {(second.id, "Loading the model onto the GPU: about 1 s.")}


async def test_a_job_ends_with_its_images_on_disk_and_its_progress_shown(
    enqueue: JobFactory,
    running_worker: Any,
    wait_until_ended: Any,
    sink: RecordingSink,
    tmp_path: Path,
) -> None:
    job = await enqueue(exclude="watermark:2", count=2)
    renderer = FakeRenderer()
    renderer.notes = [Note(NoteCode.TRUNCATED_WORDS, {"words": "fog"})]
    async with running_worker(renderer):
        assert (await wait_until_ended(job)).state is State.DONE
    names = sorted(path.name for path in folder_of(job.id, tmp_path).iterdir())
    frames = [f"frame-{step:04}.webp" for step in range(1, 6)]
    assert names == ["final-0.png", "final-1.png", *frames, "state.safetensors", "timelapse.mp4"]
    rendered = [frame for _, frame in sink.frames]
    reported = [frame.progress for frame in rendered if frame.progress]
    assert [progress.step for progress in reported] == [0, 1, 2, 3, 4, 5]
    last = reported[-1]
    assert (last.include, last.exclude) == (1.0, 0.25)
    assert last.seconds_left == 0
    assert rendered[-1].notes == [note_text(note) for note in renderer.notes]
    assert sink.ends == 1


async def test_a_job_shows_what_it_starts_from_before_its_first_step(
    enqueue: JobFactory, running_worker: Any, wait_until_ended: Any, sink: RecordingSink
) -> None:
    job = await enqueue(count=4)
    shown_before_steps: list[int] = []
    renderer = FakeRenderer(lambda number: shown_before_steps.append(len(sink.frames)))
    async with running_worker(renderer):
        await wait_until_ended(job)
    assert shown_before_steps[0] == 1
    _, frame = sink.frames[0]
    assert frame.progress
    assert frame.progress.step == 0
    assert frame.images
    assert len(frame.images()) == 4


async def test_jobs_share_the_batch_and_a_third_joins_when_there_is_room(
    enqueue: JobFactory, running_worker: Any, wait_until_ended: Any
) -> None:
    long, short, third = await enqueue(steps=12), await enqueue(steps=4), await enqueue(steps=4)
    renderer = FakeRenderer()
    async with running_worker(renderer, capacity=2):
        for job in (long, short, third):
            assert (await wait_until_ended(job)).state is State.DONE
    assert renderer.batches[0] == {long.id, short.id}
    assert {long.id, third.id} in renderer.batches
    assert all(len(batch) <= 2 for batch in renderer.batches)
    assert sum(long.id in batch for batch in renderer.batches) == 12


async def test_a_cancellation_takes_effect_within_one_step(
    database: Database,
    enqueue: JobFactory,
    running_worker: Any,
    wait_until_ended: Any,
    sink: RecordingSink,
) -> None:
    cancelled, other = await enqueue(steps=50), await enqueue(steps=10)
    loop = asyncio.get_running_loop()

    reason = Reason(text="Cancelled by Ada.")

    def cancel_in_step_three(number: int) -> None:
        if number == 3:
            run_in_loop(Jobs(database).cancel(cancelled.id, reason=reason), loop)

    renderer = FakeRenderer(cancel_in_step_three)
    async with running_worker(renderer):
        assert (await wait_until_ended(other)).state is State.DONE
    assert sum(cancelled.id in batch for batch in renderer.batches) == 3
    assert [job_id for job_id, _ in sink.frames].count(cancelled.id) == 3  # the start and two steps
    assert sink.dropped == [cancelled.id]


@pytest.mark.slow
async def test_a_pause_takes_effect_within_one_step_and_the_job_resumes_from_there(
    database: Database,
    enqueue_recipe: JobFactory,
    recipe: Any,
    running_worker: Any,
    wait_until_ended: Any,
    sink: RecordingSink,
    tmp_path: Path,
) -> None:
    job, other = (
        await enqueue_recipe(recipe(steps=102), guild_id=1),
        await enqueue_recipe(recipe(steps=10)),
    )
    loop = asyncio.get_running_loop()

    def pause_in_step_seven(number: int) -> None:
        if number == 7:
            run_in_loop(
                ModerationQueue(database).pause(1, actor_id=9, reason="a film evening"), loop
            )

    renderer = FakeRenderer(pause_in_step_seven)
    async with running_worker(renderer):
        assert (await wait_until_ended(other)).state is State.DONE
        assert sum(job.id in batch for batch in renderer.batches) == 7
        assert Checkpoint.from_bytes(state_of(folder_of(job.id, tmp_path)).read_bytes()).step == 7
        _, shown = next(pair for pair in sink.frames if pair[1].state is State.QUEUED)
        assert list(shown.notes) == [
            "The moderators have paused Imagine here: a film evening. This image is at step 7."
        ]
        await ModerationQueue(database).resume(1, actor_id=9)
        assert (await wait_until_ended(job)).state is State.DONE
    assert sum(job.id in batch for batch in renderer.batches) == 102


async def test_a_dead_engines_job_is_rendered_once_by_another(
    enqueue: JobFactory, running_worker: Any, wait_until_ended: Any, database: Database
) -> None:
    job = await enqueue()
    claimed = await Claims(database).claim("an engine that died", 0.0)
    assert claimed
    renderer = FakeRenderer()
    async with running_worker(renderer):
        done = await wait_until_ended(job)
    assert done.state is State.DONE
    assert done.attempts == 2
    assert await Claims(database).finish(job.id, "an engine that died", State.DONE) is False
    assert len(renderer.batches) == 5


async def test_a_shutdown_saves_running_jobs_and_the_next_engine_resumes_them(
    enqueue: JobFactory,
    running_worker: Any,
    wait_until_ended: Any,
    database: Database,
    tmp_path: Path,
) -> None:
    job = await enqueue(steps=102)  # every second frame is kept
    in_step, proceed = threading.Event(), threading.Event()

    def hang_in_step_seven(number: int) -> None:
        if number == 7:
            in_step.set()
            proceed.wait()

    first, second = FakeRenderer(hang_in_step_seven), FakeRenderer()
    async with running_worker(first):
        await until(in_step.is_set)
        asyncio.get_running_loop().call_later(0.05, proceed.set)
    released = await Jobs(database).get(job.id)
    assert released
    assert (released.state, released.attempts) == (State.QUEUED, 0)
    assert Checkpoint.from_bytes(state_of(folder_of(job.id, tmp_path)).read_bytes()).step == 7
    async with running_worker(second):
        assert (await wait_until_ended(job)).state is State.DONE
    assert len(first.batches) + len(second.batches) == 102


async def test_a_shutdown_does_not_wait_forever_for_a_step(
    enqueue: JobFactory, running_worker: Any, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "STOP_SECONDS", 0.05)
    job = await enqueue(steps=50)
    in_step, proceed = threading.Event(), threading.Event()

    def hang_in_step_two(number: int) -> None:
        if number == 2:
            in_step.set()
            proceed.wait()

    async with running_worker(FakeRenderer(hang_in_step_two)):
        await until(in_step.is_set)
    released = await Jobs(database).get(job.id)
    proceed.set()
    assert released
    assert released.state is State.QUEUED
    assert released.attempts == 0


async def test_a_fault_and_a_refusal_become_the_reason(
    enqueue: JobFactory, running_worker: Any, wait_until_ended: Any
) -> None:
    faulty, refused, without_image = (
        await enqueue(),
        await enqueue(width=18),
        await enqueue(initial="0" * 64),
    )
    renderer = FakeRenderer()
    renderer.faults[faulty.id] = Fault.NOT_FINITE
    async with running_worker(renderer):
        assert reason_text((await wait_until_ended(faulty)).reason) == fault_text(Fault.NOT_FINITE)
        assert reason_text((await wait_until_ended(refused)).reason) == (
            "18x16 doesn't work with the model fake: both sides must be multiples of 4."
        )
        assert "upload it again" in reason_text((await wait_until_ended(without_image)).reason)


async def test_each_member_reads_reasons_in_their_language(
    enqueue: JobFactory, database: Database, running_worker: Any, wait_until_ended: Any
) -> None:
    """A note from the renderer, a fault, and a missing image."""
    german = [await enqueue(), await enqueue(), await enqueue(initial="0" * 64)]
    async with database.transaction() as db:
        await db.execute("UPDATE jobs SET locale = 'de'")
    english = await enqueue()
    renderer = FakeRenderer()
    renderer.notes = [Note(NoteCode.LOW_MEMORY)]
    renderer.faults[german[1].id] = Fault.NOT_FINITE
    async with running_worker(renderer):
        reasons = [reason_text((await wait_until_ended(job)).reason) for job in (*german, english)]
    assert reasons == [
        "Der Speicher ist knapp für diese Größe, darum dauert es länger.",
        "Die Rechnung ist zusammengebrochen (der Verlust ist keine Zahl).",
        "Ein dafür benötigtes Bild gibt es nicht mehr. Bitte lade es noch einmal hoch.",
        NOTES[NoteCode.LOW_MEMORY],
    ]


async def test_an_initial_image_reaches_the_renderer(
    enqueue: JobFactory, running_worker: Any, wait_until_ended: Any, tmp_path: Path
) -> None:
    name = store_image(Image.new("RGB", (20, 10), "navy"), tmp_path)
    job = await enqueue(initial=name)
    renderer = FakeRenderer()
    async with running_worker(renderer):
        await wait_until_ended(job)
    (request,) = renderer.requests
    assert {key: image.size for key, image in request.images.items()} == {name: (20, 10)}


async def test_a_job_resumes_from_its_checkpoint_and_other_jobs_start_from_it(
    enqueue: JobFactory,
    enqueue_recipe: JobFactory,
    running_worker: Any,
    wait_until_ended: Any,
    tmp_path: Path,
) -> None:
    job = await enqueue(steps=5)
    state = state_of(folder_of(job.id, tmp_path))
    state.parent.mkdir(parents=True)
    state.write_bytes(checkpoint(3).to_bytes())
    renderer = FakeRenderer()
    async with running_worker(renderer):
        assert (await wait_until_ended(job)).state is State.DONE
        assert len(renderer.batches) == 2  # steps 4 and 5
        assert Checkpoint.from_bytes(state.read_bytes()).step == 5
        await wait_until_ended(await enqueue_recipe(job.recipe.continue_from(job.id, 0, 5)))
    source = renderer.requests[-1].source
    assert source
    assert source.step == 5


async def test_a_job_interrupted_after_its_last_step_is_rendered_from_the_start_again(
    enqueue: JobFactory, running_worker: Any, wait_until_ended: Any, tmp_path: Path
) -> None:
    """One more step would change the image."""
    job = await enqueue(steps=5)
    state = state_of(folder_of(job.id, tmp_path))
    state.parent.mkdir(parents=True)
    state.write_bytes(checkpoint(5).to_bytes())
    renderer = FakeRenderer()
    async with running_worker(renderer):
        assert (await wait_until_ended(job)).state is State.DONE
    assert len(renderer.batches) == 5
    assert Checkpoint.from_bytes(state.read_bytes()).step == 5


async def test_a_damaged_checkpoint_is_ignored(
    enqueue: JobFactory, running_worker: Any, wait_until_ended: Any, tmp_path: Path
) -> None:
    job = await enqueue(steps=5)
    state = state_of(folder_of(job.id, tmp_path))
    state.parent.mkdir(parents=True)
    state.write_bytes(checkpoint(3).to_bytes()[:-9])
    renderer = FakeRenderer()
    async with running_worker(renderer):
        assert (await wait_until_ended(job)).state is State.DONE
    assert len(renderer.batches) == 5


async def test_an_unexpected_error_fails_its_jobs_with_an_incident_and_the_engine_continues(
    enqueue: JobFactory, running_worker: Any, wait_until_ended: Any
) -> None:
    broken = await enqueue()

    def fail_in_step_two(number: int) -> None:
        if number == 2:
            raise RuntimeError("a secret of the inside")

    renderer = FakeRenderer(fail_in_step_two)
    async with running_worker(renderer):
        failed = await wait_until_ended(broken)
        renderer.before_step = lambda number: None
        assert (await wait_until_ended(await enqueue())).state is State.DONE
    assert failed.state is State.FAILED
    assert "incident" in reason_text(failed.reason)
    assert "secret" not in reason_text(failed.reason)


async def test_a_job_that_does_not_fit_into_memory_is_rendered_with_less_and_says_so(
    enqueue: JobFactory, running_worker: Any, wait_until_ended: Any
) -> None:
    renderer = FakeRenderer()

    def fail_without_gradient_checkpointing(number: int) -> None:
        if number > 2 and not renderer.gradient_checkpointing:
            raise MemoryError

    renderer.before_step = fail_without_gradient_checkpointing
    job = await enqueue()
    async with running_worker(renderer):
        done = await wait_until_ended(job)
    assert done.state is State.DONE
    assert reason_text(done.reason) == NOTES[NoteCode.LOW_MEMORY]


@pytest.mark.parametrize("error", [MemoryError(), torch.OutOfMemoryError("CUDA")])
async def test_when_memory_runs_out_the_youngest_job_waits_for_the_others(
    error: Exception, enqueue: JobFactory, running_worker: Any, wait_until_ended: Any
) -> None:
    jobs = [await enqueue(), await enqueue()]
    renderer = FakeRenderer()

    def fail_with_two_jobs(number: int) -> None:
        if len(renderer.job_ids) > 1:
            raise error

    renderer.before_step = fail_with_two_jobs
    async with running_worker(renderer):
        done = [await wait_until_ended(job) for job in jobs]
    assert [job.state for job in done] == [State.DONE, State.DONE]
    assert renderer.batches == [{jobs[0].id}] * 5 + [{jobs[1].id}] * 5


async def test_a_job_that_never_fits_into_memory_fails_and_suggests_a_smaller_size(
    enqueue: JobFactory, running_worker: Any, wait_until_ended: Any
) -> None:
    job = await enqueue(width=512, height=384, count=2)

    def fail(number: int) -> None:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")

    async with running_worker(FakeRenderer(fail)):
        reason = reason_text((await wait_until_ended(job)).reason)
    assert reason == (
        "There isn't enough memory for 512x384. Try fewer images at once, or 256x192."
    )


async def test_a_full_disk_fails_the_job_with_a_reason(
    enqueue: JobFactory,
    running_worker: Any,
    wait_until_ended: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(path: Path, content: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("engine.job_files.write_atomic", full)
    job = await enqueue()
    async with running_worker(FakeRenderer()):
        failed = await wait_until_ended(job)
    assert failed.state is State.FAILED
    assert "disk is full" in reason_text(failed.reason)


async def test_a_locked_database_delays_a_job_but_does_not_lose_it(
    enqueue: JobFactory, running_worker: Any, wait_until_ended: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked_calls = 3
    for name in ("claim", "held", "finish", "heartbeat"):
        method = getattr(Claims, name)
        refusals = iter(range(locked_calls))

        async def locked_at_first(
            *args: Any, method: Any = method, refusals: Any = refusals, **kwargs: Any
        ) -> Any:
            if next(refusals, None) is not None:
                raise StoreLockedError("The database is locked by another program.")
            return await method(*args, **kwargs)

        monkeypatch.setattr(Claims, name, locked_at_first)
    job = await enqueue(steps=8)
    async with running_worker(FakeRenderer()):
        assert (await wait_until_ended(job)).state is State.DONE


async def test_a_stopped_job_keeps_its_image_so_far(
    enqueue: JobFactory,
    running_worker: Any,
    wait_until_ended: Any,
    database: Database,
    tmp_path: Path,
) -> None:
    job = await enqueue()
    loop = asyncio.get_running_loop()

    def stop_in_step_two(number: int) -> None:
        if number == 2:
            run_in_loop(Jobs(database).request_stop(job.id), loop)

    async with running_worker(FakeRenderer(stop_in_step_two)):
        done = await wait_until_ended(job)
    assert (done.state, reason_text(done.reason)) == (State.DONE, "Stopped at step 3 of 5.")
    frames = [path.name for path in sorted(folder_of(job.id, tmp_path).glob("frame-*.webp"))]
    assert frames == ["frame-0001.webp", "frame-0002.webp", "frame-0003.webp"]
    assert (folder_of(job.id, tmp_path) / "final-0.png").exists()


async def test_a_job_resumes_elsewhere_from_its_checkpoint_when_its_renderer_is_lost(
    enqueue: JobFactory, running_worker: Any, wait_until_ended: Any
) -> None:
    job = await enqueue(steps=102)  # every second frame is kept
    failing, other = RemoteRenderer(lambda step: step == 8, headroom=2), RemoteRenderer(never)
    async with running_worker(failing, other):
        done = await wait_until_ended(job)
    assert (done.state, done.attempts) == (State.DONE, 1)
    # Seven steps, of which six were saved, and then the remaining 96.
    assert (len(failing.renderer.batches), len(other.renderer.batches)) == (7, 96)


async def test_a_job_that_keeps_losing_its_renderer_is_not_retried_forever(
    enqueue: JobFactory, running_worker: Any, wait_until_ended: Any
) -> None:
    job = await enqueue()
    renderers = [RemoteRenderer(lambda step: step == 1, headroom=room) for room in (4, 3, 2, 1)]
    async with running_worker(*renderers):
        failed = await wait_until_ended(job)
    assert (failed.state, failed.reason) == (State.FAILED, Reason(ReasonCode.TOO_MANY_ATTEMPTS))
    assert [each.lost for each in renderers] == [True, True, True, False]


async def test_a_job_goes_to_the_renderer_with_the_most_room_for_it(
    enqueue: JobFactory, running_worker: Any, wait_until_ended: Any
) -> None:
    small, large = RemoteRenderer(never, headroom=1), RemoteRenderer(never, headroom=9)
    job = await enqueue()
    async with running_worker(small, large):
        await wait_until_ended(job)
    assert large.renderer.batches == [{job.id}] * 5
    assert small.renderer.batches == []


async def test_a_renderer_that_joins_takes_jobs_from_one_that_has_several(
    enqueue: JobFactory,
    wait_until_ended: Any,
    database: Database,
    sink: RecordingSink,
    tmp_path: Path,
    running_worker: Any,
) -> None:
    jobs = [await enqueue(steps=1500), await enqueue(steps=1500)]
    first, second = RemoteRenderer(never), RemoteRenderer(never)
    worker = Worker(database, sink, data_dir=tmp_path)
    worker.add_renderer(first)
    running = asyncio.create_task(worker.run())
    await until(lambda: len(first.renderer.batches) > 40)
    worker.add_renderer(second)
    await until(lambda: len(second.renderer.batches) > 40)
    assert [len(each.renderer.job_ids) for each in (first, second)] == [1, 1]
    assert first.renderer.job_ids | second.renderer.job_ids == {job.id for job in jobs}
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert [(await Jobs(database).get(job.id)).state for job in jobs] == [State.QUEUED] * 2  # type: ignore[union-attr]


async def test_a_job_that_its_renderer_dropped_fails_and_blocks_no_other_job(
    enqueue: JobFactory, running_worker: Any, wait_until_ended: Any
) -> None:
    """As when memory runs out after the last step, once the renderer has dropped the job."""
    dropped = await enqueue()
    renderer = FakeRenderer()

    def drop_in_step_three(number: int) -> None:
        if number == 3 and dropped.id in renderer.job_ids:
            renderer.abort(dropped.id)
            raise MemoryError

    renderer.before_step = drop_in_step_three
    async with running_worker(renderer):
        failed = await wait_until_ended(dropped)
        assert (await wait_until_ended(await enqueue())).state is State.DONE
    assert failed.state is State.FAILED
    assert "incident" in reason_text(failed.reason)


@pytest.mark.slow
async def test_a_job_moves_to_another_renderer_with_its_latest_state(
    enqueue: JobFactory,
    database: Database,
    sink: RecordingSink,
    tmp_path: Path,
    running_worker: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Even if the disk is slow."""
    write_checkpoint = JobFiles.write_checkpoint

    def write_slowly(files: JobFiles, checkpoint: Checkpoint) -> None:
        time.sleep(0.5)
        write_checkpoint(files, checkpoint)

    monkeypatch.setattr(JobFiles, "write_checkpoint", write_slowly)
    for _ in range(2):
        await enqueue(steps=2000)
    first, second = RemoteRenderer(never), RemoteRenderer(never)
    worker = Worker(database, sink, data_dir=tmp_path)
    worker.add_renderer(first)
    running = asyncio.create_task(worker.run())
    await until(lambda: len(first.renderer.batches) > 3)
    joined_at = len(first.renderer.batches)
    worker.add_renderer(second)
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
    enqueue_recipe: JobFactory,
    recipe: Any,
    database: Database,
    running_worker: Any,
    is_running: Any,
) -> None:
    """Its server is paused and resumed while its renderer is busy with a long step."""
    first, second = RemoteRenderer(never, headroom=9), RemoteRenderer(never, headroom=1)
    in_step, proceed = threading.Event(), threading.Event()

    def hang_in_step_three(number: int) -> None:
        if number == 3:
            in_step.set()
            proceed.wait(20)

    first.renderer.before_step = hang_in_step_three
    await enqueue_recipe(recipe(steps=300))
    async with running_worker(first, second):
        await until(in_step.is_set)
        job = await enqueue_recipe(recipe(steps=300), guild_id=1)
        await until(lambda: is_running(job))
        first.room = 0
        await ModerationQueue(database).pause(1, actor_id=9, reason=None)
        await ModerationQueue(database).resume(1, actor_id=9)
        await until(lambda: job.id in second.renderer.job_ids)
        proceed.set()
        steps_before = len(first.renderer.batches)
        await until(lambda: len(first.renderer.batches) > steps_before + 5)
        assert not any(job.id in batch for batch in first.renderer.batches)


async def test_a_job_that_is_claimed_again_while_it_is_being_rendered_is_rendered_once(
    enqueue_recipe: JobFactory,
    recipe: Any,
    database: Database,
    running_worker: Any,
    wait_until_ended: Any,
    is_running: Any,
) -> None:
    """Its server is paused and resumed within one step, and another renderer claims it."""
    first, second = RemoteRenderer(never, headroom=9), RemoteRenderer(never, headroom=1)
    loop = asyncio.get_running_loop()

    async def pause_and_resume() -> None:
        first.room = 0
        await ModerationQueue(database).pause(1, actor_id=9, reason=None)
        await ModerationQueue(database).resume(1, actor_id=9)
        await until(lambda: is_running(job))

    def pause_and_resume_in_step_seven(number: int) -> None:
        if number == 7:
            run_in_loop(pause_and_resume(), loop)

    job = await enqueue_recipe(recipe(steps=20), guild_id=1)
    first.renderer.before_step = pause_and_resume_in_step_seven
    async with running_worker(first, second):
        assert (await wait_until_ended(job)).state is State.DONE
    assert first.renderer.finished == []
    assert second.renderer.finished == [job.id]


async def test_a_job_that_no_longer_improves_ends_early_without_a_reason(
    enqueue: JobFactory, running_worker: Any, wait_until_ended: Any
) -> None:
    job = await enqueue()
    renderer = FakeRenderer()

    def stall_in_step_two(number: int) -> None:
        if number == 2:
            renderer.finish_early(job.id)

    renderer.before_step = stall_in_step_two
    async with running_worker(renderer):
        done = await wait_until_ended(job)
    assert (done.state, done.step, done.reason) == (State.DONE, 2, None)


def never(step: int) -> bool:
    return False


class DescribingRenderer(LocalRenderer):
    """Describes every image the same way; awaits `meanwhile` first."""

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
def enqueue_description(database: Database, tmp_path: Path) -> Callable[[], Awaitable[Job]]:
    async def enqueue_description() -> Job:
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

    return enqueue_description


async def test_a_description_obeys_the_servers_word_rules(
    enqueue_description: Any,
    running_worker: Any,
    wait_until_ended: Any,
    database: Database,
    tmp_path: Path,
) -> None:
    """A description takes no steps."""
    rules = GuildRules(database)
    await rules.add_word(5, WordRule("heart"), actor_id=2)
    await rules.add_word(5, WordRule("ring", age_restricted=True), actor_id=2)
    renderer = DescribingRenderer()
    async with running_worker(renderer):
        done = await wait_until_ended(await enqueue_description())
    assert (done.state, renderer.renderer.batches) == (State.DONE, [])
    found = read_descriptions(folder_of(done.id, tmp_path))
    assert [each.prompt for each in found] == ["a red circle", "a star", "a cross"]
    assert {"a red heart", "a blue ring"} <= renderer.refused
    assert "a red circle" not in renderer.refused


async def test_a_description_survives_the_loss_of_its_engine(
    enqueue_description: Any,
    running_worker: Any,
    wait_until_ended: Any,
    database: Database,
    tmp_path: Path,
) -> None:
    job = await enqueue_description()
    claimed = await Claims(database).claim("a dead engine", lease_seconds=0)
    assert claimed
    assert claimed.id == job.id
    async with running_worker(DescribingRenderer()):
        done = await wait_until_ended(job)
    assert (done.state, done.attempts) == (State.DONE, 2)
    assert len(read_descriptions(folder_of(job.id, tmp_path))) == 3


async def test_a_description_that_is_cancelled_while_in_progress_stays_cancelled(
    enqueue_description: Any,
    enqueue: JobFactory,
    running_worker: Any,
    wait_until_ended: Any,
    database: Database,
) -> None:
    job = await enqueue_description()
    async with running_worker(DescribingRenderer(lambda: Jobs(database).cancel(job.id))):
        assert (await wait_until_ended(await enqueue())).state is State.DONE
    now = await Jobs(database).get(job.id)
    assert now
    assert now.state is State.CANCELLED


async def test_a_description_whose_image_is_missing_fails_with_a_reason(
    enqueue_description: Any, running_worker: Any, wait_until_ended: Any, tmp_path: Path
) -> None:
    job = await enqueue_description()
    delete_image(job.recipe.image_names[0], tmp_path)
    async with running_worker(DescribingRenderer()):
        failed = await wait_until_ended(job)
    assert failed.state is State.FAILED
    assert "no longer exists" in reason_text(failed.reason)


class CheckingRenderer(LocalRenderer):
    """Every concept scores 0.5 in its images."""

    def __init__(self) -> None:
        super().__init__(FakeRenderer(), MADE_BY, capacity=4)

    def _concept_scores(self, output: StepOutput, concepts: tuple[str, ...]) -> dict[str, float]:
        return dict.fromkeys(concepts, 0.5)


def gun_policy(action: CheckAction, **options: Any) -> CheckPolicy:
    return CheckPolicy((Concept("a gun", action),), **options)


@pytest.fixture
def enqueue_in_guild(database: Database, recipe: Callable[..., Recipe]) -> Callable[..., Any]:
    async def enqueue_in_guild(*, guild_id: int | None = 5, age_restricted: bool = False) -> Job:
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

    return enqueue_in_guild


async def test_an_image_with_a_concept_becomes_a_spoiler_and_so_do_its_frames(
    enqueue_in_guild: Any, running_worker: Any, wait_until_ended: Any, sink: RecordingSink
) -> None:
    async with running_worker(CheckingRenderer(), check=gun_policy(CheckAction.SPOILER)):
        done = await wait_until_ended(await enqueue_in_guild())
    assert (done.state, done.spoilered, done.held) == (State.DONE, True, False)
    shown = [frame for _, frame in sink.frames if frame.images]
    assert shown
    assert all(frame.spoilered for frame in shown)


async def test_an_image_with_a_concept_waits_for_a_moderator(
    enqueue_in_guild: Any,
    running_worker: Any,
    wait_until_ended: Any,
    database: Database,
    sink: RecordingSink,
    tmp_path: Path,
) -> None:
    """The concept is the server's own, and no frame of the image is shown."""
    await GuildRules(database).add_concept(5, Concept("a gun", CheckAction.HOLD), actor_id=2)
    async with running_worker(CheckingRenderer()):
        done = await wait_until_ended(await enqueue_in_guild())
        in_other_guild = await wait_until_ended(await enqueue_in_guild(guild_id=6))
    assert (done.state, done.held, done.spoilered, in_other_guild.held) == (
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
async def test_a_refused_image_is_deleted(
    enqueue_in_guild: Any,
    running_worker: Any,
    wait_until_ended: Any,
    database: Database,
    guild_id: int | None,
) -> None:
    """Without moderators, an image that would be held is refused."""
    action = CheckAction.REFUSE if guild_id else CheckAction.HOLD
    async with running_worker(CheckingRenderer(), check=gun_policy(action)):
        failed = await wait_until_ended(await enqueue_in_guild(guild_id=guild_id))
    assert failed.state is State.FAILED
    assert "isn't allowed here" in reason_text(failed.reason)
    deletion = await Deletions(database).take()
    assert deletion
    assert deletion.target == Folder(failed.id)


@pytest.mark.parametrize(
    ("policy", "age_restricted"),
    [
        (gun_policy(CheckAction.REFUSE, threshold=0.6), False),
        (gun_policy(CheckAction.REFUSE, age_restricted=False), True),
        (CheckPolicy(), False),
    ],
)
async def test_an_image_below_the_threshold_or_exempt_from_the_check_is_shown(
    enqueue_in_guild: Any,
    running_worker: Any,
    wait_until_ended: Any,
    policy: CheckPolicy,
    age_restricted: bool,
) -> None:
    async with running_worker(CheckingRenderer(), check=policy):
        done = await wait_until_ended(await enqueue_in_guild(age_restricted=age_restricted))
    assert (done.state, done.spoilered, done.held) == (State.DONE, False, False)


class OneHitRenderer(CheckingRenderer):
    """Only the second frame of its film shows a concept."""

    def _concept_scores(self, output: StepOutput, concepts: tuple[str, ...]) -> dict[str, float]:
        return dict.fromkeys(concepts, 0.5 if output.step == 4 else 0.0)


async def test_a_film_is_refused_for_any_of_its_frames_even_after_a_restart(
    enqueue_recipe: Any, recipe: Any, running_worker: Any, wait_until_ended: Any, tmp_path: Path
) -> None:
    film = recipe(steps=2).with_film(Film(Motion.ZOOM_IN, 10, 1))
    job = await enqueue_recipe(film)
    async with running_worker(OneHitRenderer(), check=gun_policy(CheckAction.REFUSE)):
        failed = await wait_until_ended(job)
    assert failed.state is State.FAILED
    frames = sorted(path.name for path in folder_of(job.id, tmp_path).glob("film-*.webp"))
    assert frames == [f"film-{step:04}.webp" for step in range(3, 13)]
    resumed = JobFiles(folder_of(job.id, tmp_path), film, MADE_BY, start_step=9)
    assert resumed.film_scores == {"a gun": 0.5}
    restarted = JobFiles(folder_of(job.id, tmp_path), film, MADE_BY)
    assert restarted.film_scores == {}


async def test_a_film_is_a_video_beside_its_timelapse(
    enqueue_recipe: Any, recipe: Any, running_worker: Any, wait_until_ended: Any, tmp_path: Path
) -> None:
    job = await enqueue_recipe(recipe(steps=2).with_film(Film(Motion.ZOOM_IN, 10, 2)))
    async with running_worker(FakeRenderer()):
        assert (await wait_until_ended(job)).state is State.DONE
    with av.open(str(film_of(folder_of(job.id, tmp_path)))) as film:
        assert sum(1 for _ in film.decode(film.streams.video[0])) == 10
    with av.open(str(timelapse_of(folder_of(job.id, tmp_path)))) as timelapse:
        assert sum(1 for _ in timelapse.decode(timelapse.streams.video[0])) > 22
