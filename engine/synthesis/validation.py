"""Checks whether a model can render a recipe, and what its member should know about it.

Returns codes and parameters, which `engine.job_messages` turns into text.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from core.recipe import Recipe
from core.understanding.vocabulary import vocabulary_of
from engine.models.model import Model


class NoteCode(StrEnum):
    TRUNCATED_WORDS = "truncated_words"  # words: beyond CLIP's context
    UNDERSTOOD_AS = "understood_as"  # things: what prompts with other names were understood as
    UNKNOWN_WORDS = "unknown_words"  # model, words: those that the model was not trained on
    LOW_MEMORY = "low_memory"  # rendered with gradient checkpointing, which is slower


class RefusalCode(StrEnum):
    SIZE = "size"  # size, model, factor: both sides must be multiples of `factor`
    NO_KNOWN_WORD = "no_known_word"  # model, words: those that the model knows
    NO_SOURCE = "no_source"  # the checkpoint to start from, or the image in it, is missing
    BAD_SOURCE = "bad_source"  # the checkpoint to start from is damaged, or another model's
    EMPTY_MASK = "empty_mask"  # the mask selects no pixel


@dataclass(frozen=True, slots=True)
class Note:
    """A note for the member about their job."""

    code: NoteCode
    params: Mapping[str, str | int] = field(default_factory=dict)


class RecipeRefused(ValueError):  # noqa: N818 - a result, not a failure
    """This model cannot render this recipe."""

    def __init__(self, code: RefusalCode, params: Mapping[str, str | int] | None = None) -> None:
        super().__init__(code, params or {})
        self.code = code
        self.params = params or {}

    def __str__(self) -> str:
        return f"{self.code}: {dict(self.params)}" if self.params else str(self.code)


def validate(recipe: Recipe, model: Model) -> list[Note]:
    """Checks a recipe; returns notes for the member. Raises RecipeRefused."""
    factor = model.vqgan.factor
    if recipe.width % factor or recipe.height % factor:
        raise RecipeRefused(
            RefusalCode.SIZE, {"size": recipe.size, "model": model.name, "factor": factor}
        )
    if not recipe.include_images and not any(_knows(model, p.text) for p in recipe.include):
        words = ", ".join(_examples(recipe, model))
        raise RecipeRefused(RefusalCode.NO_KNOWN_WORD, {"model": model.name, "words": words})
    return list(_notes(recipe, model))


def _knows(model: Model, text: str) -> bool:
    if vocabulary := vocabulary_of(model.name):
        return not vocabulary.understand(text).empty
    return model.perceptor.knows(text)


def _examples(recipe: Recipe, model: Model) -> list[str]:
    """Some words that the model knows."""
    if vocabulary := vocabulary_of(model.name):
        return vocabulary.suggestions(" ".join(prompt.text for prompt in recipe.include))
    return sorted(model.perceptor.words or ())


def _notes(recipe: Recipe, model: Model) -> Iterator[Note]:
    texts = [prompt.text for prompt in (*recipe.include, *recipe.exclude)]
    if truncated := [word for text in texts for word in model.perceptor.truncated_words(text)]:
        yield Note(NoteCode.TRUNCATED_WORDS, {"words": " ".join(truncated)})
    unknown = [word for text in texts for word in model.perceptor.unknown_words(text)]
    if vocabulary := vocabulary_of(model.name):
        understood = [vocabulary.understand(text) for text in texts]
        painted = understood[: len(recipe.include)]
        if others := [thing for each in painted if not each.exact for thing in each.things]:
            things = ", ".join(dict.fromkeys(others))
            yield Note(NoteCode.UNDERSTOOD_AS, {"things": things})
        unknown = [word for each in understood for word in each.unknown]
    if unknown:
        yield Note(NoteCode.UNKNOWN_WORDS, {"model": model.name, "words": ", ".join(unknown)})
