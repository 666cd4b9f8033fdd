"""The notes that members get about their prompts, with a fake model."""

from types import SimpleNamespace
from typing import Any

from core.recipe import Recipe
from engine.synthesis.validation import NoteCode, validate


def test_a_note_names_the_things_that_include_prompts_name_differently() -> None:
    perceptor = SimpleNamespace(truncated_words=lambda text: [], unknown_words=lambda text: [])
    model: Any = SimpleNamespace(
        name="picturebook", vqgan=SimpleNamespace(factor=8), perceptor=perceptor
    )
    recipe = Recipe.make(
        "a castle | a puppy on a bike, qwxz", "text", width=64, height=64, steps=10, seed=1
    )
    notes = {note.code: note.params for note in validate(recipe, model)}
    assert notes[NoteCode.UNDERSTOOD_AS] == {"things": "dog, bicycle"}
    assert notes[NoteCode.UNKNOWN_WORDS]["words"] == "qwxz"
