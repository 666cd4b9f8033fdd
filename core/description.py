"""Descriptions: prompts that a model finds for an image, and the recipe of a job that finds them.

The descriptions are meant for the model that renders: it understands each of these prompts.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from core.prompts import RecipeError, parse_prompts
from core.recipe import Recipe
from core.sizes import MIN_SIDE
from core.storage.files import write_atomic
from core.storage.paths import description_of

MAX_DESCRIPTIONS = 3  #: prompts for one image
PLACEHOLDER = "an image"
"""The recipe's prompt until the image is downloaded."""


@dataclass(frozen=True, slots=True)
class Description:
    """A prompt in the grammar of `core.prompts`, and its cosine similarity to the image."""

    prompt: str
    similarity: float


def description_recipe() -> Recipe:
    """The smallest size and one step: nothing is rendered, so it must not count as much work."""
    return Recipe.make(PLACEHOLDER, width=MIN_SIDE, height=MIN_SIDE, steps=1, seed=0)


def write_descriptions(folder: Path, descriptions: Sequence[Description]) -> None:
    """Writes descriptions into the folder of their job. Raises OSError."""
    content = json.dumps([asdict(each) for each in descriptions], ensure_ascii=False)
    write_atomic(description_of(folder), content.encode())


def read_descriptions(folder: Path) -> list[Description]:
    """A job's descriptions, the most similar first; none if the file is missing or damaged."""
    try:
        records = json.loads(description_of(folder).read_bytes())
        found = [Description(str(r["prompt"]), float(r["similarity"])) for r in records]
        for each in found:
            parse_prompts(each.prompt)
    except (OSError, ValueError, KeyError, TypeError, RecipeError):
        return []
    return found[:MAX_DESCRIPTIONS]
