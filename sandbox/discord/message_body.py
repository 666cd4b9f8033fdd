"""Validates the body of a request that creates or edits a message, as Discord does."""

from typing import Any

from sandbox.discord.constants import SELECTS, ButtonStyle, ComponentType, MessageFlag
from sandbox.discord.errors import FormErrors
from sandbox.discord.models import Draft, Payload, Upload

CONTENT_LIMIT = 2000
NONCE_LIMIT = 25
EMBEDS_LIMIT = 10
EMBED_TEXT_LIMIT = 6000
FIELDS_LIMIT = 25
FILES_LIMIT = 10
ROWS_LIMIT = 5
ROW_LIMIT = 5
OPTIONS_LIMIT = 25
V2_COMPONENTS_LIMIT = 40
V2_TEXT_LIMIT = 4000

_EMBED_LIMITS = {
    "title": 256,
    "description": 4096,
    "url": 2048,
    "author.name": 256,
    "footer.text": 2048,
}
_LINK_SCHEMES = ("http://", "https://", "attachment://")


def read_message(body: Payload, files: tuple[Upload, ...], *, root: str = "") -> Draft:
    """The draft of a message.

    Args:
        body: the JSON body, or the `payload_json` part of a form.
        files: the files of the request.
        root: the path of `body` in the request, which errors start with.

    Raises:
        DiscordError: 50035 with every error at its path.
    """
    wrong = FormErrors(root)
    flags = _typed(wrong, body, "flags", int)
    content = _typed(wrong, body, "content", str)
    embeds = _typed(wrong, body, "embeds", list)
    components = _typed(wrong, body, "components", list)
    _check_nonce(wrong, body)
    if isinstance(content, str) and len(content) > CONTENT_LIMIT:
        wrong.too_long("content", CONTENT_LIMIT)
    if embeds:
        _check_embeds(wrong, embeds)
    if components:
        if (flags or 0) & MessageFlag.COMPONENTS_V2:
            _check_layout(wrong, components, body)
        else:
            _check_rows(wrong, components)
    kept, uploads = _read_attachments(wrong, body, files)
    reference = body.get("message_reference") or {}
    wrong.raise_if_any()
    return Draft(
        content=_given(body, "content", content, ""),
        embeds=_given(body, "embeds", embeds, []),
        components=_given(body, "components", components, []),
        kept_files=kept,
        uploads=uploads,
        flags=flags,
        allowed_mentions=body.get("allowed_mentions"),
        nonce=body.get("nonce"),
        enforce_nonce=bool(body.get("enforce_nonce")),
        reference=int(reference["message_id"]) if "message_id" in reference else None,
    )


def is_empty(draft: Draft) -> bool:
    """Whether a draft has no content."""
    return not (draft.content or draft.embeds or draft.components or draft.uploads)


def _given(body: Payload, key: str, value: Any, nothing: Any) -> Any:
    """The value; `nothing` for an explicit null; None if the key is absent."""
    if key not in body:
        return None
    return nothing if value is None else value


def _typed(wrong: FormErrors, body: Payload, key: str, kind: type) -> Any:
    value = body.get(key)
    if value is None or (isinstance(value, kind) and not isinstance(value, bool)):
        return value
    names = {str: "string", int: "integer", list: "list"}
    wrong.add(key, "BASE_TYPE_BAD_TYPE", f"Only a {names[kind]} is allowed here.")
    return None


def _check_nonce(wrong: FormErrors, body: Payload) -> None:
    nonce = body.get("nonce")
    if isinstance(nonce, str) and len(nonce) > NONCE_LIMIT:
        wrong.too_long("nonce", NONCE_LIMIT)
    if body.get("enforce_nonce") and not nonce:
        wrong.missing("nonce")


def _check_embeds(wrong: FormErrors, embeds: list[Any]) -> None:
    if len(embeds) > EMBEDS_LIMIT:
        wrong.too_long("embeds", EMBEDS_LIMIT)
    total = 0
    for index, embed in enumerate(embeds):
        place = f"embeds.{index}"
        if not isinstance(embed, dict):
            wrong.add(place, "MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType")
            continue
        total += _check_embed(wrong, place, embed)
    if total > EMBED_TEXT_LIMIT:
        wrong.add(
            "embeds",
            "MAX_EMBED_SIZE_EXCEEDED",
            f"Embed size exceeds maximum size of {EMBED_TEXT_LIMIT}",
        )


def _check_embed(wrong: FormErrors, place: str, embed: Payload) -> int:
    """Check one embed. Returns the number of characters that count towards the limit."""
    texts: dict[str, Any] = {"title": embed.get("title"), "description": embed.get("description")}
    texts["url"] = embed.get("url")
    texts["author.name"] = (embed.get("author") or {}).get("name")
    texts["footer.text"] = (embed.get("footer") or {}).get("text")
    used = 0
    for name, text in texts.items():
        if text is None:
            continue
        if len(text) > _EMBED_LIMITS[name]:
            wrong.too_long(f"{place}.{name}", _EMBED_LIMITS[name])
        used += 0 if name == "url" else len(text)
    fields = embed.get("fields") or []
    if len(fields) > FIELDS_LIMIT:
        wrong.too_long(f"{place}.fields", FIELDS_LIMIT)
    for number, entry in enumerate(fields):
        for key, limit in (("name", 256), ("value", 1024)):
            text = entry.get(key)
            if not text:
                wrong.missing(f"{place}.fields.{number}.{key}")
            elif len(text) > limit:
                wrong.too_long(f"{place}.fields.{number}.{key}", limit)
            used += len(text or "")
    colour = embed.get("color")
    if colour is not None and not 0 <= colour <= 0xFFFFFF:
        wrong.add(
            f"{place}.color",
            "NUMBER_TYPE_MAX",
            "int value should be less than or equal to 16777215.",
        )
    for name in ("image", "thumbnail"):
        link = (embed.get(name) or {}).get("url")
        if link and not link.startswith(_LINK_SCHEMES):
            wrong.add(f"{place}.{name}.url", "URL_TYPE_INVALID_URL", "Not a well formed URL.")
    return used


def _check_rows(wrong: FormErrors, rows: list[Any]) -> None:
    """Version 1: up to five action rows with up to five buttons or one select."""
    if len(rows) > ROWS_LIMIT:
        wrong.too_long("components", ROWS_LIMIT)
    seen: set[str] = set()
    for number, row in enumerate(rows):
        place = f"components.{number}"
        if not isinstance(row, dict) or row.get("type") != ComponentType.ACTION_ROW:
            wrong.add(f"{place}.type", "UNION_TYPE_CHOICES", "Value of field must be one of (1,).")
            continue
        _check_row(wrong, place, row, seen)


def _check_row(wrong: FormErrors, place: str, row: Payload, seen: set[str]) -> None:
    parts = row.get("components") or []
    width = sum(ROW_LIMIT if part.get("type") in SELECTS else 1 for part in parts)
    if not parts or width > ROW_LIMIT:
        wrong.add(
            f"{place}.components", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length."
        )
    for index, part in enumerate(parts):
        _check_interactive(wrong, f"{place}.components.{index}", part, seen)


def _check_interactive(wrong: FormErrors, place: str, part: Payload, seen: set[str]) -> None:
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
        if not label and not part.get("emoji") and style != ButtonStyle.PREMIUM:
            wrong.add(
                place, "BUTTON_COMPONENT_MISSING_LABEL_OR_EMOJI", "A label or an emoji is required."
            )
    else:
        check_select(wrong, place, part)


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


def _check_layout(wrong: FormErrors, components: list[Any], body: Payload) -> None:
    """Version 2: a layout without content or embeds."""
    for legacy in ("content", "embeds"):
        if body.get(legacy):
            wrong.add(
                legacy,
                "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
                f"The '{legacy}' field cannot be used when using MessageFlags.IS_COMPONENTS_V2",
            )
    count = text = 0
    seen: set[str] = set()
    waiting = [(f"components.{index}", part) for index, part in enumerate(components)]
    while waiting:
        place, part = waiting.pop(0)
        count += 1
        if part.get("type") == ComponentType.TEXT_DISPLAY:
            text += len(part.get("content") or "")
        if part.get("type") in (ComponentType.BUTTON, *SELECTS):
            _check_interactive(wrong, place, part, seen)
        if isinstance(part.get("accessory"), dict):
            waiting.append((f"{place}.accessory", part["accessory"]))
        for index, inner in enumerate(part.get("components") or ()):
            waiting.append((f"{place}.components.{index}", inner))
    if count > V2_COMPONENTS_LIMIT:
        wrong.too_long("components", V2_COMPONENTS_LIMIT)
    if text > V2_TEXT_LIMIT:
        wrong.add(
            "components",
            "COMPONENT_MAX_TOTAL_TEXT_EXCEEDED",
            f"The total text must be {V2_TEXT_LIMIT} or fewer in length.",
        )


def _read_attachments(
    wrong: FormErrors, body: Payload, files: tuple[Upload, ...]
) -> tuple[list[int] | None, tuple[Upload, ...]]:
    """The ids of attachments to keep (None keeps all), and the new files."""
    entries = body.get("attachments")
    if len(files) > FILES_LIMIT or len(entries or ()) > FILES_LIMIT:
        wrong.too_long("attachments", FILES_LIMIT)
    if entries is None:
        return None, files
    unlisted = {file.index: file for file in files}
    kept: list[int] = []
    uploads: list[Upload] = []
    for entry in entries:
        key = int(entry["id"])
        file = unlisted.pop(key, None)
        if file is None:
            kept.append(key)
            continue
        name = entry.get("filename") or file.filename
        uploads.append(Upload(key, name, file.content, entry.get("description")))
    return kept, (*uploads, *unlisted.values())
