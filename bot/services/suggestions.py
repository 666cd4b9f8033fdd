"""Buttons with suggestions, for a prompt that the model knows nothing about."""

import discord

from core.discord_ui.custom_ids import encode
from core.discord_ui.views import static_view
from core.i18n import get_locale
from core.recipe import Recipe
from core.understanding.vocabulary import vocabulary_of

KIND = "suggest"
MAX_SUGGESTION_LENGTH = 40
"""Characters of a suggestion that fit into the custom id of its button."""


def suggestion_buttons(recipe: Recipe, model: str) -> discord.ui.View | None:
    """Three things that the model knows, spelled like the prompt, in the member's language."""
    vocabulary = vocabulary_of(model)
    if not vocabulary:
        return None
    text = " ".join(prompt.text for prompt in recipe.include)
    names = [
        n for n in vocabulary.suggestions(text, get_locale()[:2]) if len(n) <= MAX_SUGGESTION_LENGTH
    ]
    return static_view(
        discord.ui.Button(label=name, custom_id=encode(KIND, name)) for name in names
    )
