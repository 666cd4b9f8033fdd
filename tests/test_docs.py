"""The documentation: its links work, and the modules, files and make targets it names exist."""

import re
from pathlib import Path

import pytest

from bot.policy import menu

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").glob("*.md")]
)

_LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_MODULE = re.compile(r"python -m ((?:bench|bot|core|engine|sandbox|tests|training)[\w.]*)")
_FILE = re.compile(
    r"`((?:bench|bot|core|deploy|engine|migrations|sandbox|tests|training)/[\w./-]+)`"
)
_DOTTED = re.compile(r"`((?:bench|bot|core|engine|sandbox|training)\.[\w.]+)`")
_TEST = re.compile(r"\[`(test_\w+)`\]\((\S+\.py)\)")
_MAKE = re.compile(r"(?:^|`)make ([a-z]+)", re.MULTILINE)
_PLACEHOLDER = "NAME"


def _anchors(page: Path) -> set[str]:
    """The anchors that GitHub generates for a page's headings."""
    headings = _HEADING.findall(page.read_text())
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_are_not_broken(page: Path) -> None:
    broken = []
    for path, anchor in _LINK.findall(page.read_text()):
        target = page.parent / path if path else page
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            broken.append(f"{path}#{anchor}" if anchor else path)
    assert not broken


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_named_modules_files_and_make_targets_exist(page: Path) -> None:
    text = page.read_text()
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    missing = [f"python -m {name}" for name in _MODULE.findall(text) if not _can_run(name)]
    files = (path for path in _FILE.findall(text) if _PLACEHOLDER not in path)
    missing += [path for path in files if not (ROOT / path).exists()]
    missing += [name for name in _DOTTED.findall(text) if not _is_defined(name)]
    missing += [f"make {name}" for name in _MAKE.findall(text) if name not in targets]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_named_tests_exist(page: Path) -> None:
    missing = [
        name
        for name, path in _TEST.findall(page.read_text())
        if f"def {name}(" not in (page.parent / path).read_text()
    ]
    assert not missing


def test_the_default_steps_are_those_of_the_models() -> None:
    text = (ROOT / "docs" / "using.md").read_text()
    names = ("picturebook", "sketch", "full-size models")
    assert ", ".join(f"{name} {menu(name).steps}" for name in names) in text


def _can_run(module: str) -> bool:
    path = ROOT / module.replace(".", "/")
    return path.with_suffix(".py").exists() or (path / "__main__.py").exists()


def _is_defined(name: str) -> bool:
    """Whether a dotted name is a package, a module, or a word in that module's source."""
    path = ROOT
    for index, part in enumerate(parts := name.split(".")):
        path = path / part
        if (module := path.with_suffix(".py")).exists():
            return all(re.search(rf"\b{rest}\b", module.read_text()) for rest in parts[index + 1 :])
    return path.is_dir()
