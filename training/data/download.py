"""Fetches the packages of `sources.toml` with the registries' own clients, and unpacks them.

A package is fetched once, checked against its SHA-256, and unpacked into its own folder.
"""

import hashlib
import logging
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from training.data.sources import Package

log = logging.getLogger(__name__)


class DownloadError(RuntimeError):
    """A package could not be fetched, or is not the one that was pinned; one sentence says why."""


def fetch(package: Package, cache: Path) -> Path:
    """The folder that holds the unpacked package; it is downloaded if it is not there yet.

    Raises DownloadError.
    """
    folder = cache / "packages" / f"{package.name}-{package.sha256[:12]}"
    if folder.is_dir():
        return folder
    with tempfile.TemporaryDirectory(dir=_made(cache)) as scratch:
        archive = _download(package, Path(scratch))
        _check(package, archive)
        unpacked = Path(scratch) / "unpacked"
        unpacked.mkdir()
        _unpack(archive, unpacked)
        _made(folder.parent)
        unpacked.rename(folder)
    log.info("fetched %s %s", package.package, package.version)
    return folder


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _download(package: Package, scratch: Path) -> Path:
    """The archive, as the registry's client saves it."""
    match package.registry:
        case "npm":
            command = ["npm", "pack", "--silent", f"{package.package}@{package.version}"]
        case "debian":
            command = ["apt-get", "download", f"{package.package}={package.version}"]
        case "pypi":
            pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
            command = [*pip, "--disable-pip-version-check", f"{package.package}=={package.version}"]
    if shutil.which(command[0]) is None:
        raise DownloadError(f"{package.package} needs the command {command[0]}; install it first.")
    done = subprocess.run(command, cwd=scratch, capture_output=True, text=True, check=False)
    archives = list(scratch.iterdir())
    if done.returncode or len(archives) != 1:
        reason = (done.stderr.strip() or "no file came").splitlines()[-1]
        raise DownloadError(f"{package.package} {package.version} was not fetched: {reason}")
    return archives[0]


def _check(package: Package, archive: Path) -> None:
    with archive.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != package.sha256:
        raise DownloadError(
            f"{package.package} {package.version} is not the pinned one: its SHA-256 is {found}."
        )


def _unpack(archive: Path, folder: Path) -> None:
    if archive.suffix == ".deb":
        subprocess.run(["dpkg-deb", "--extract", archive, folder], check=True)
    elif archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            wheel.extractall(folder)
    else:
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
