"""Validates the body of a request that creates or edits a message, as Discord does."""

from typing import Any

from sandbox.discord.components import check_row
from sandbox.discord.constants import ComponentType, MessageFlag
from sandbox.discord.errors import FormErrors
from sandbox.discord.layouts import check_layout
from sandbox.discord.models import Draft, Payload, Upload
from sandbox.discord.poll_body import check_poll

CONTENT_LIMIT = 2000
NONCE_LIMIT = 25
EMBEDS_LIMIT = 10
EMBED_TEXT_LIMIT = 6000
FIELDS_LIMIT = 25
FILES_LIMIT = 10
ROWS_LIMIT = 5

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
            check_layout(wrong, components, body)
        else:
            _check_rows(wrong, components)
    if body.get("poll") is not None:
        check_poll(wrong, body["poll"])
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
        reference_must_exist=bool(reference.get("fail_if_not_exists", True)),
        poll=body.get("poll"),
    )


def is_empty(draft: Draft) -> bool:
    """Whether a draft has no content."""
    return not (draft.content or draft.embeds or draft.components or draft.uploads or draft.poll)


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
        check_row(wrong, place, row, seen)


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
