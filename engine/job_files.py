"""What a job leaves on disk, in one folder: its frames, the finished pictures, the timelapse."""

import math
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from core.recipe import Recipe
from core.storage.paths import state_of, timelapse_of
from engine.media import Provenance, frame, png, write_timelapse, write_whole

KEPT_FRAMES = 100  #: at most so many frames of a job are kept, evenly spread over its steps


class Album:
    """The folder of one job while it is painted. All methods but `wants` block.

    `frame-<step>.webp` are frames, `final-<row>.png` the pictures with their recipe in the
    metadata, `timelapse.mp4` the frames in motion, `state.safetensors` what later jobs begin with.
    """

    def __init__(self, folder: Path, recipe: Recipe, made_by: Provenance, resumed: int = 0) -> None:
        """Frames up to the step `resumed` are there already, if the job was begun before."""
        self.folder = folder
        self._recipe = recipe
        self._made_by = made_by
        frames = sorted(folder.glob("frame-*.webp"))
        self._frames = [frame for frame in frames if int(frame.stem[6:]) <= resumed]

    def wants(self, step: int) -> bool:
        """Whether the frame of this step (1, 2, …) is to be kept."""
        return is_kept(step, self._recipe.steps)

    def keep_frame(self, step: int, pictures: Sequence[Image.Image]) -> Path:
        """Writes a frame; the rows side by side. Raises OSError."""
        path = self.folder / f"frame-{step:04}.webp"
        write_whole(path, frame(pictures))
        if path not in self._frames:
            self._frames.append(path)
        return path

    def keep_state(self, state: bytes) -> None:
        """In place of an older one. Raises OSError."""
        write_whole(state_of(self.folder), state)

    def finish(self, pictures: Sequence[Image.Image]) -> list[Path]:
        """Writes the finished pictures, one for each row, and the timelapse. Raises OSError."""
        paths = []
        for row, picture in enumerate(pictures):
            paths.append(self.folder / f"final-{row}.png")
            write_whole(paths[-1], png(picture, self._recipe, row, self._made_by))
        if self._frames:
            write_timelapse(timelapse_of(self.folder), self._frames)
        return paths


def is_kept(step: int, steps: int) -> bool:
    """Whether the frame of a step (1, 2, …) of a job of so many steps is kept."""
    return step % math.ceil(steps / KEPT_FRAMES) == 0 or step == 1
