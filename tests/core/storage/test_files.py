"""Atomic writes, and checksums of files."""

import hashlib
import os
import stat
from pathlib import Path

import pytest

from core.storage.files import sha256, write_atomic


def test_a_failed_write_keeps_the_old_file_and_leaves_no_temporary_file(tmp_path: Path) -> None:
    write_atomic(tmp_path / "image.png", b"old")

    def fail_halfway(path: Path) -> None:
        path.write_bytes(b"half of the ne")
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        write_atomic(tmp_path / "image.png", fail_halfway)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


def test_a_file_is_synced_to_disk_before_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[str, bool]] = []
    real_fsync = os.fsync

    def fsync(handle: int) -> None:
        real_fsync(handle)
        kind = "folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file"
        synced.append((kind, (tmp_path / "image.png").exists()))

    monkeypatch.setattr(os, "fsync", fsync)
    write_atomic(tmp_path / "image.png", b"new")
    assert synced == [("file", False), ("folder", True)]


def test_sha256_is_the_checksum_of_the_content(tmp_path: Path) -> None:
    write_atomic(tmp_path / "new" / "weights.bin", memoryview(b"weights" * 1000))
    expected = hashlib.sha256(b"weights" * 1000).hexdigest()
    assert sha256(tmp_path / "new" / "weights.bin") == expected
