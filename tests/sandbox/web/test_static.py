"""The page stays small: no build step, no dependencies, and rarely used parts load when opened."""

import re

from sandbox.web.server import FOLDER

MAX_BYTES = 120_000  #: bytes that opening the page loads, uncompressed
REFERENCES = {
    ".html": re.compile(r'(?:href|src)="/page/([^"]+)"'),
    ".js": re.compile(r'^(?:import|export) .*?from "\./([^"]+)";$', re.MULTILINE | re.DOTALL),
}
"""How a file refers to the files that load with it. `import()` loads its file later."""


def loaded(name: str) -> set[str]:
    """A file and everything that loads with it."""
    found, new = set[str](), {name}
    while new:
        found |= new
        files = [FOLDER / each for each in new]
        new = {
            reference
            for file in files
            if file.suffix in REFERENCES
            for reference in REFERENCES[file.suffix].findall(file.read_text())
        } - found
    return found


def test_opening_the_page_loads_few_bytes() -> None:
    files = loaded("index.html")
    assert {"theme.css", "main.js", "dom.js"} <= files
    assert sum((FOLDER / name).stat().st_size for name in files) < MAX_BYTES


def test_every_file_is_used() -> None:
    sources = "".join(path.read_text() for path in FOLDER.iterdir())
    later = set(re.findall(r'import\("\./([^"]+)"\)', sources))
    styles = {f"{name}.css" for name in re.findall(r'loadStyles\("(\w+)"\)', sources)}
    used = loaded("index.html").union(styles, *(loaded(name) for name in later))
    assert {path.name for path in FOLDER.iterdir()} == used
