"""Folds prompts, to search them without regard to case and accents."""

import json
import unicodedata


def fold(text: str) -> str:
    """Folds a text for comparison: NFKD, no marks, case-folded, white space collapsed."""
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return " ".join("".join(c for c in folded if not unicodedata.combining(c)).split())


def searchable_text(recipe: bytes) -> str:
    """The folded prompts in a recipe's JSON, one per line; empty if it cannot be read."""
    try:
        content = json.loads(recipe)
        prompts = [*content.get("include", ()), *content.get("exclude", ())]
        return "\n".join(fold(prompt["text"]) for prompt in prompts)
    except (ValueError, TypeError, KeyError, AttributeError):
        return ""
