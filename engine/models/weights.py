"""The files of a model: lists, downloads and checks them, without parsing their content."""

import http.client
import os
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tqdm import tqdm

from core.storage.files import fsync_dir, sha256, write_atomic
from engine.models.catalogue import CATALOGUE, Download, Entry, WeightsError

SUMS = "SHA256SUMS"
"""A file in the format of `sha256sum`, with the checksums of the other files as first stored."""

CHUNK = 1 << 20
TIMEOUT_SECONDS = 60.0
"""A source that sends no data for this long counts as unavailable."""


class State(StrEnum):
    MISSING = "missing"
    PARTIAL = "partly downloaded"
    DAMAGED = "damaged"
    COMPLETE = "complete"


@dataclass(frozen=True, slots=True)
class FileStatus:
    """The status of one file on this machine.

    `size` is its bytes on disk, or those of a partial download. `published` says whether its
    checksum was published; if not, it is compared with that of the first download.
    """

    name: str
    state: State
    size: int
    published: bool


@dataclass(frozen=True, slots=True)
class ModelStatus:
    entry: Entry
    folder: Path
    files: tuple[FileStatus, ...]

    @property
    def ready(self) -> bool:
        return all(file.state is State.COMPLETE for file in self.files)


def listing(data_dir: Path) -> list[ModelStatus]:
    """The status of every model in the catalogue. Fast, because it only compares sizes."""
    return [_status(entry, data_dir, thorough=False) for entry in CATALOGUE.values()]


def check(entry: Entry, data_dir: Path) -> ModelStatus:
    """The status of a model. Reads every byte and compares checksums."""
    return _status(entry, data_dir, thorough=True)


def pull(entry: Entry, data_dir: Path) -> ModelStatus:
    """Downloads missing and damaged files, with a progress bar on standard error.

    An interrupted download is kept as `NAME.part` and resumed next time. The file gets its name
    once size and checksum are right. Sources are tried in order. Raises WeightsError.
    """
    folder = entry.folder(data_dir)
    for file in entry.downloads:
        target = folder / file.name
        expected = file.sha256 or _recorded(folder).get(file.name)
        if not target.is_file() or expected not in (None, checksum(target)):
            _download(replace(file, sha256=expected), folder, entry.fix_command)
        _record(folder, file.name, expected or checksum(target))
    return check(entry, data_dir)


def checksums(entry: Entry, folder: Path) -> dict[str, str]:
    """The SHA-256 of each of the model's files, by name.

    Raises WeightsError if one is missing, or has changed since it was stored.
    """
    recorded = _recorded(folder)
    found = {}
    for name in entry.files:
        path = folder / name
        if not path.is_file():
            raise WeightsError(f"{path} is missing; get it with `{entry.fix_command}`.")
        found[name] = checksum(path)
        if found[name] != recorded.get(name, found[name]):
            raise WeightsError(
                f"{path} is damaged (its checksum has changed); "
                f"repair it with `{entry.fix_command}`."
            )
    return found


def _status(entry: Entry, data_dir: Path, thorough: bool) -> ModelStatus:
    folder = entry.folder(data_dir)
    published = {file.name: file for file in entry.downloads}
    recorded = _recorded(folder)

    def status(name: str) -> FileStatus:
        path, part, file = folder / name, _part(folder, name), published.get(name)
        has_checksum = file is None or file.sha256 is not None
        if not path.is_file():
            state = State.PARTIAL if part.is_file() else State.MISSING
            return FileStatus(name, state, _size(part), has_checksum)
        size, expected = _size(path), (file.sha256 if file else None) or recorded.get(name)
        intact = file is None or file.size in (None, size)
        if intact and thorough and expected:
            intact = checksum(path) == expected
        return FileStatus(name, State.COMPLETE if intact else State.DAMAGED, size, has_checksum)

    return ModelStatus(entry, folder, tuple(status(name) for name in entry.files))


class _SourceError(Exception):
    """A source responded, but not with the expected file."""


def _download(file: Download, folder: Path, command: str) -> None:
    """Downloads a file from the first source that has it."""
    part = _part(folder, file.name)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        free, needed = shutil.disk_usage(folder).free, (file.size or 0) - _size(part)
    if needed > free:
        raise WeightsError(
            f"{file.name} needs {_megabytes(needed)} more, but {folder} has only "
            f"{_megabytes(free)} free; make room and run `{command}` again."
        )
    errors = []
    # tqdm shows no bar if standard error is not a terminal.
    with tqdm(total=file.size, desc=file.name, unit="B", unit_scale=True, disable=None) as bar:
        for source in file.sources:
            try:
                _download_from(source, file, part, bar)
                break
            except (OSError, http.client.HTTPException, _SourceError) as error:
                errors.append(f"{urlsplit(source).hostname}: {_reason(error)}")
        else:
            raise WeightsError(
                f"{file.name} could not be downloaded ({'; '.join(errors)}); check the network "
                f"and run `{command}` again, which resumes the download."
            )
    with writing(part):
        os.replace(part, folder / file.name)
        fsync_dir(folder)


def _download_from(source: str, file: Download, part: Path, bar: "tqdm[Any]") -> None:
    """Completes `part` from one source and checks it."""
    resumed = part.exists()
    size = bar.total = file.size or _content_length(source)
    while (before := _size(part)) < size:
        failure: Exception = _SourceError("the download breaks off")
        try:
            _append(source, size, part, bar)
        except (OSError, http.client.HTTPException) as error:
            failure = error
        # A broken connection is resumed as long as there is progress.
        if _size(part) <= before:
            raise failure
    if _size(part) == size and file.sha256 in (None, checksum(part)):
        return
    with writing(part):
        part.unlink()
    if not resumed:
        raise _SourceError("the file has a different checksum")
    # The part that was there may be wrong: download everything from this source.
    _download_from(source, file, part, bar)


def _content_length(source: str) -> int:
    """The size of a file without a published size, according to its source. Downloads nothing."""
    with _open(source) as response:
        if response.headers.get_content_type() == "text/html":
            raise _SourceError("it is a web page")
        length = response.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) == 0:
            raise _SourceError("the size of the file is unknown")
        return int(length)


def _open(source: str, start: int = 0) -> Any:
    headers = {"User-Agent": "imagine-weights"}
    if start:
        headers["Range"] = f"bytes={start}-"
    request = urllib.request.Request(source, headers=headers)
    return OPENER.open(request, timeout=TIMEOUT_SECONDS)


class HttpsRedirects(urllib.request.HTTPRedirectHandler):
    """Never follows a redirect from https to anything else.

    Some files have no published checksum: only TLS protects their content.
    """

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        if req.type == "https" and urlsplit(newurl).scheme != "https":
            raise urllib.error.URLError("it redirects to a URL without https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


OPENER = urllib.request.build_opener(HttpsRedirects)


def _append(source: str, size: int, part: Path, bar: "tqdm[Any]") -> None:
    """Appends the response to `part`; restarts if the source doesn't support ranges."""
    start = _size(part)
    with _open(source, start) as response:
        if response.status != http.HTTPStatus.PARTIAL_CONTENT:
            start = 0
        elif not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            raise _SourceError("it does not send the requested range")
        length = response.headers.get("Content-Length", "")
        if length.isdecimal() and start + int(length) != size:
            raise _SourceError(f"the file has {start + int(length):,} bytes instead of {size:,}")
        bar.n = start
        bar.refresh()
        with writing(part):
            out = part.open("r+b" if start else "wb")
        with out:
            out.seek(start)
            while (position := out.tell()) < size and (chunk := response.read(CHUNK)):
                with writing(part):
                    out.write(chunk[: size - position])
                bar.update(len(chunk))
            with writing(part):
                out.flush()
                os.fsync(out.fileno())


def _record(folder: Path, name: str, checksum: str) -> None:
    sums = _recorded(folder) | {name: checksum}
    lines = "".join(f"{checksum}  {name}\n" for name, checksum in sorted(sums.items()))
    with writing(folder / SUMS):
        write_atomic(folder / SUMS, lines.encode())


def _recorded(folder: Path) -> dict[str, str]:
    if not (folder / SUMS).is_file():
        return {}
    lines = (
        line.split(maxsplit=1) for line in (folder / SUMS).read_text(errors="replace").splitlines()
    )
    return {line[1].lstrip("*"): line[0] for line in lines if len(line) == 2}


def _part(folder: Path, name: str) -> Path:
    return folder / f"{name}.part"


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def checksum(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal. Raises WeightsError."""
    try:
        return sha256(path)
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror or error}.") from error


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turns an OSError into a WeightsError: a full or read-only disk is not the source's fault."""
    try:
        yield
    except OSError as error:
        raise WeightsError(f"{path} cannot be written: {error.strerror or error}.") from error


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"


def _reason(error: Exception) -> str:
    return str(getattr(error, "reason", "") or error) or type(error).__name__
