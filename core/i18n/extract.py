"""`make translations`: updates the catalogues from the messages in the code.

A new message gets an empty entry, or a similar message's translation marked as fuzzy. Members see
both in English until a translator has edited them. A new language starts as an empty file. Entries
are sorted and name no source file, so that moving code doesn't change a catalogue.
"""

from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parents[2]
LOCALES = Path(__file__).parent / "locales"

PACKAGES = ("bot", "core", "engine")
"""The packages with messages for members."""

_KEYWORDS = {"gettext": None, "gettext_noop": None, "gettext_lazy": None, "ngettext": (1, 2)}


def extracted() -> Catalog:
    """Every message in the code."""
    template = Catalog(project="Imagine", charset="utf-8")
    for package in PACKAGES:
        found = extract_from_dir(ROOT / package, [("**.py", "python")], keywords=_KEYWORDS)
        for name, _, message, _, context in found:
            template.add(message, locations=[(f"{package}/{name}", 0)], context=context)
    return template


def read(path: Path) -> Catalog:
    """Reads a catalogue."""
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
