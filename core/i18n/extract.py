"""`make translations`: brings the catalogues up to date with the sentences in the code.

What is new is left empty, or filled in from a similar sentence and marked as fuzzy; both are told
in English until a translator has seen to them. A new language begins as an empty file. Entries are
sorted and name no source file, so that moving code does not change a catalogue.
"""

from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parents[2]
LOCALES = Path(__file__).parent / "locales"

SPEAKERS = ("bot", "core", "engine")
"""The packages that speak to members."""

_KEYWORDS = {"say": None, "mark": None, "filled": None, "counted": (1, 2)}


def extracted() -> Catalog:
    """Every sentence in the code."""
    template = Catalog(project="Imagine", charset="utf-8")
    for package in SPEAKERS:
        found = extract_from_dir(ROOT / package, [("**.py", "python")], keywords=_KEYWORDS)
        for name, _, message, _, context in found:
            template.add(message, locations=[(f"{package}/{name}", 0)], context=context)
    return template


def read(path: Path) -> Catalog:
    """The catalogue in a file."""
    with path.open("rb") as file:
        return read_po(file, locale=path.stem.replace("-", "_"))


def strings(message: Message) -> tuple[str, ...]:
    """A translation in all its plural forms."""
    string = message.string or ""
    return (string,) if isinstance(string, str) else tuple(string)


def main() -> None:
    template = extracted()
    for path in sorted(LOCALES.glob("*.po")):
        catalogue = read(path)
        catalogue.update(template, update_creation_date=False)
        with path.open("wb") as file:
            write_po(
                file, catalogue, width=100, no_location=True, sort_output=True, ignore_obsolete=True
            )
        fuzzy = [message for message in catalogue if message.id and message.fuzzy]
        empty = [message for message in catalogue if not all(strings(message))]
        print(f"{path.name}: {len(empty)} to translate, {len(fuzzy)} to check")


if __name__ == "__main__":
    main()
