"""Validates buttons, select menus and the rows that they are in."""

import re
from typing import Any

from sandbox.discord.constants import SELECTS, ButtonStyle, ComponentType
from sandbox.discord.errors import FormErrors
from sandbox.discord.models import Payload

_EMOJI = re.compile(
    "(?:[#*0-9]\ufe0f?\u20e3|[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2194-\u21aa\u231a-\u23ff\u24c2"
    "\u25aa-\u25fe\u2600-\u27bf\u2934\u2935\u2b05-\u2b55\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]"
    "[\ufe0f\u200d\U0001f000-\U0001faff\u2600-\u27bf]*)"
)
ROW_LIMIT = 5
OPTIONS_LIMIT = 25


def check_row(wrong: FormErrors, place: str, row: Payload, seen: set[str]) -> None:
    """Checks an action row."""
    parts = row.get("components") or []
    width = sum(ROW_LIMIT if part.get("type") in SELECTS else 1 for part in parts)
    if not parts or width > ROW_LIMIT:
        wrong.add(
            f"{place}.components", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length."
        )
    for index, part in enumerate(parts):
        check_interactive(wrong, f"{place}.components.{index}", part, seen)


def check_interactive(wrong: FormErrors, place: str, part: Payload, seen: set[str]) -> None:
    """Check a button or a select."""
    kind, style = part.get("type"), part.get("style")
    if kind not in (ComponentType.BUTTON, *SELECTS):
        wrong.add(f"{place}.type", "UNION_TYPE_CHOICES", f"Component of type {kind!r} not allowed.")
        return
    if kind == ComponentType.BUTTON and style == ButtonStyle.LINK:
        if not part.get("url"):
            wrong.missing(f"{place}.url")
    elif kind != ComponentType.BUTTON or style != ButtonStyle.PREMIUM:
        check_custom_id(wrong, place, part.get("custom_id"), seen)
    if kind == ComponentType.BUTTON:
        if style not in range(1, 7):
            wrong.add(f"{place}.style", "BASE_TYPE_CHOICES", "Value must be one of 1 to 6.")
        label = part.get("label")
        if label and len(label) > 80:
            wrong.too_long(f"{place}.label", 80)
        _check_emoji(wrong, place, part.get("emoji"))
        if not label and not part.get("emoji") and style != ButtonStyle.PREMIUM:
            wrong.add(
                place, "BUTTON_COMPONENT_MISSING_LABEL_OR_EMOJI", "A label or an emoji is required."
            )
    else:
        check_select(wrong, place, part)


def _check_emoji(wrong: FormErrors, place: str, emoji: Payload | None) -> None:
    """A custom emoji has an id; any other is named by its characters."""
    if emoji and not emoji.get("id") and not _EMOJI.fullmatch(emoji.get("name") or ""):
        wrong.add(f"{place}.emoji.name", "BUTTON_COMPONENT_INVALID_EMOJI", "Invalid emoji")


def check_select(wrong: FormErrors, place: str, part: Payload) -> None:
    """Check the options and the value limits of a select."""
    if len(part.get("placeholder") or "") > 150:
        wrong.too_long(f"{place}.placeholder", 150)
    low, high = part.get("min_values"), part.get("max_values")
    low, high = 1 if low is None else low, 1 if high is None else high
    if not 0 <= low <= OPTIONS_LIMIT:
        wrong.add(f"{place}.min_values", "NUMBER_TYPE_MAX", "Must be between 0 and 25.")
    if not max(low, 1) <= high <= OPTIONS_LIMIT:
        least = max(low, 1)
        wrong.add(f"{place}.max_values", "NUMBER_TYPE_MIN", f"Must be between {least} and 25.")
    if part["type"] == ComponentType.STRING_SELECT:
        _check_options(wrong, place, part.get("options") or [], high)


def check_custom_id(wrong: FormErrors, place: str, custom_id: Any, seen: set[str]) -> None:
    if not custom_id:
        wrong.missing(f"{place}.custom_id")
    elif len(custom_id) > 100:
        wrong.too_long(f"{place}.custom_id", 100)
    elif custom_id in seen:
        wrong.add(
            f"{place}.custom_id",
            "COMPONENT_CUSTOM_ID_DUPLICATED",
            "Component custom id cannot be duplicated",
        )
    else:
        seen.add(custom_id)


def _check_options(wrong: FormErrors, place: str, options: list[Payload], most: int) -> None:
    values = [option.get("value") for option in options]
    if len(set(values)) < len(values):
        wrong.add(
            f"{place}.options", "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED", "Values must be unique."
        )
    if most > max(len(options), 1) or sum(bool(o.get("default")) for o in options) > most:
        wrong.add(f"{place}.max_values", "BASE_TYPE_BAD_LENGTH", "There are not so many options.")
    if not 1 <= len(options) <= OPTIONS_LIMIT:
        wrong.add(f"{place}.options", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 25 in length.")
    for index, option in enumerate(options):
        for key in ("label", "value", "description"):
            text = option.get(key)
            if not text and key != "description":
                wrong.missing(f"{place}.options.{index}.{key}")
            elif text is not None and len(text) > 100:
                wrong.too_long(f"{place}.options.{index}.{key}", 100)
