"""Which of the things in a sentence are asked for, and which are only mentioned.

"It's my birthday, so I think I deserve an oyster" asks for an oyster. People introduce what they
ask for with an article and call it by its name; other words for things stand in what they say
around it, and after "for", "because" and "if".
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

# All words are folded.
INDEFINITE = frozenset({
    "a", "an", "one", "two", "three", "four", "some", "ein", "eine", "einen", "einem",
    "einer", "zwei", "drei", "vier", "un", "una", "unos", "unas", "dos", "tres", "cuatro",
    "une", "des", "deux", "trois", "quatre",
})  # fmt: skip
"""Words that introduce what is asked for."""

DEFINITE = frozenset({
    "the", "my", "your", "his", "her", "its", "our", "their", "this", "that", "der", "die",
    "das", "den", "dem", "el", "la", "los", "las", "le", "les",
})  # fmt: skip

ASIDES = frozenset({
    "for", "because", "cause", "cuz", "bc", "since", "if", "unless", "fur", "weil", "falls",
    "wenn", "damit", "para", "porque", "si", "pour", "parce", "car", "puisque",
})  # fmt: skip
"""Words after which a sentence says why, or for whom."""

ROLES = frozenset({
    "as", "als", "como", "comme",
})  # fmt: skip
"""Words before what somebody is."""

AND = frozenset({
    "and", "or", "with", "&", "und", "oder", "mit", "y", "o", "con", "et", "ou", "avec", "ト", "ヤ",
})  # fmt: skip
JOINING = AND | {
    "of", "on", "in", "under", "over", "beside", "next", "to", "near", "at", "by", "auf", "unter",
    "uber", "neben", "en", "sobre", "de", "sur", "dans", "sous",
}  # fmt: skip
"""Words between things that are asked for together."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words of a prompt: a `thing` by its English name, a `modifier`, or neither.

    `silent` ones say nothing; `exact` is whether a thing is called by its own name, and `name` the
    English one of a thing where the words mean nothing else. A `style` is a modifier that the prior
    follows by itself. `clause` counts the punctuation marks before it.
    """

    text: str
    thing: str = ""
    name: str = ""
    modifier: str = ""
    style: bool = False
    silent: bool = False
    exact: bool = True
    clause: int = 0


def requested(phrases: Sequence[Phrase]) -> list[Phrase]:
    """The phrases; those for things that are only mentioned are silent."""
    kept = set(_requested_places(phrases))
    return [
        replace(phrase, thing="", name="", silent=True)
        if phrase.thing and place not in kept
        else phrase
        for place, phrase in enumerate(phrases)
    ]


def introduces_a_name(phrases: Sequence[Phrase]) -> bool:
    """Whether what the first indefinite article introduces is called by its own name."""
    for phrase, introduction in zip(phrases, _introductions(phrases), strict=True):
        if introduction in INDEFINITE and not phrase.silent and not phrase.modifier:
            return bool(phrase.thing) and phrase.exact
    return False


def _requested_places(phrases: Sequence[Phrase]) -> list[int]:
    """The places of the things that are asked for; of all things, if none is surely one."""
    introductions, asides = _introductions(phrases), _asides(phrases)
    things = [place for place, phrase in enumerate(phrases) if phrase.thing]
    named = [p for p in things if phrases[p].exact and p not in asides]
    sure = [p for p in named if introductions[p] in INDEFINITE] or named
    if not sure:
        return things
    kept = list(sure)
    for place in reversed(things):  # so that one before another that is kept is kept, too
        phrase = phrases[place]
        beside = [other for other in kept if phrases[other].clause == phrase.clause]
        joined = any(_joined(phrases[place + 1 : other], AND) for other in beside if other > place)
        after = any(other < place for other in beside)
        listed = _joined([other for other in phrases if other.clause == phrase.clause], JOINING)
        certain = phrase.exact or introductions[place] in INDEFINITE | DEFINITE | JOINING
        if place not in {*kept, *asides} and (joined or (certain and (after or listed))):
            kept.append(place)
    return kept


def _introductions(phrases: Sequence[Phrase]) -> list[str]:
    """The word right before each phrase, or before the modifiers that are before it."""
    found, introduction = [], ""
    for phrase in phrases:
        found.append(introduction)
        if not phrase.modifier:
            introduction = phrase.text.split()[-1] if phrase.silent else ""
    return found


def _asides(phrases: Sequence[Phrase]) -> set[int]:
    """The places of what is said of why, for whom and by whom something is asked for.

    "I'd be glad of a kiwi for lunch" and "I'm looking for a kiwi" both ask for a kiwi.
    """
    found: set[int] = set()
    aside, wanted, role, clause, named = False, "", False, 0, False
    introductions = _introductions(phrases)
    for place, phrase in enumerate(phrases):
        if phrase.clause != clause:
            aside, named, clause = False, False, phrase.clause
        if phrase.thing:
            asked_for = aside and wanted == "for" and introductions[place] in INDEFINITE
            if role or (aside and not (asked_for and phrase.exact and not named)):
                found.add(place)
            named = named or (phrase.exact and not role)
            role = False
        elif phrase.text in ASIDES:
            aside, wanted = True, phrase.text
        elif phrase.text in ROLES:
            role = True
    return found


def _joined(phrases: Sequence[Phrase], joining: frozenset[str]) -> bool:
    """Whether phrases are nothing but things, modifiers, articles and words that join them."""
    return all(
        phrase.thing or phrase.modifier or phrase.text in INDEFINITE | DEFINITE | joining
        for phrase in phrases
    )
