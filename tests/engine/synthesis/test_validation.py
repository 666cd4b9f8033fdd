"""What members read about their prompts, with a model that exists in name only."""

from types import SimpleNamespace
from typing import Any

from core.recipe import Recipe
from engine.synthesis.validation import NoteCode, validate


def test_it_says_what_include_prompts_were_taken_for_where_they_call_it_otherwise() -> None:
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
