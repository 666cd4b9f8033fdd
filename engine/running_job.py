"""A job on this engine, from claim to end: what it shows, writes and records."""

import asyncio
import secrets
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import structlog
from prometheus_client import Histogram

from core.database.claims import MAX_ATTEMPTS
from core.description import MAX_DESCRIPTIONS, write_descriptions
from core.discord_ui.job_message import duration_text
from core.i18n import gettext, use_locale
from core.image_check import CheckAction, Concept, strictest_match
from core.job import Job, Reason, ReasonCode, State
from core.recipe import Recipe
from core.storage.paths import folder_of
from core.storage.uploaded_images import ImageError, load_image
from engine.checked_concepts import CheckedConcepts
from engine.delivery.frame import Frame, FrameSink
from engine.job_files import JobFiles, read_checkpoint
from engine.job_messages import early_end_text, note_text, progress_of, reason_for
from engine.job_writer import JobWriter
from engine.leases import Leases
from engine.phrases import phrase_bank
from engine.refused_words import RefusedWords
from engine.renderer_handle import RendererHandle
from engine.synthesis.checkpoint import CheckpointError
from engine.synthesis.output import StepOutput
from engine.synthesis.request import RenderRequest
from engine.synthesis.validation import Note, RecipeRefused

log = structlog.stdlib.get_logger(__name__)

BUCKETS = (1, 3, 10, 30, 60, 180, 600, 1800, 3600, 3 * 3600, 12 * 3600)
WAITED = Histogram(
    "imagine_job_waiting_seconds", "From a request to its start in a renderer.", buckets=BUCKETS
)
RENDERED = Histogram(
    "imagine_job_running_seconds",
    "From a job's start in a renderer to its end.",
    ["state"],
    buckets=BUCKETS,
)


@dataclass(frozen=True, slots=True)
class JobServices:
    """Shared by all jobs of an engine."""

    leases: Leases
    frames: FrameSink
    data_dir: Path
    checked_concepts: CheckedConcepts
    writer_threads: ThreadPoolExecutor
    """Encodes and writes files."""
    idle_seconds: float | None = None
    """Idle seconds after which a renderer's networks are offloaded from the GPU; None for never."""
    finishing: set[asyncio.Task[None]] = field(default_factory=set)
    """Jobs whose images are being written."""


class RunningJob:
    """A job that this engine has claimed.

    Writes of one job never overlap. None is in progress once the job has been requeued or moved,
    so another renderer or engine reads complete files.
    """

    def __init__(self, job: Job, services: JobServices) -> None:
        self.job = job
        self.step = 0
        self.cost = self.cost_left = 0.0
        """The cost of its latest step and of the remaining ones; 0 before the start."""
        self.steps_left = job.recipe.steps
        self.started = False
        """Whether it is in its renderer."""
        self.stopping = False
        """Whether the member wants it to finish early."""
        self.notes: list[str] = []
        self._services = services
        self._renderer: RendererHandle | None = None
        self._writer: JobWriter | None = None
        self._concepts: tuple[Concept, ...] = ()

    @property
    def id(self) -> int:
        return self.job.id

    @property
    def recipe(self) -> Recipe:
        return self.job.recipe

    # -- start -----------------------------------------------------------------------------

    async def start(self, renderer: RendererHandle) -> StepOutput:
        """Adds the job to a renderer, from its last checkpoint if there is one.

        Returns its preview: the images before the next step.

        Raises what `RendererHandle.add` raises, ImageError for a missing image, and StoreError.
        """
        self._renderer = renderer
        self._concepts = await self._services.checked_concepts.of(self.job)
        with use_locale(self.job.locale):
            request = await asyncio.to_thread(self._request)
            if (seconds := renderer.reload_seconds) is not None:
                note = gettext(
                    "Loading the model onto the GPU: {time}.", time=duration_text(seconds)
                )
                self._services.frames.show_frame(self.job, Frame(notes=[note]))
        try:
            notes, preview = await renderer.add(request)
        except CheckpointError as error:
            log.warning("a job starts over", job=self.id, reason=str(error))
            request = replace(request, resume_from=None)
            notes, preview = await renderer.add(request)
        self._on_started(request, notes)
        self.update(preview)
        return preview

    async def describe(self, renderer: RendererHandle, refused: RefusedWords) -> None:
        """Describes the image of the recipe, and ends the job unless it is no longer ours.

        Raises what `RendererHandle.describe` raises, ImageError for a missing image, StoreError and
        OSError.
        """
        self._renderer, self.started = renderer, True
        job, folder = self.job, self._services.data_dir
        self._services.frames.show_frame(job, Frame())
        (name,) = self.recipe.image_names
        with use_locale(job.locale):
            image = await asyncio.to_thread(load_image, name, folder)
        phrases = phrase_bank(renderer.provenance.model).phrases
        found = await renderer.describe(image, await refused.among(job, phrases))
        refused_prompts = await refused.among(job, [each.prompt for each in found])
        shown = [each for each in found if each.prompt not in refused_prompts][:MAX_DESCRIPTIONS]
        await asyncio.to_thread(write_descriptions, folder_of(self.id, folder), shown)
        await self._end(State.DONE, None)

    def _request(self) -> RenderRequest:
        recipe, folder = self.recipe, self._services.data_dir
        resume_from = read_checkpoint(self.id, folder)
        if resume_from and resume_from.step >= recipe.steps:
            # Interrupted after its last step, before its end was recorded. One more step would
            # change the image, so render it again from the start.
            resume_from = None
        return RenderRequest(
            self.id,
            recipe,
            images={name: load_image(name, folder) for name in recipe.image_names},
            source=read_checkpoint(recipe.source.job, folder) if recipe.source else None,
            concepts=tuple(concept.text for concept in self._concepts),
            resume_from=resume_from,
        )

    def _on_started(self, request: RenderRequest, notes: Sequence[Note]) -> None:
        assert self._renderer
        job, recipe = self.job, self.recipe
        self.step = request.resume_from.step if request.resume_from else 0
        folder = folder_of(self.id, self._services.data_dir)
        files = JobFiles(folder, recipe, self._renderer.provenance, self.step, request.images)
        self._writer = JobWriter(files, self._services.writer_threads)
        self.started = True
        self.add_notes(notes)
        log.info("job started", job=self.id, size=recipe.size, steps=recipe.steps, step=self.step)
        WAITED.observe((job.started_at or job.created_at) - job.created_at)

    def add_notes(self, notes: Sequence[Note]) -> None:
        """Adds notes, which the member sees from the next frame on, in their language."""
        with use_locale(self.job.locale):
            self.notes = [*self.notes, *map(note_text, notes)]

    # -- during rendering ------------------------------------------------------------------

    def update(self, output: StepOutput) -> None:
        """Records a step or a preview, even if the job is no longer ours."""
        self.step, self.steps_left = output.step, output.steps_left
        self.cost, self.cost_left = output.cost, output.cost_left

    def show(self, output: StepOutput, seconds_left: float | None) -> None:
        """Shows a step or a preview.

        Its images become spoilers, or are left out, if they match a concept.
        """
        progress = progress_of(output, seconds_left)
        match = self._match(output.concept_scores)
        hidden = match is not None and match.action is not CheckAction.SPOILER
        images = None if hidden else output.images
        frame = Frame(progress, images, self.notes, spoilered=match is not None)
        self._services.frames.show_frame(self.job, frame)

    def _match(self, *scores: Mapping[str, float]) -> Concept | None:
        """The image check's strictest match."""
        threshold = self._services.checked_concepts.threshold
        highest: dict[str, float] = {}
        for concept, score in (pair for each in scores for pair in each.items()):
            highest[concept] = max(score, highest.get(concept, score))
        return strictest_match(self._concepts, highest, threshold)

    async def write_frame(self, output: StepOutput) -> None:
        assert self._writer
        await self._writer.start_frame(output)

    async def write_checkpoint(self) -> None:
        """Writes the latest state, which `detach` would discard."""
        if self._renderer is None or self._writer is None:
            return
        if latest := await self._renderer.checkpoint(self.id):
            self.step = latest.step
            await self._writer.checkpoint(latest)

    # -- the end ---------------------------------------------------------------------------

    async def detach(self) -> None:
        """Removes the job from its renderer and waits until its files are complete."""
        if self._renderer:
            self._renderer.abort(self.id)
        if self._writer:
            await self._writer.wait()

    async def requeue(self, *, renderer_failed: bool = False) -> None:
        """Returns the job to the queue.

        If its renderer failed, the job may be the cause. So the attempt counts unless the job has
        made progress; the number of attempts is limited.
        """
        await self.detach()
        self._services.frames.drop_frames(self.job)
        progressed = self._writer and self._writer.progressed
        counts = renderer_failed and self._renderer is not None and not progressed
        if counts and self.job.attempts >= MAX_ATTEMPTS:
            await self._end(State.FAILED, Reason(ReasonCode.TOO_MANY_ATTEMPTS))
            return
        await self._services.leases.release(self.id, attempt_counts=counts)
        log.info("job given back", job=self.id, step=self.step, attempt_counts=counts)

    async def fail(self, reason: Reason) -> None:
        """Ends the job as failed."""
        await self.detach()
        await self._end(State.FAILED, reason)

    def finish_early(self) -> None:
        """Makes the next step the last one, at the member's request."""
        assert self._renderer
        self.stopping = True
        self._renderer.finish_early(self.id)

    def finish(self, output: StepOutput) -> None:
        """Writes the final images in the background, then ends the job."""
        if self.stopping and output.step < output.steps:
            with use_locale(self.job.locale):
                self.notes = [*self.notes, early_end_text(output, stopped=True)]
        finishing = self._services.finishing
        task = asyncio.create_task(self._finish(output))
        finishing.add(task)
        task.add_done_callback(finishing.discard)

    async def _finish(self, output: StepOutput) -> None:
        assert self._writer
        match = self._match(output.concept_scores, await self._writer.film_scores())
        if match and match.action is CheckAction.REFUSE:
            await self._refuse(match)
            return
        try:
            await self._writer.results(output)
        except Exception as error:
            await fail_all([self], error)
        else:
            notes = " ".join(self.notes)
            await self._end(State.DONE, Reason(text=notes) if notes else None, match)

    async def _refuse(self, match: Concept) -> None:
        """Ends the job as failed. The same transaction marks its images for deletion."""
        await self.detach()
        await self._end(State.FAILED, Reason(ReasonCode.IMAGE_REFUSED), match)

    async def _end(self, state: State, reason: Reason | None, match: Concept | None = None) -> None:
        recorded = await self._services.leases.finish(self.id, state, reason, self.step, match)
        if match:
            log.info("image check", job=self.id, concept=match.text, action=match.action.value)
        log.info("job ended", job=self.id, state=state.value, recorded=recorded)
        RENDERED.labels(state.value).observe(time.time() - (self.job.started_at or time.time()))
        self._services.frames.job_ended()


async def fail_all(jobs: Sequence[RunningJob], error: Exception) -> None:
    """Fails jobs because of an error, with an incident code for the log and the members."""
    incident, ids = secrets.token_hex(3), [job.id for job in jobs]
    if isinstance(error, RecipeRefused | ImageError):
        log.info("recipe refused", jobs=ids, reason=str(error))
    else:
        log.error("rendering failed", jobs=ids, incident=incident, exc_info=error)
    for job in jobs:
        with use_locale(job.job.locale):
            reason = reason_for(error, job.recipe, incident)
        await job.fail(reason)
