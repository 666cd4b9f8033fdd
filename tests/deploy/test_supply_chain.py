"""Only pinned packages are installed, and NOTICE names all training data with its licence."""

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


def locked_packages(name: str) -> dict[str, tuple[str, set[str]]]:
    """The version and the hashes of each package in a lock file."""
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


def project_requirements(*extras: str) -> dict[str, Requirement]:
    """The dependencies of the project with these extras, by name."""
    lines = [*PROJECT["dependencies"]]
    for extra in extras:
        lines += PROJECT["optional-dependencies"][extra]
    requirements = map(Requirement, lines)
    return {canonicalize_name(each.name): each for each in requirements}


def with_dependencies(names: set[str], locked: dict[str, tuple[str, set[str]]]) -> set[str]:
    """Packages and all their dependencies, from the metadata of the installed versions."""
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
                assert dependency in locked, f"{name} needs {dependency}"
                names.add(dependency)
    return found


@pytest.mark.parametrize("name", LOCKS)
def test_every_package_is_pinned_by_version_and_hash(name: str) -> None:
    packages = locked_packages(name)
    assert packages
    for package, (version, hashes) in packages.items():
        assert version, package
        assert hashes, package
        assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in hashes), package
    text = (ROOT / name).read_text()
    assert "--only-binary :all:" in text  # a build would use tools that are not pinned
    assert "://" not in text


def test_the_lock_files_agree_and_contain_all_dependencies() -> None:
    everything, hosted = locked_packages("constraints.txt"), locked_packages("requirements.txt")
    assert hosted.items() <= everything.items()
    extras = PROJECT["optional-dependencies"]
    for name, requirement in project_requirements(*extras).items():
        assert requirement.specifier.contains(everything[name][0], prereleases=True), name
    assert with_dependencies(set(project_requirements()), everything) <= set(hosted)


def pip_install_commands() -> Iterator[str]:
    """Every `pip install` command in the documentation, the deployment files and error messages."""
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
    commands = list(pip_install_commands())
    assert len(commands) > 5
    for command in commands:
        by_hash = "--require-hashes" in command and any(lock in command for lock in LOCKS)
        itself = "--no-deps" in command and "--no-build-isolation" in command
        tool = "'$(TOOL)'" in command
        assert by_hash or itself or tool, command
    tools = re.findall(r"TOOL := (.+)", (ROOT / "Makefile").read_text())
    assert tools
    assert all(re.fullmatch(r"[a-z-]+==[0-9.]+", tool) for tool in tools)


def test_notice_names_all_training_data_with_its_licence() -> None:
    sources = tomllib.loads((ROOT / "training" / "data" / "sources.toml").read_text())
    expected = [notice_line(source) for kind in sources.values() for source in kind]
    _, data = (ROOT / "NOTICE").read_text().split("Data\n----\n")
    assert [each for each in data.splitlines() if each.startswith("- ")] == expected


def notice_line(source: dict[str, str]) -> str:
    """The line of NOTICE about a source."""
    use = f", {source['use']}" if "use" in source else ""
    package = f"{source['package']} {source['version']}"
    return f"- {source['attribution']} ({package}, {source['licence']}{use})"
