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
"""Emoji that people call something else than Unicode does."""


def spelled_out(text: str) -> str:
    """The text with the name of each emoji in its place. A text without any is returned as it is.

    The face of an animal stands for the animal.
    """
    if text.isascii() or not any(map(_is_emoji, text)):
        return text
    parts, after_emoji = list[str](), False
    for letter in text:
        if _is_emoji(letter):
            parts.append(f" {_name(letter)} ")
            after_emoji = True
        elif not (after_emoji and unicodedata.category(letter) in _JOINERS):
            parts.append(letter)
            after_emoji = False
    return "".join(parts)


def _is_emoji(letter: str) -> bool:
    return letter >= _FIRST and unicodedata.category(letter) == "So"


def _name(letter: str) -> str:
    name = _NAMES.get(letter) or unicodedata.name(letter, "").lower()
    words = name.split()
    animal = len(words) == 2 and words[1] == "face" and not words[0].endswith(("ing", "ed"))
    return words[0] if animal else name
