"""Renders one recipe to files, without Discord or a database."""

import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from core.discord_ui.job_message import progress_bar
from core.discord_ui.reasons import reason_text
from core.i18n import gettext
from core.job import Progress
from core.recipe import Recipe
from core.settings import Settings
from core.storage.paths import finished_films, tile_previews, timelapse_of
from core.storage.uploaded_images import load_image
from engine.device import choose_device, use_cores
from engine.job_files import JobFiles
from engine.job_messages import (
    early_end_text,
    fault_text,
    note_text,
    out_of_memory,
    progress_of,
    reason_for,
)
from engine.media import Metadata, Provenance
from engine.models.model import load_model
from engine.step_timer import StepTimer
from engine.synthesis.output import StepOutput
from engine.synthesis.renderer import Renderer
from engine.synthesis.request import RenderRequest

JOB_ID = 1  #: the id of the only job


class RenderError(Exception):
    """The recipe could not be rendered; `str(error)` is one sentence."""


def render(
    recipe: Recipe, settings: Settings, folder: Path, original: Metadata | None = None
) -> list[Path]:
    """Renders into a folder; returns the paths of the images, the film and the timelapse.

    Images that the recipe names are read from `folder/initial/`. `original` is the metadata of an
    image that is rendered again: each file or package that has changed since causes a warning.
    Raises DeviceError, WeightsError, RecipeRefused, ImageError, RenderError and OSError.
    """
    if recipe.source:
        raise RenderError(
            f"This image starts from job {recipe.source.job} of a bot, and only that bot has the "
            "job's latents."
        )
    device = choose_device(settings.device)
    use_cores()
    images = {name: load_image(name, folder) for name in recipe.image_names}
    model = load_model(settings.model, settings.data_dir, device, settings.perceptors)
    provenance = Provenance(model.name, model.checksums)
    for difference in original.differences(provenance) if original else ():
        print(f"Warning: {difference} The image may differ.", file=sys.stderr)
    files = JobFiles(folder, recipe, provenance, images=images)
    try:
        last = _run_steps(Renderer(model, device), recipe, images, files)
    except (MemoryError, RuntimeError) as error:
        if out_of_memory(error):
            raise RenderError(reason_text(reason_for(error, recipe, incident=""))) from error
        raise
    results = files.write_results(last.images(), last.scores)
    film = finished_films(files.folder) if recipe.film else []
    return [*results, *tile_previews(files.folder), *film, timelapse_of(files.folder)]


def _run_steps(
    renderer: Renderer, recipe: Recipe, images: Mapping[str, Image.Image], files: JobFiles
) -> StepOutput:
    """Runs all steps; returns the output of the last one."""
    for note in renderer.add(RenderRequest(JOB_ID, recipe, images)):
        print(note_text(note), file=sys.stderr)
    timer = StepTimer()
    with _on_interrupt(lambda: renderer.finish_early(JOB_ID)) as interrupted:
        while True:
            started = time.monotonic()
            (output,) = renderer.step()
            timer.measure(time.monotonic() - started, output.cost)
            if output.fault:
                raise RenderError(fault_text(output.fault))
            _report(output, timer.seconds(output.cost_left))
            files.write_step(output)
            if output.done:
                if output.step < output.steps:
                    print(early_end_text(output, stopped=interrupted()), file=sys.stderr)
                return output


@contextmanager
def _on_interrupt(act: Callable[[], None]) -> Iterator[Callable[[], bool]]:
    """Calls `act` on the first Ctrl-C; the second one ends the program.

    Yields a function that returns whether Ctrl-C was pressed.
    """
    count = 0

    def handle(number: int, frame: object) -> None:
        nonlocal count
        count += 1
        signal.signal(signal.SIGINT, previous)
        act()

    previous = signal.signal(signal.SIGINT, handle)
    try:
        yield lambda: count > 0
    finally:
        signal.signal(signal.SIGINT, previous)


def _report(output: StepOutput, seconds_left: float | None) -> None:
    """Prints a line that updates in place on a terminal, otherwise ten lines in total."""
    line = progress_line(progress_of(output, seconds_left))
    if sys.stderr.isatty():
        end = "\n" if output.done else ""
        print(f"\r{line}\x1b[K", end=end, file=sys.stderr, flush=True)
    elif output.done or output.step * 10 // output.steps != (output.step - 1) * 10 // output.steps:
        print(line, file=sys.stderr, flush=True)


def progress_line(progress: Progress) -> str:
    """One line of numbers in this form, with exclude and time left only if they are known::

        ████░░░░░░ step 60/150 · include 0.312 · exclude 0.041 · left 1:15

    The time left is minutes and seconds.
    """
    parts = [
        f"{progress_bar(progress)} "
        + gettext("step {step}/{steps}", step=progress.step, steps=progress.steps),
        gettext("include {similarity}", similarity=f"{progress.include:.3f}"),
    ]
    if progress.exclude is not None:
        parts.append(gettext("exclude {similarity}", similarity=f"{progress.exclude:.3f}"))
    if progress.seconds_left is not None:
        minutes, seconds = divmod(round(progress.seconds_left), 60)
        parts.append(gettext("left {time}", time=f"{minutes}:{seconds:02}"))
    return " · ".join(parts)
