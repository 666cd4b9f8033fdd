"""Paints one recipe on the command line: no Discord, no database."""

import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from core.discord_ui.job_message import progress_line
from core.recipe import Recipe
from core.settings import Settings
from core.storage.paths import timelapse_of
from core.storage.uploaded_images import load_initial
from engine.album import Album
from engine.device import choose_device, use_cores
from engine.media import Metadata, Provenance
from engine.models.pair import load_pair
from engine.synthesis.output import StepOutput
from engine.synthesis.renderer import Renderer
from engine.synthesis.request import RenderRequest
from engine.synthesis.validation import RecipeRefused
from engine.telling import (
    fault_text,
    note_text,
    out_of_memory,
    progress_of,
    reason_for,
    refusal_text,
)

JOB = 1  #: the only one


class PaintingError(Exception):
    """The recipe could not be painted; `str(error)` is one sentence."""


def paint(
    recipe: Recipe, settings: Settings, folder: Path, before: Metadata | None = None
) -> list[Path]:
    """Paints into a folder and returns the finished pictures and the timelapse.

    The pictures that the recipe names are read from `folder/initial/`. `before` belongs to a
    picture that is painted again: what has changed since is told. Raises
    DeviceError, WeightsError, PictureRefused, PaintingError, OSError.
    """
    if recipe.source:
        raise PaintingError(
            f"This picture goes on from job {recipe.source.job} of a bot, and only that bot has "
            "the latents of it."
        )
    device = choose_device(settings.device)
    use_cores()
    pictures = {name: load_initial(name, folder) for name in recipe.pictures}
    pair = load_pair(settings.model, settings.data_dir, device, settings.perceptors)
    made_by = Provenance(pair.name, pair.checksums)
    for difference in before.differences(made_by) if before else ():
        print(f"Warning: {difference} The picture may differ.", file=sys.stderr)
    album = Album(folder, recipe, made_by)
    try:
        last = _steps(Renderer(pair, device), recipe, pictures, album)
    except RecipeRefused as error:
        raise PaintingError(refusal_text(error)) from error
    except (MemoryError, RuntimeError) as error:
        if out_of_memory(error):
            raise PaintingError(reason_for(error, recipe, incident="")) from error
        raise
    return [*album.finish(last.images()), timelapse_of(album.folder)]


def _steps(
    renderer: Renderer, recipe: Recipe, pictures: Mapping[str, Image.Image], album: Album
) -> StepOutput:
    """Takes all steps and returns the last."""
    for note in renderer.add(RenderRequest(JOB, recipe, pictures)):
        print(note_text(note), file=sys.stderr)
    began = time.monotonic()
    with _on_interrupt(lambda: renderer.finish_early(JOB)):
        while True:
            (iteration,) = renderer.step()
            if iteration.fault:
                raise PaintingError(fault_text(iteration.fault))
            _report(iteration, (time.monotonic() - began) / iteration.step)
            if album.wants(iteration.step) or iteration.done:
                album.keep_frame(iteration.step, iteration.images())
            if iteration.done:
                return iteration


@contextmanager
def _on_interrupt(act: Callable[[], None]) -> Iterator[None]:
    """The first Ctrl-C stops the painting and keeps what is there; a second one ends all."""

    def stop(number: int, frame: object) -> None:
        signal.signal(signal.SIGINT, before)
        act()

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _report(iteration: StepOutput, seconds_per_step: float) -> None:
    """A live line on a terminal; elsewhere ten lines."""
    line = progress_line(progress_of(iteration, seconds_per_step))
    if sys.stderr.isatty():
        end = "\n" if iteration.done else ""
        print(f"\r{line}\x1b[K", end=end, file=sys.stderr, flush=True)
    elif iteration.done or iteration.step * 10 // iteration.steps != (
        (iteration.step - 1) * 10 // iteration.steps
    ):
        print(line, file=sys.stderr, flush=True)
