import hashlib
import os
import stat
from pathlib import Path

import pytest

from core.storage.files import sha256, write_atomic


def test_a_file_that_cannot_be_finished_leaves_the_old_one_and_no_litter(tmp_path: Path) -> None:
    write_atomic(tmp_path / "image.png", b"old")

    def breaks_off(path: Path) -> None:
        path.write_bytes(b"half of the ne")
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        write_atomic(tmp_path / "image.png", breaks_off)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


def test_content_and_name_of_a_file_are_forced_to_the_disk_in_this_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forced: list[tuple[str, bool]] = []
    truly = os.fsync

    def fsync(handle: int) -> None:
        truly(handle)
        kind = "folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file"
        forced.append((kind, (tmp_path / "image.png").exists()))

    monkeypatch.setattr(os, "fsync", fsync)
    write_atomic(tmp_path / "image.png", b"new")
    assert forced == [("file", False), ("folder", True)]


def test_a_file_has_the_checksum_of_its_content(tmp_path: Path) -> None:
    write_atomic(tmp_path / "new" / "weights.bin", memoryview(b"weights" * 1000))
    expected = hashlib.sha256(b"weights" * 1000).hexdigest()
    assert sha256(tmp_path / "new" / "weights.bin") == expected
