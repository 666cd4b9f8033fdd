"""How soon an idle engine has a first frame for a request of several images."""

import asyncio
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from bench.markdown import table
from bench.speed.loops import CPU, OURS, load
from bench.speed.spread import Spread
from bench.speed.timing import show_progress
from bot.policy import menu
from core.database.connection import Database
from core.database.jobs import Jobs
from core.job import Job, NewJob
from core.recipe import Recipe
from engine.delivery.frame import Frame
from engine.media import preview
from engine.renderer_handle import LocalRenderer
from engine.worker import Worker

MODEL = "picturebook"
PROMPTS = ("a cat", "a red circle", "a lighthouse in a storm")
"""One thing twice, and two things in a landscape."""
IMAGES = 4
IDLE_SECONDS = 0.7  #: before each request, so that the engine is between two polls of the queue


class FirstFrame:
    """A `FrameSink` that waits for a job's first frame, encoded as for Discord."""

    def __init__(self) -> None:
        self.dropped = asyncio.Event()
        """Set once the engine has dropped a job that was cancelled."""
        self._frames: asyncio.Queue[Frame] = asyncio.Queue()

    def show_frame(self, job: Job, frame: Frame) -> None:
        if frame.images:
            self._frames.put_nowait(frame)

    def drop_frames(self, job: Job) -> None:
        self.dropped.set()

    def job_ended(self) -> None: ...

    async def encoded(self) -> None:
        """Returns once the next frame with images is encoded."""
        images = (await self._frames.get()).images
        assert images
        await asyncio.to_thread(lambda: preview(images()))

    def forget(self) -> None:
        """Forgets the last job."""
        self.dropped.clear()
        while not self._frames.empty():
            self._frames.get_nowait()


def measure(quick: bool) -> tuple[str, Any]:
    """Measures requests to a worker without Discord."""
    numbers = asyncio.run(_measure(1 if quick else 5))
    rows: list[Sequence[object]] = [("", "s", "processor s")]
    for prompt, found in numbers.items():
        seconds, processor = zip(*found, strict=True)
        rows.append((prompt, Spread.of(seconds), Spread.of(processor)))
        show_progress(rows[-1])
    text = (
        f"{MODEL}, {IMAGES} images at the bot's defaults: from the request in the database until "
        "the first frame is encoded, with the engine otherwise idle."
    )
    return f"{text}\n\n{table(rows[0], rows[1:])}", numbers


async def _measure(turns: int) -> dict[str, list[tuple[float, float]]]:
    """For each prompt, seconds and processor seconds of each turn."""
    with tempfile.TemporaryDirectory() as folder:
        async with Database.open(Path(folder) / "imagine.db") as database:
            sink = FirstFrame()
            worker = Worker(database, sink, data_dir=Path(folder))
            worker.add_renderer(LocalRenderer.of(load(OURS, MODEL), CPU))
            running = asyncio.create_task(worker.run())
            await _request(database, sink, PROMPTS[0])  # a warm-up
            numbers: dict[str, list[tuple[float, float]]] = {prompt: [] for prompt in PROMPTS}
            for _ in range(turns):
                for prompt, found in numbers.items():
                    found.append(await _request(database, sink, prompt))
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
    return numbers


async def _request(database: Database, sink: FirstFrame, prompt: str) -> tuple[float, float]:
    """Requests images and cancels them after the first frame. Seconds and processor seconds."""
    size, steps = menu(MODEL).sizes[0], menu(MODEL).steps
    recipe = Recipe.make(
        prompt, width=size.width, height=size.height, steps=steps, seed=1, count=IMAGES
    )
    await asyncio.sleep(IDLE_SECONDS)
    start, processor = time.perf_counter(), time.process_time()
    job = await Jobs(database).insert(
        NewJob(
            recipe=recipe,
            guild_id=None,
            channel_id=1,
            member_id=1,
            member_name="Ada",
        )
    )
    await sink.encoded()
    taken = time.perf_counter() - start, time.process_time() - processor
    await Jobs(database).cancel(job.id)
    await sink.dropped.wait()
    sink.forget()
    return taken
