"""The paths of a job's files: each job has a folder."""

import os
import shutil
from pathlib import Path
from typing import Any


def keep_files_private() -> None:
    """Makes files that this process creates from now on readable by their owner only."""
    os.umask(0o077)


def folder_of(job_id: int, data_dir: Path) -> Path:
    """The folder of a job's images."""
    return data_dir / "pictures" / str(job_id)


def state_of(folder: Path) -> Path:
    """The checkpoint: latents and optimiser state, which later jobs can continue from."""
    return folder / "state.safetensors"


def timelapse_of(folder: Path) -> Path:
    """The video of the job's frames, an MP4."""
    return folder / "timelapse.mp4"


def film_of(folder: Path) -> Path:
    """The film that travels through the image, an MP4."""
    return folder / "film.mp4"


def finished_images(folder: Path) -> list[Path]:
    """The final images in a folder, `final-0.png`, `final-1.png`, …, in order."""
    return sorted(folder.glob("final-[0-9].png"))


def finished_films(folder: Path) -> list[Path]:
    """The film in a folder, if there is one."""
    return list(filter(Path.is_file, [film_of(folder)]))


def tile_previews(folder: Path) -> list[Path]:
    """Each seamless image, repeated two by two: `repeated-0.webp`, `repeated-1.webp`, …."""
    return sorted(folder.glob("repeated-[0-9].webp"))


def description_of(folder: Path) -> Path:
    """The prompts that describe an image, see `core.description`."""
    return folder / "description.json"


def remove_folder(job_id: int, data_dir: Path) -> None:
    """Deletes a job's folder if it exists. Raises OSError."""
    folder = folder_of(job_id, data_dir)
    if folder.exists():
        shutil.rmtree(folder, onerror=_ignore_missing)


def _ignore_missing(function: Any, path: str, failure: Any) -> None:
    """Ignores missing files: another process may be deleting the same folder."""
    error = failure[1]
    if not isinstance(error, FileNotFoundError):
        raise error
