"""Packages are fetched with the registries' clients; here, fake ones copy local archives."""

import hashlib
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from training.data.download import DownloadError, fetch
from training.data.sources import Package, sources


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A package in npm's format."""
    content = tmp_path / "package"
    content.mkdir()
    (content / "icons.json").write_text("{}")
    path = tmp_path / "set-1.0.0.tgz"
    with tarfile.open(path, "w:gz") as tar:
        tar.add(content, "package")
    return path


@pytest.fixture
def package(archive: Path) -> Package:
    sha256 = hashlib.sha256(archive.read_bytes()).hexdigest()
    return Package("set", "npm", "@maker/set", "1.0.0", sha256, "MIT", "A maker")


def install_fake_npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Puts a fake `npm` on the PATH that runs `script`."""
    folder = tmp_path / "bin"
    folder.mkdir(exist_ok=True)
    (folder / "npm").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_a_package_is_fetched_once_and_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, archive: Path, package: Package
) -> None:
    install_fake_npm(tmp_path, monkeypatch, f'[ "$3" = "@maker/set@1.0.0" ] && cp {archive} .')
    folder = fetch(package, tmp_path / "cache")
    assert (folder / "package" / "icons.json").read_text() == "{}"
    install_fake_npm(tmp_path, monkeypatch, "exit 1")
    assert fetch(package, tmp_path / "cache") == folder


def test_an_archive_that_is_not_the_pinned_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, archive: Path, package: Package
) -> None:
    install_fake_npm(tmp_path, monkeypatch, f"cp {archive} .")
    with pytest.raises(DownloadError, match="not the pinned one"):
        fetch(replace(package, sha256="0" * 64), tmp_path / "cache")
    assert not list((tmp_path / "cache").rglob("icons.json"))


def test_the_clients_error_message_is_passed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: Package
) -> None:
    install_fake_npm(tmp_path, monkeypatch, "echo 404 not found >&2; exit 1")
    with pytest.raises(DownloadError, match="404 not found"):
        fetch(package, tmp_path / "cache")


def test_the_error_for_a_missing_client_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: Package
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DownloadError, match="needs the command npm"):
        fetch(package, tmp_path / "cache")


def test_only_permissively_licensed_sets_are_trained_on() -> None:
    permissive = {"MIT", "Apache-2.0", "CC-BY-4.0", "public domain"}
    assert all(s.licence in permissive for s in sources().images if s.use == "train")
    names = [package.name for package in sources().packages]
    assert len(set(names)) == len(names)
    assert all(len(package.sha256) == 64 for package in sources().packages)
