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
    """A package could not be fetched, or is not the pinned one. The message is one sentence."""


def fetch(package: Package, cache: Path) -> Path:
    """The folder of the unpacked package; downloads it if it is not in the cache.

    Raises DownloadError.
    """
    folder = cache / "packages" / f"{package.name}-{package.sha256[:12]}"
    if folder.is_dir():
        return folder
    with tempfile.TemporaryDirectory(dir=_created(cache)) as scratch:
        archive = _download(package, Path(scratch))
        _check(package, archive)
        unpacked = Path(scratch) / "unpacked"
        unpacked.mkdir()
        _unpack(archive, unpacked)
        _created(folder.parent)
        unpacked.rename(folder)
    log.info("fetched %s %s", package.package, package.version)
    return folder


def _created(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _download(package: Package, scratch: Path) -> Path:
    """Downloads the archive with the registry's client."""
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
    result = subprocess.run(command, cwd=scratch, capture_output=True, text=True, check=False)
    archives = list(scratch.iterdir())
    if result.returncode or len(archives) != 1:
        reason = (result.stderr.strip() or "no file was downloaded").splitlines()[-1]
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
