"""Emoji as words: “🐱” is “cat”."""

import unicodedata

_FIRST = "\u2600"
"""Symbols before this one, such as © and ™, are not emoji."""

_JOINERS = frozenset({"Cf", "Mn", "Sk"})
"""Unicode categories of joiners, variation selectors and skin tones."""

_NAMES = {
    "❤": "red heart",
    "⭐": "star",
    "☀": "sun",
    "🌞": "sun",
    "🏠": "house",
    "🔪": "kitchen knife",
}
"""Emoji whose everyday names are not those of Unicode."""


def spelled_out(text: str) -> str:
    """Replaces each emoji in a text by its name; a text without any is returned unchanged.

    The face of an animal becomes just the animal.
    """
    if text.isascii() or not any(map(_is_emoji, text)):
        return text
    parts, after_emoji = list[str](), False
    for character in text:
        if _is_emoji(character):
            parts.append(f" {_name(character)} ")
            after_emoji = True
        elif not (after_emoji and unicodedata.category(character) in _JOINERS):
            parts.append(character)
            after_emoji = False
    return "".join(parts)


def _is_emoji(character: str) -> bool:
    return character >= _FIRST and unicodedata.category(character) == "So"


def _name(character: str) -> str:
    name = _NAMES.get(character) or unicodedata.name(character, "").lower()
    words = name.split()
    animal = len(words) == 2 and words[1] == "face" and not words[0].endswith(("ing", "ed"))
    return words[0] if animal else name
