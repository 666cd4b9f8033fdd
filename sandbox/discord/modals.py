"""Modals, and the values of their fields and of select menus."""

from collections.abc import Iterable
from typing import Any

from sandbox.discord.client_errors import InteractionError
from sandbox.discord.components import check_custom_id, check_select
from sandbox.discord.constants import SELECTS, ComponentType, TextInputStyle
from sandbox.discord.errors import FormErrors
from sandbox.discord.models import Payload

ROWS_LIMIT = 5
TEXT_LIMIT = 4000
_WITH_OPTIONS = (
    ComponentType.STRING_SELECT,
    ComponentType.RADIO_GROUP,
    ComponentType.CHECKBOX_GROUP,
)
_LABELLED = (
    ComponentType.TEXT_INPUT,
    *SELECTS,
    ComponentType.FILE_UPLOAD,
    ComponentType.RADIO_GROUP,
    ComponentType.CHECKBOX_GROUP,
    ComponentType.CHECKBOX,
)


# What a bot may open


def check_modal(data: Payload) -> None:
    """Check a modal before it is opened.

    Raises:
        DiscordError: 50035 with every error at its path.
    """
    wrong = FormErrors("data")
    _check_text(wrong, "custom_id", data.get("custom_id"), 1, 100)
    _check_text(wrong, "title", data.get("title"), 1, 45)
    rows = data.get("components") or []
    if not 1 <= len(rows) <= ROWS_LIMIT:
        wrong.add("components", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length.")
    seen: set[str] = set()
    for index, row in enumerate(rows):
        _check_row(wrong, f"components.{index}", row, seen)
    wrong.raise_if_any()


def _check_row(wrong: FormErrors, place: str, row: Payload, seen: set[str]) -> None:
    kind = row.get("type")
    if kind == ComponentType.ACTION_ROW:
        parts = row.get("components") or []
        if len(parts) != 1:
            wrong.add(f"{place}.components", "BASE_TYPE_BAD_LENGTH", "Must be 1 in length.")
        for index, part in enumerate(parts):
            here = f"{place}.components.{index}"
            _check_field(wrong, here, part, seen, (ComponentType.TEXT_INPUT,))
            _check_text(wrong, f"{here}.label", part.get("label"), 1, 45)
    elif kind == ComponentType.TEXT_DISPLAY:
        _check_text(wrong, f"{place}.content", row.get("content"), 1, TEXT_LIMIT)
    elif kind == ComponentType.LABEL:
        _check_text(wrong, f"{place}.label", row.get("label"), 1, 45)
        if row.get("description") is not None:
            _check_text(wrong, f"{place}.description", row["description"], 1, 100)
        here = f"{place}.component"
        _check_field(wrong, here, row.get("component") or {}, seen, _LABELLED)
    else:
        allowed = (ComponentType.ACTION_ROW, ComponentType.TEXT_DISPLAY, ComponentType.LABEL)
        wrong.add(f"{place}.type", "UNION_TYPE_CHOICES", _one_of(allowed))


def _check_field(
    wrong: FormErrors, place: str, part: Payload, seen: set[str], allowed: tuple[ComponentType, ...]
) -> None:
    kind = part.get("type")
    if kind not in allowed:
        wrong.add(f"{place}.type", "UNION_TYPE_CHOICES", _one_of(allowed))
        return
    check_custom_id(wrong, place, part.get("custom_id"), seen)
    if kind == ComponentType.TEXT_INPUT:
        _check_text_input(wrong, place, part)
    elif kind in SELECTS:
        check_select(wrong, place, part)


def _one_of(allowed: Iterable[ComponentType]) -> str:
    return f"Value of field must be one of ({', '.join(str(int(kind)) for kind in allowed)})."


def _check_text_input(wrong: FormErrors, place: str, part: Payload) -> None:
    low, high = _lengths(part)
    if part.get("style") not in (1, 2):
        wrong.add(f"{place}.style", "BASE_TYPE_CHOICES", "Value must be one of {1, 2}.")
    if not 0 <= low <= TEXT_LIMIT:
        wrong.add(f"{place}.min_length", "NUMBER_TYPE_MAX", "Must be between 0 and 4000.")
    if not max(low, 1) <= high <= TEXT_LIMIT:
        wrong.add(
            f"{place}.max_length",
            "NUMBER_TYPE_MIN",
            f"Must be between {max(low, 1)} and {TEXT_LIMIT}.",
        )
    if len(part.get("placeholder") or "") > 100:
        wrong.too_long(f"{place}.placeholder", 100)
    value = part.get("value") or ""
    if value and not low <= len(value) <= high:
        wrong.add(
            f"{place}.value", "BASE_TYPE_BAD_LENGTH", f"Must be between {low} and {high} in length."
        )


def _check_text(wrong: FormErrors, place: str, text: Any, low: int, high: int) -> None:
    if text is None:
        wrong.missing(place)
    elif not isinstance(text, str) or not low <= len(text) <= high:
        wrong.add(place, "BASE_TYPE_BAD_LENGTH", f"Must be between {low} and {high} in length.")


def _lengths(part: Payload) -> tuple[int, int]:
    low, high = part.get("min_length"), part.get("max_length")
    return low or 0, TEXT_LIMIT if high is None else high


# What a member may enter


def fields(modal: Payload) -> list[Payload]:
    """All fields of a modal, from top to bottom."""
    return [part for row in modal["components"] for part in _parts(row)]


def fill(modal: Payload, values: Payload) -> list[Payload]:
    """The components of a submitted modal, with the entered or the initial values.

    Args:
        values: by custom id: a text, a list of chosen values, or whether a checkbox is set.

    Raises:
        InteractionError: Discord's client would not send it.
    """
    unknown = values.keys() - {part["custom_id"] for part in fields(modal)}
    if unknown:
        raise InteractionError(f"The modal has no field {min(unknown)!r}.")
    return [_filled(row, values) for row in modal["components"]]


def check_choice(part: Payload, values: list[str]) -> list[str]:
    """The values chosen in a select or another field with several values.

    Raises:
        InteractionError: a value that is not offered, or too few or too many values.
    """
    name, kind = part["custom_id"], part["type"]
    if kind in _WITH_OPTIONS:
        offered = [option["value"] for option in part["options"]]
        for value in values:
            if value not in offered:
                raise InteractionError(f"{name}: {value!r} is not offered.")
    low, high = part.get("min_values"), part.get("max_values")
    low = 1 if low is None else low
    high = (
        (len(part["options"]) if kind == ComponentType.CHECKBOX_GROUP else 1)
        if high is None
        else high
    )
    if not low <= len(values) <= high or len(set(values)) < len(values):
        raise InteractionError(f"{name}: choose {low} to {high}, each once.")
    return values


def _parts(row: Payload) -> list[Payload]:
    if row["type"] == ComponentType.LABEL:
        return [row["component"]]
    return list(row["components"]) if row["type"] == ComponentType.ACTION_ROW else []


def _filled(row: Payload, values: Payload) -> Payload:
    form = {"type": row["type"], "id": row["id"]}
    sent = [_answer(part, values) for part in _parts(row)]
    if row["type"] == ComponentType.ACTION_ROW:
        return {**form, "components": sent}
    return form if row["type"] == ComponentType.TEXT_DISPLAY else {**form, "component": sent[0]}


def _answer(part: Payload, values: Payload) -> Payload:
    kind, name = part["type"], part["custom_id"]
    form = {"type": kind, "id": part["id"], "custom_id": name}
    if kind == ComponentType.TEXT_INPUT:
        return {**form, "value": _written(part, values.get(name, part.get("value") or ""))}
    if kind == ComponentType.CHECKBOX:
        return {**form, "value": bool(values.get(name, part.get("default", False)))}
    given = values.get(name, _preset(part))
    given = [given] if isinstance(given, str) else list(given)
    optional = part.get("required") is False
    picked = given if optional and not given else check_choice(part, given)
    if kind == ComponentType.RADIO_GROUP:
        return {**form, "value": picked[0] if picked else None}
    return {**form, "values": picked}


def _preset(part: Payload) -> list[str]:
    """The initial values of a field."""
    if part["type"] in _WITH_OPTIONS:
        return [option["value"] for option in part["options"] if option.get("default")]
    return [str(entry["id"]) for entry in part.get("default_values") or ()]


def _written(part: Payload, text: Any) -> str:
    name = part["custom_id"]
    if not isinstance(text, str):
        raise InteractionError(f"{name}: enter text.")
    if part["style"] == TextInputStyle.SHORT and "\n" in text:
        raise InteractionError(f"{name}: the field has one line.")
    if not text and part.get("required") is False:
        return text
    low, high = _lengths(part)
    if not max(low, 1) <= len(text) <= high:
        raise InteractionError(f"{name}: the text must have {max(low, 1)} to {high} characters.")
    return text
