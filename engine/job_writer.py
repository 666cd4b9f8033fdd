"""Writes the files of one job while rendering continues: one write at a time, in order."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import structlog

from engine.job_files import JobFiles
from engine.synthesis.checkpoint import Checkpoint
from engine.synthesis.output import StepOutput

log = structlog.stdlib.get_logger(__name__)


class JobWriter:
    """A queue of at most one write; each caller waits for the previous write."""

    def __init__(self, files: JobFiles, threads: ThreadPoolExecutor) -> None:
        self.progressed = False
        """Whether a checkpoint has been written."""
        self._files = files
        self._threads = threads
        self._write: asyncio.Future[bool] | None = None

    async def film_scores(self) -> Mapping[str, float]:
        """The highest score of each concept in any frame of the film."""
        await self.wait()
        return self._files.film_scores

    async def start_frame(self, output: StepOutput) -> None:
        """Starts writing a frame and its checkpoint; waits for the previous write."""
        await self._start(partial(self._write_step, output.checkpoint(), output))

    async def checkpoint(self, checkpoint: Checkpoint) -> None:
        await self._start(partial(self._write_step, checkpoint))
        await self.wait()

    async def results(self, output: StepOutput) -> None:
        """Raises OSError."""
        await self.wait()
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(
            self._threads, lambda: self._files.write_results(output.images(), output.scores)
        )

    async def wait(self) -> None:
        """Returns once no write is in progress."""
        if self._write:
            self.progressed |= await asyncio.shield(self._write)

    async def _start(self, write: Callable[[], bool]) -> None:
        await self.wait()
        self._write = asyncio.get_running_loop().run_in_executor(self._threads, write)

    def _write_step(self, checkpoint: Checkpoint, output: StepOutput | None = None) -> bool:
        """Returns whether the write succeeded. If not, a frame or a checkpoint is missing."""
        try:
            if output:
                self._files.write_step(output)
            self._files.write_checkpoint(checkpoint)
            return True
        except Exception as error:
            folder = str(self._files.folder)
            log.warning("a frame could not be written", folder=folder, exc_info=error)
            return False
