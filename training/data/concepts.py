"""The concepts that images show: one for each emoji of a thing, with its names and keywords.

Names and keywords are from Unicode CLDR, in five languages. Flags, keycaps, arrows, clocks and
buttons are left out: nobody requests them by name, and many are letters.
"""

import json
import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

EXTRA = Path(__file__).with_name("extra_concepts.toml")
"""Things without an emoji."""

LANGUAGES = ("en", "de", "es", "fr", "ja")

_GROUPS = (0, 1, 3, 4, 5, 6, 7, 8)  # emojibase: no components (2), no flags (9)
_NOT_THINGS = re.compile(
    r"arrow|button|keycap|o’clock|o'clock|thirty|\bsign\b|\bmark\b|symbol|input|zodiac|trigram"
    r"|hexagon|diamond with|circled|japanese “|copyright|registered|trade ?mark|double (curly|excl)"
    r"|^(aries|taurus|gemini|cancer|leo|virgo|libra|scorpio|sagittarius|capricorn|aquarius|pisces)"
    r"|ophiuchus|curly loop|wavy dash|part alternation|antenna bars|mobile phone off|vibration mode"
    r"|infinity|medium-small|^(plus|minus|divide|multiply|heavy equals)$|currency exchange"
    r"|fast.forward|no entry|prohibited|no .*phones|under eighteen|non-potable|^no |restroom"
    r"|men’s room|women’s room|water closet|baby symbol|passport control|customs|baggage claim"
    r"|left luggage|litter in bin|potable|wheelchair symbol|dim |bright button|eject|shuffle|repeat"
    r"|play|pause|record|cinema|medical|recycling|fleur-de-lis|name badge|beginner|hollow|check"
    r"|cross mark|sparkle$|eight-|asterisk|bangbang|a button|soon|^top arrow|^back arrow|^end arrow"
)


@dataclass(frozen=True, slots=True)
class Concept:
    """One thing that can be rendered.

    `key` is the emoji's code points in lower case without the variation selector; `names` are the
    labels and `keywords` CLDR's keywords, by language.
    """

    key: str
    group: int
    names: Mapping[str, str]
    keywords: Mapping[str, tuple[str, ...]]
    titles: tuple[str, ...] = ()
    """Titles of the images that show it, if it is not an emoji."""

    @property
    def name(self) -> str:
        """The English name."""
        return self.names["en"]


def concepts(emojibase: Path) -> list[Concept]:
    """All concepts, in emojibase's order, then the extra ones.

    `emojibase` is its unpacked package.
    """
    data = {
        language: {
            row["hexcode"]: row
            for row in json.loads((emojibase / "package" / language / "data.json").read_text())
        }
        for language in LANGUAGES
    }
    found = []
    for code, row in data["en"].items():
        if row.get("group") not in _GROUPS or _NOT_THINGS.search(row["label"].lower()):
            continue
        rows = {language: data[language].get(code, row) for language in LANGUAGES}
        found.append(
            Concept(
                key=normal_key(code),
                group=row["group"],
                names={language: _clean(each["label"]) for language, each in rows.items()},
                keywords={
                    language: tuple(_clean(tag) for tag in each.get("tags", ()))
                    for language, each in rows.items()
                },
            )
        )
    extra = tomllib.loads(EXTRA.read_text())["concept"]
    return found + [Concept(**{**row, "titles": tuple(row["titles"])}) for row in extra]


def normal_key(code: str) -> str:
    """`1F1E6-FE0F` → `1f1e6`."""
    return "-".join(part for part in code.lower().split("-") if part != "fe0f")


def slug(name: str) -> str:
    """A name reduced to lower-case letters and digits, as icon sets spell it in various ways."""
    plain = unicodedata.normalize("NFKD", name.lower()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "", plain)


def specific_keywords(
    all_concepts: list[Concept], language: str, max_concepts: int = 3
) -> set[str]:
    """Keywords that at most `max_concepts` concepts share, so that they are nearly names."""
    counts = Counter(word for concept in all_concepts for word in concept.keywords[language])
    return {word for word, count in counts.items() if count <= max_concepts}


def _clean(text: str) -> str:
    return re.sub(r"\s+", " ", text.replace("“", "").replace("”", "").replace("’", "'")).strip()
