"""The image check's concepts: what images are compared with, and what happens to those that match.

The host names concepts for all servers (`IMAGE_CHECK`), moderators for their own (`/mod images`).
`engine.image_check` compares them with the images.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from core.prompts import canonical, is_blank

DEFAULT_THRESHOLD = 0.0
"""Chosen from the table that `bench.quality.image_check` prints."""

MAX_CONCEPT = 80  #: characters
MAX_CONCEPTS = 20  #: per server, and for the host


class CheckAction(StrEnum):
    """What happens to an image that matches, from mild to strict. The values are stored."""

    SPOILER = "spoiler"
    HOLD = "hold"
    """It stays hidden until a moderator has reviewed it."""
    REFUSE = "refuse"


_STRICTNESS = {action: rank for rank, action in enumerate(CheckAction)}


@dataclass(frozen=True, slots=True)
class Concept:
    """A text that CLIP compares images with, such as `a gun`, and what happens to a match."""

    text: str
    action: CheckAction = CheckAction.SPOILER


@dataclass(frozen=True, slots=True)
class CheckPolicy:
    """The host's part of the image check."""

    concepts: tuple[Concept, ...] = ()
    threshold: float = DEFAULT_THRESHOLD
    """The lowest score that counts as a match."""
    age_restricted: bool = True
    """Whether images in age-restricted channels are also checked."""


def parse_concepts(text: str) -> tuple[Concept, ...]:
    """Parses `blood | a gun=refuse`: concepts, each with an action or, by default, `spoiler`.

    Raises ValueError.
    """
    concepts = []
    for part in filter(None, map(str.strip, text.split("|"))):
        name, _, action = part.partition("=")
        concepts.append(Concept(concept_text(name), CheckAction(action.strip() or "spoiler")))
    if len(concepts) > MAX_CONCEPTS:
        raise ValueError("too many concepts")
    return merged(concepts)


def concept_text(text: str) -> str:
    """The canonical form of a concept.

    Raises ValueError if it is empty, too long, or has `|` or `=`.
    """
    text = canonical(text)
    if is_blank(text) or len(text) > MAX_CONCEPT or {"|", "="} & set(text):
        raise ValueError("not a concept")
    return text


def merged(*lists: Iterable[Concept]) -> tuple[Concept, ...]:
    """All lists in one: each concept once, with the strictest of its actions."""
    found: dict[str, Concept] = {}
    for concept in (each for concepts in lists for each in concepts):
        key = concept.text.casefold()
        before = found.get(key)
        if before is None or _STRICTNESS[concept.action] > _STRICTNESS[before.action]:
            found[key] = concept
    return tuple(found.values())


def strictest_match(
    concepts: Iterable[Concept], scores: Mapping[str, float], threshold: float
) -> Concept | None:
    """The match with the strictest action; None if there is none.

    Among equally strict ones, the one with the highest score.
    """
    matching = [each for each in concepts if each.text in scores and scores[each.text] >= threshold]
    return max(
        matching, key=lambda each: (_STRICTNESS[each.action], scores[each.text]), default=None
    )
