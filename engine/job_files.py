"""The files of a job in its folder: frames, images, timelapse and checkpoint."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import structlog
from PIL import Image

from core.recipe import Recipe
from core.storage.files import write_atomic
from core.storage.paths import film_of, folder_of, state_of, timelapse_of
from engine.media import Provenance, frame, png, tile_preview, write_timelapse, write_video
from engine.synthesis.checkpoint import Checkpoint, CheckpointError
from engine.synthesis.output import StepOutput

log = structlog.stdlib.get_logger(__name__)

FILM_SCORES = "film-scores.json"
KEPT_FRAMES = 100  #: about how many frames of a job are kept, evenly spread over its steps


class JobFiles:
    """The folder of one job. All methods block and raise OSError.

    `frame-<step>.webp` are the frames, `final-<row>.png` the images with their recipe in the
    metadata, `repeated-<row>.webp` previews of repeating tiles, `timelapse.mp4` a video of the
    frames, `film-<step>.webp` the frames of a film, `film.mp4` the film, `film-scores.json` the
    film's scores in the image check, and `state.safetensors` the checkpoint.
    """

    def __init__(
        self,
        folder: Path,
        recipe: Recipe,
        provenance: Provenance,
        start_step: int = 0,
        images: Mapping[str, Image.Image] = MappingProxyType({}),
    ) -> None:
        """A job that resumes at `start_step` already has the frames up to this step.

        `images` maps names in the recipe to images.
        """
        self.folder = folder
        self._recipe = recipe
        self._provenance = provenance
        self._images = images
        self._frames = _frames_until(start_step, folder, "frame")
        self._film = _frames_until(start_step, folder, "film")
        self.film_scores = _read_scores(folder) if self._film else {}
        """The highest score of each concept in any frame of the film."""

    def write_step(self, output: StepOutput) -> None:
        """Writes the frames of a step: for the timelapse, the film, or both."""
        kept = output.done or is_kept(output.step, output.steps)
        images = output.images() if kept or output.filmed else []
        if kept:
            self.write_frame(output.step, images)
        if output.filmed:
            self._add_scores(output.concept_scores)
            self.write_film_frame(output.step, images)

    def write_frame(self, step: int, images: Sequence[Image.Image]) -> Path:
        """Writes a frame with all images of the job, side by side."""
        return self._write(f"frame-{step:04}.webp", images, self._frames)

    def write_film_frame(self, step: int, images: Sequence[Image.Image]) -> Path:
        """Writes a frame of the job's film."""
        return self._write(f"film-{step:04}.webp", images, self._film)

    def _add_scores(self, scores: Mapping[str, float]) -> None:
        """Updates and stores the scores: the film of a resumed job includes its earlier frames."""
        for concept, score in scores.items():
            self.film_scores[concept] = max(score, self.film_scores.get(concept, score))
        if scores:
            content = json.dumps(self.film_scores).encode()
            write_atomic(self.folder / FILM_SCORES, content)

    def _write(self, name: str, images: Sequence[Image.Image], written: list[Path]) -> Path:
        path = self.folder / name
        write_atomic(path, frame(images))
        if path not in written:
            written.append(path)
        return path

    def write_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Replaces the previous checkpoint."""
        write_atomic(state_of(self.folder), checkpoint.to_bytes())

    def write_results(
        self, images: Sequence[Image.Image], scores: Mapping[str, Any] | None = None
    ) -> list[Path]:
        """Writes the images, the timelapse and the film; returns the paths of the images.

        `scores` are their similarities to the prompts; see `StepOutput.scores`.
        """
        paths = []
        for row, image in enumerate(images):
            paths.append(self.folder / f"final-{row}.png")
            content = png(image, self._recipe, row, self._provenance, scores, self._images)
            write_atomic(paths[-1], content)
            if self._recipe.tile:
                write_atomic(self.folder / f"repeated-{row}.webp", tile_preview(paths[-1]))
        if self._frames:
            write_timelapse(timelapse_of(self.folder), self._frames)
        if self._film:
            write_video(film_of(self.folder), self._film)
        return paths


def _read_scores(folder: Path) -> dict[str, float]:
    try:
        return dict(json.loads((folder / FILM_SCORES).read_bytes()))
    except FileNotFoundError:
        return {}


def _frames_until(step: int, folder: Path, kind: str) -> list[Path]:
    frames = sorted(folder.glob(f"{kind}-*.webp"))
    return [frame for frame in frames if int(frame.stem.removeprefix(f"{kind}-")) <= step]


def is_kept(step: int, steps: int) -> bool:
    """Whether the frame of `step` (1, 2, …) is kept, in a job of `steps`."""
    return step % math.ceil(steps / KEPT_FRAMES) == 0 or step == 1


def read_checkpoint(job_id: int, data_dir: Path) -> Checkpoint | None:
    """The latest checkpoint of a job; None if there is none, or it can't be read."""
    try:
        return Checkpoint.from_bytes(state_of(folder_of(job_id, data_dir)).read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, CheckpointError) as error:
        log.warning("a checkpoint cannot be read", job=job_id, error=str(error))
        return None
