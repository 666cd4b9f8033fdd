"""Where what a job leaves on disk lies: one folder for each job."""

import os
import shutil
from pathlib import Path
from typing import Any


def keep_files_private() -> None:
    """Nobody else on this machine may read what this process writes from here on."""
    os.umask(0o077)


def folder_of(job_id: int, data_dir: Path) -> Path:
    """Where the pictures of a job lie."""
    return data_dir / "pictures" / str(job_id)


def state_of(folder: Path) -> Path:
    """The job's latents and optimiser, with which later jobs begin."""
    return folder / "state.safetensors"


def timelapse_of(folder: Path) -> Path:
    """The job's frames in motion, an MP4."""
    return folder / "timelapse.mp4"


def finished_pictures(folder: Path) -> list[Path]:
    """`final-0.png`, `final-1.png`, … of a folder, in the order of the rows."""
    return sorted(folder.glob("final-[0-9].png"))


def remove_folder(job_id: int, data_dir: Path) -> None:
    """Deletes all that a job has left on disk, if anything. Raises OSError."""
    folder = folder_of(job_id, data_dir)
    if folder.exists():
        shutil.rmtree(folder, onerror=_unless_gone)


def _unless_gone(function: Any, path: str, failure: Any) -> None:
    """Somebody else may be deleting the same folder."""
    error = failure[1]
    if not isinstance(error, FileNotFoundError):
        raise error
