"""Which of the things in a sentence are asked for, and which are only mentioned.

"It's my birthday today, so I think I deserve an oyster" asks for an oyster. What people ask for has
an indefinite article and its own name; what they mention is called by any word, and may come after
"for", "because" or "if".
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

# All words are folded.
INDEFINITE = frozenset({
    "a", "an", "one", "two", "three", "four", "some", "ein", "eine", "einen", "einem",
    "einer", "zwei", "drei", "vier", "un", "una", "unos", "unas", "dos", "tres", "cuatro",
    "une", "des", "deux", "trois", "quatre",
})  # fmt: skip
"""Determiners of what is asked for: indefinite articles and numbers."""

DEFINITE = frozenset({
    "the", "my", "your", "his", "her", "its", "our", "their", "this", "that", "der", "die",
    "das", "den", "dem", "el", "la", "los", "las", "le", "les",
})  # fmt: skip
"""Determiners of what may only be mentioned."""

REASONS = frozenset({
    "for", "because", "cause", "cuz", "bc", "since", "if", "unless", "fur", "weil", "falls",
    "wenn", "damit", "para", "porque", "si", "pour", "parce", "car", "puisque",
})  # fmt: skip
"""Words after which a sentence says why, or for whom."""

ROLES = frozenset({"as", "als", "como", "comme"})
"""Words before what the member is: "as a teacher"."""

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
    kept = _requested_places(phrases)
    return [
        replace(phrase, thing="", name="", silent=True)
        if phrase.thing and place not in kept
        else phrase
        for place, phrase in enumerate(phrases)
    ]


def introduces_a_name(phrases: Sequence[Phrase]) -> bool:
    """Whether the first indefinite article is followed by a thing's own name."""
    for phrase, determiner in zip(phrases, _determiners(phrases), strict=True):
        if determiner in INDEFINITE and not phrase.silent and not phrase.modifier:
            return bool(phrase.thing) and phrase.exact
    return False


def _requested_places(phrases: Sequence[Phrase]) -> set[int]:
    """The places of the things that are asked for; of all things, if none is surely one."""
    determiners = _determiners(phrases)
    mentioned = _mentioned_places(phrases, determiners)
    things = [place for place, phrase in enumerate(phrases) if phrase.thing]
    named = {p for p in things if phrases[p].exact and p not in mentioned}
    kept = {p for p in named if determiners[p] in INDEFINITE} or named
    if not kept:
        return set(things)
    for place in reversed(things):  # so that one before another that is kept is kept, too
        certain = phrases[place].exact or determiners[place] in INDEFINITE | DEFINITE | JOINING
        if place not in mentioned and _belongs(phrases, place, kept, certain):
            kept.add(place)
    return kept


def _belongs(phrases: Sequence[Phrase], place: int, kept: set[int], certain: bool) -> bool:
    """Whether a thing belongs to those that are kept: joined to one, after one, or in a list."""
    clause = phrases[place].clause
    beside = [other for other in kept if phrases[other].clause == clause]
    between = [phrases[place + 1 : other] for other in beside if other > place]
    if any(_joined(found, AND) and found[0].text in AND for found in between if found):
        return True
    whole_clause = [phrase for phrase in phrases if phrase.clause == clause]
    return certain and (any(other < place for other in beside) or _joined(whole_clause, JOINING))


def _determiners(phrases: Sequence[Phrase]) -> list[str]:
    """The word right before each phrase, or before the modifiers that are before it."""
    found, determiner = [], ""
    for phrase in phrases:
        found.append(determiner)
        if not phrase.modifier:
            determiner = phrase.text.split()[-1] if phrase.silent else ""
    return found


def _mentioned_places(phrases: Sequence[Phrase], determiners: Sequence[str]) -> set[int]:
    """The places of things after a word of REASONS in a clause, and after one of ROLES.

    "I'm looking for a kiwi" still asks for a kiwi: of "for", an indefinite article and the thing's
    own name, if nothing was named before it.
    """
    found: set[int] = set()
    clause, reason, role, named = 0, "", False, False
    for place, phrase in enumerate(phrases):
        if phrase.clause != clause:
            clause, reason, named = phrase.clause, "", False
        if phrase.thing:
            asked_for = phrase.exact and determiners[place] in INDEFINITE and not named
            if role or (reason and not (reason == "for" and asked_for)):
                found.add(place)
            named = named or (phrase.exact and not role)
            role = False
        elif phrase.text in REASONS:
            reason = phrase.text
        elif phrase.text in ROLES:
            role = True
    return found


def _joined(phrases: Sequence[Phrase], joining: frozenset[str]) -> bool:
    """Whether phrases are nothing but things, modifiers, determiners and words that join them."""
    return all(
        phrase.thing or phrase.modifier or phrase.text in INDEFINITE | DEFINITE | joining
        for phrase in phrases
    )
