"""Only pinned packages are installed, and what others made is named with its licence."""

import importlib.metadata
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCKS = ("constraints.txt", "requirements.txt")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def locked(name: str) -> dict[str, tuple[str, set[str]]]:
    """The version and the hashes of each package in a lock."""
    text = (ROOT / name).read_text().replace("\\\n", " ")
    packages = {}
    for line in text.splitlines():
        if line.startswith(("#", "--only-binary")) or not line.strip():
            continue
        pin, *options = line.split()
        package, version = pin.split("==")
        hashes = {option.removeprefix("--hash=sha256:") for option in options}
        packages[package] = version, hashes
    return packages


def required(*extras: str) -> dict[str, Requirement]:
    """What the project asks for, by name."""
    lines = [*PROJECT["dependencies"]]
    for extra in extras:
        lines += PROJECT["optional-dependencies"][extra]
    requirements = map(Requirement, lines)
    return {canonicalize_name(each.name): each for each in requirements}


def needed(names: set[str], locked_versions: dict[str, tuple[str, set[str]]]) -> set[str]:
    """These packages and all that they depend on, as the installed ones say."""
    found: set[str] = set()
    while names:
        name = names.pop()
        found.add(name)
        requirements = map(Requirement, importlib.metadata.requires(name) or ())
        for each in requirements:
            dependency = canonicalize_name(each.name)
            if (each.marker is None or each.marker.evaluate({"extra": ""})) and (
                dependency not in found
            ):
                assert dependency in locked_versions, f"{name} needs {dependency}"
                names.add(dependency)
    return found


@pytest.mark.parametrize("name", LOCKS)
def test_every_package_is_pinned_by_version_and_hash(name: str) -> None:
    packages = locked(name)
    assert packages
    for package, (version, hashes) in packages.items():
        assert version, package
        assert hashes, package
        assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in hashes), package
    text = (ROOT / name).read_text()
    assert "--only-binary :all:" in text  # nothing is built, with tools that nobody has pinned
    assert "://" not in text


def test_the_locks_agree_and_hold_what_the_project_asks_for() -> None:
    everything, hosted = locked("constraints.txt"), locked("requirements.txt")
    assert hosted.items() <= everything.items()
    extras = PROJECT["optional-dependencies"]
    for name, requirement in required(*extras).items():
        assert requirement.specifier.contains(everything[name][0], prereleases=True), name
    assert needed(set(required()), everything) <= set(hosted)


def commands() -> Iterator[str]:
    """Every `pip install` that a person or a machine is told to run."""
    paths = [
        ROOT / "Makefile",
        ROOT / "deploy" / "Dockerfile",
        ROOT / "engine" / "service.py",
        ROOT / "engine" / "models" / "open_clip.py",
        *ROOT.glob("*.md"),
        *(ROOT / "deploy").glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
    ]
    for path in paths:
        text = path.read_text().replace("\\\n", " ")
        yield from re.findall(r"pip install[^`#\n]*", text)


def test_every_installation_is_pinned() -> None:
    found = list(commands())
    assert len(found) > 5
    for command in found:
        by_hash = "--require-hashes" in command and any(lock in command for lock in LOCKS)
        itself = "--no-deps" in command and "--no-build-isolation" in command
        tool = "'$(TOOL)'" in command
        assert by_hash or itself or tool, command
    tools = re.findall(r"TOOL := (.+)", (ROOT / "Makefile").read_text())
    assert tools
    assert all(re.fullmatch(r"[a-z-]+==[0-9.]+", tool) for tool in tools)


def test_notice_names_all_training_data_with_its_licence() -> None:
    sources = tomllib.loads((ROOT / "training" / "data" / "sources.toml").read_text())
    expected = [line(source) for kind in sources.values() for source in kind]
    _, data = (ROOT / "NOTICE").read_text().split("Data\n----\n")
    assert [each for each in data.splitlines() if each.startswith("- ")] == expected


def line(source: dict[str, str]) -> str:
    """How NOTICE names a source."""
    use = f", {source['use']}" if "use" in source else ""
    package = f"{source['package']} {source['version']}"
    return f"- {source['attribution']} ({package}, {source['licence']}{use})"
