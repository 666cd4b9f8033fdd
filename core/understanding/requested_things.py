"""Decides which things in a sentence are requested, and which are only mentioned.

"It's my birthday today, so I think I deserve an oyster" requests an oyster. A requested thing has
an indefinite article and its own name; a mentioned one may be called by any word, and may come
after "for", "because" or "if".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

# All words are folded.
INDEFINITE = frozenset({
    "a", "an", "one", "two", "three", "four", "some", "ein", "eine", "einen", "einem",
    "einer", "zwei", "drei", "vier", "un", "una", "unos", "unas", "dos", "tres", "cuatro",
    "une", "des", "deux", "trois", "quatre",
})  # fmt: skip
"""Determiners of requested things: indefinite articles and numbers."""

DEFINITE = frozenset({
    "the", "my", "your", "his", "her", "its", "our", "their", "this", "that", "der", "die",
    "das", "den", "dem", "el", "la", "los", "las", "le", "les",
})  # fmt: skip
"""Determiners of things that may only be mentioned."""

REASONS = frozenset({
    "for", "because", "cause", "cuz", "bc", "since", "if", "unless", "fur", "weil", "falls",
    "wenn", "damit", "para", "porque", "si", "pour", "parce", "car", "puisque",
})  # fmt: skip
"""Words that introduce a reason or a recipient."""

ROLES = frozenset({"as", "als", "como", "comme"})
"""Words that introduce what the member is: "as a teacher"."""

AND = frozenset({
    "and", "or", "with", "&", "und", "oder", "mit", "y", "o", "con", "et", "ou", "avec", "ト", "ヤ",
})  # fmt: skip
JOINING = AND | {
    "of", "on", "in", "under", "over", "beside", "next", "to", "near", "at", "by", "auf", "unter",
    "uber", "neben", "en", "sobre", "de", "sur", "dans", "sous",
}  # fmt: skip
"""Words between things that are requested together."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words of a prompt: a `thing` by its English name, a `modifier`, or neither.

    `ignored` phrases add no meaning. `exact` is whether a thing is called by its own name. `name`
    is its English name if the words can't mean anything else. A `style` is a modifier that the
    prior follows by itself. `clause` is the number of the clause, from 0.
    """

    text: str
    thing: str = ""
    name: str = ""
    modifier: str = ""
    style: bool = False
    ignored: bool = False
    exact: bool = True
    clause: int = 0


def requested(phrases: Sequence[Phrase]) -> list[Phrase]:
    """The phrases; those of things that are only mentioned are ignored."""
    kept = _requested_indices(phrases)
    return [
        replace(phrase, thing="", name="", ignored=True)
        if phrase.thing and index not in kept
        else phrase
        for index, phrase in enumerate(phrases)
    ]


def nouns_among_modifiers(phrases: Sequence[Phrase], things: Mapping[str, str]) -> list[Phrase]:
    """The phrases; modifiers that are also names of `things` are those where they are nouns.

    "Rose" is one in "a rose on a table". "Orange" is a colour in "an orange cat" and in "an orange
    and white cat".
    """
    return [
        replace(phrase, thing=things[phrase.modifier], name=things[phrase.modifier], modifier="")
        if phrase.modifier in things and _is_noun(phrases, index)
        else phrase
        for index, phrase in enumerate(phrases)
    ]


def _is_noun(phrases: Sequence[Phrase], index: int) -> bool:
    """Whether nothing follows that a phrase could modify, and an indefinite article precedes it.

    A prompt may also start with it, before a preposition: "rose on a table".
    """
    follow = [p for p in phrases[index + 1 :] if p.clause == phrases[index].clause]
    if index == 0:
        return bool(follow) and follow[0].text in JOINING - AND
    article = phrases[index - 1]
    if not article.ignored or article.text.split()[-1] not in INDEFINITE:
        return False
    if len(follow) > 1 and follow[0].text in AND:
        return not follow[1].modifier
    return not follow or follow[0].ignored


def introduces_a_name(phrases: Sequence[Phrase]) -> bool:
    """Whether the first indefinite article is followed by a thing's own name."""
    for phrase, determiner in zip(phrases, _determiners(phrases), strict=True):
        if determiner in INDEFINITE and not phrase.ignored and not phrase.modifier:
            return bool(phrase.thing) and phrase.exact
    return False


def lists_things(phrases: Sequence[Phrase]) -> bool:
    """Whether there are only things, each after an indefinite article, and modifiers."""
    found = [
        bool(phrase.thing) and determiner in INDEFINITE
        for phrase, determiner in zip(phrases, _determiners(phrases), strict=True)
        if not phrase.ignored and not phrase.modifier
    ]
    return bool(found) and all(found)


def _requested_indices(phrases: Sequence[Phrase]) -> set[int]:
    """The indices of the requested things; of all things if none is certainly requested."""
    determiners = _determiners(phrases)
    mentioned = _mentioned_indices(phrases, determiners)
    things = [index for index, phrase in enumerate(phrases) if phrase.thing]
    named = {p for p in things if phrases[p].exact and p not in mentioned}
    kept = {p for p in named if determiners[p] in INDEFINITE} or named
    if not kept:
        return set(things)
    for index in reversed(things):  # so that a thing joined to a later kept one is kept, too
        certain = phrases[index].exact or determiners[index] in INDEFINITE | DEFINITE | JOINING
        if index not in mentioned and _belongs(phrases, index, kept, certain):
            kept.add(index)
    return kept


def _belongs(phrases: Sequence[Phrase], index: int, kept: set[int], certain: bool) -> bool:
    """Whether a thing belongs to those that are kept: joined to one, after one, or in a list."""
    clause = phrases[index].clause
    in_clause = [other for other in kept if phrases[other].clause == clause]
    between = [phrases[index + 1 : other] for other in in_clause if other > index]
    if any(_joined(found, AND) and found[0].text in AND for found in between if found):
        return True
    whole_clause = [phrase for phrase in phrases if phrase.clause == clause]
    return certain and (any(other < index for other in in_clause) or _joined(whole_clause, JOINING))


def _determiners(phrases: Sequence[Phrase]) -> list[str]:
    """The word right before each phrase, or before its modifiers."""
    found, determiner = [], ""
    for phrase in phrases:
        found.append(determiner)
        if not phrase.modifier:
            determiner = phrase.text.split()[-1] if phrase.ignored else ""
    return found


def _mentioned_indices(phrases: Sequence[Phrase], determiners: Sequence[str]) -> set[int]:
    """The indices of things after a word of REASONS in the same clause, or after one of ROLES.

    "I'm looking for a kiwi" still requests a kiwi: after "for", a thing with an indefinite article
    and its own name is requested if nothing was named before it.
    """
    found: set[int] = set()
    clause, reason, role, named = 0, "", False, False
    for index, phrase in enumerate(phrases):
        if phrase.clause != clause:
            clause, reason, named = phrase.clause, "", False
        if phrase.thing:
            is_request = phrase.exact and determiners[index] in INDEFINITE and not named
            if role or (reason and not (reason == "for" and is_request)):
                found.add(index)
            named = named or (phrase.exact and not role)
            role = False
        elif phrase.text in REASONS:
            reason = phrase.text
        elif phrase.text in ROLES:
            role = True
    return found


def _joined(phrases: Sequence[Phrase], joining: frozenset[str]) -> bool:
    """Whether phrases are only things, modifiers, determiners and words that join them."""
    return all(
        phrase.thing or phrase.modifier or phrase.text in INDEFINITE | DEFINITE | joining
        for phrase in phrases
    )
