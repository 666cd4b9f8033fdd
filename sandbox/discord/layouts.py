"""Validates layouts: messages of components version 2, with the flag IS_COMPONENTS_V2."""

from collections.abc import Collection, Iterator
from typing import Any

from sandbox.discord.components import check_interactive, check_row
from sandbox.discord.constants import SELECTS, ComponentType, MessageFlag
from sandbox.discord.errors import FormErrors
from sandbox.discord.models import Draft, Message, Payload

COMPONENTS_LIMIT = 40
TEXT_LIMIT = 4000
GALLERY_LIMIT = 10
DESCRIPTION_LIMIT = 1024
URL_LIMIT = 2048
ATTACHMENT = "attachment://"

_IN_CONTAINER = (
    ComponentType.ACTION_ROW,
    ComponentType.SECTION,
    ComponentType.TEXT_DISPLAY,
    ComponentType.MEDIA_GALLERY,
    ComponentType.FILE,
    ComponentType.SEPARATOR,
)
_TOP = (*_IN_CONTAINER, ComponentType.CONTAINER)
_ACCESSORIES = (ComponentType.BUTTON, ComponentType.THUMBNAIL)
_COUNTED = (ComponentType.BUTTON, ComponentType.THUMBNAIL, *_TOP, *SELECTS)


def check_layout(wrong: FormErrors, components: list[Any], body: Payload) -> None:
    """Collects the errors of a layout's components, and of what is sent with them."""
    for legacy in ("content", "embeds", "poll"):
        if body.get(legacy):
            _add_legacy(wrong, legacy)
    seen: set[str] = set()
    for index, part in enumerate(components):
        _check_part(wrong, f"components.{index}", part, _TOP, seen)
    everything = list(walk(components))
    if sum(part.get("type") in _COUNTED for part in everything) > COMPONENTS_LIMIT:
        wrong.too_long("components", COMPONENTS_LIMIT)
    if sum(len(part.get("content") or "") for part in everything) > TEXT_LIMIT:
        wrong.add(
            "components",
            "COMPONENT_MAX_TOTAL_TEXT_EXCEEDED",
            f"The total text must be {TEXT_LIMIT} or fewer in length.",
        )
    ids = [part["id"] for part in everything if part.get("id")]
    if len(set(ids)) < len(ids):
        wrong.add("components", "COMPONENT_ID_DUPLICATED", "Component id cannot be duplicated")


def check_change(message: Message | None, draft: Draft) -> None:
    """Checks what depends on the message that a draft is for; None for a new one.

    A layout can take the place of a message's content and embeds, but nothing can take the place
    of a layout. What a layout shows by `attachment://` must be among the message's files.

    Raises:
        DiscordError: 50035 with every error at its path.
    """
    flags = (message.flags if message else 0) | (draft.flags or 0)
    if not flags & MessageFlag.COMPONENTS_V2:
        return
    wrong = FormErrors()
    for legacy, sent in (("content", draft.content), ("embeds", draft.embeds)):
        if sent or (sent is None and message and getattr(message, legacy)):
            _add_legacy(wrong, legacy)
    names = {file.filename for file in draft.uploads}
    if message:
        kept = draft.kept_files
        names |= {f.filename for f in message.files if kept is None or f.id in kept}
    for index, part in enumerate(draft.components or ()):
        _check_references(wrong, f"components.{index}", part, names)
    wrong.raise_if_any()


def walk(components: list[Any]) -> Iterator[Payload]:
    """All components, from top to bottom."""
    for part in components:
        if isinstance(part, dict):
            yield part
            yield from walk([*(part.get("components") or ()), part.get("accessory")])


def _add_legacy(wrong: FormErrors, field: str) -> None:
    wrong.add(
        field,
        "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
        f"The '{field}' field cannot be used when using MessageFlags.IS_COMPONENTS_V2",
    )


def _check_part(
    wrong: FormErrors,
    place: str,
    part: Any,
    allowed: Collection[ComponentType],
    seen: set[str],
) -> None:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind not in allowed:
        choices = ", ".join(str(int(each)) for each in sorted(allowed))
        wrong.add(
            f"{place}.type", "UNION_TYPE_CHOICES", f"Value of field must be one of ({choices})."
        )
        return
    match kind:
        case ComponentType.CONTAINER:
            _check_length(wrong, f"{place}.components", part.get("components"), COMPONENTS_LIMIT)
            colour = part.get("accent_color")
            if colour is not None and not 0 <= colour <= 0xFFFFFF:
                wrong.add(f"{place}.accent_color", "NUMBER_TYPE_MAX", "Must be at most 16777215.")
            for index, inner in enumerate(part.get("components") or ()):
                _check_part(wrong, f"{place}.components.{index}", inner, _IN_CONTAINER, seen)
        case ComponentType.ACTION_ROW:
            check_row(wrong, place, part, seen)
        case ComponentType.SECTION:
            _check_section(wrong, place, part, seen)
        case ComponentType.TEXT_DISPLAY:
            _check_length(wrong, f"{place}.content", part.get("content"), TEXT_LIMIT)
        case ComponentType.MEDIA_GALLERY:
            _check_length(wrong, f"{place}.items", part.get("items"), GALLERY_LIMIT)
            for index, item in enumerate(part.get("items") or ()):
                _check_media(wrong, f"{place}.items.{index}", item)
        case ComponentType.FILE:
            url = (part.get("file") or {}).get("url")
            if not str(url).startswith(ATTACHMENT):
                wrong.add(f"{place}.file.url", "URL_TYPE_INVALID_SCHEME", "Use attachment://.")


def _check_section(wrong: FormErrors, place: str, part: Payload, seen: set[str]) -> None:
    _check_length(wrong, f"{place}.components", part.get("components"), 3)
    for index, text in enumerate(part.get("components") or ()):
        here = f"{place}.components.{index}"
        _check_part(wrong, here, text, (ComponentType.TEXT_DISPLAY,), seen)
    accessory, here = part.get("accessory"), f"{place}.accessory"
    if not accessory:
        wrong.missing(here)
    elif accessory.get("type") == ComponentType.THUMBNAIL:
        _check_media(wrong, here, accessory)
    elif accessory.get("type") in _ACCESSORIES:
        check_interactive(wrong, here, accessory, seen)
    else:
        wrong.add(f"{here}.type", "UNION_TYPE_CHOICES", "Value of field must be one of (2, 11).")


def _check_media(wrong: FormErrors, place: str, item: Payload) -> None:
    """An item of a gallery, or a thumbnail."""
    if item.get("description") is not None:
        _check_length(wrong, f"{place}.description", item["description"], DESCRIPTION_LIMIT)
    url = (item.get("media") or {}).get("url")
    if not url:
        wrong.missing(f"{place}.media.url")
    elif len(url) > URL_LIMIT:
        wrong.too_long(f"{place}.media.url", URL_LIMIT)
    elif not url.startswith(("http://", "https://", ATTACHMENT)):
        wrong.add(f"{place}.media.url", "URL_TYPE_INVALID_URL", "Not a well formed URL.")


def _check_length(wrong: FormErrors, place: str, value: Any, most: int) -> None:
    if value is None:
        wrong.missing(place)
    elif not 1 <= len(value) <= most:
        wrong.add(place, "BASE_TYPE_BAD_LENGTH", f"Must be between 1 and {most} in length.")


def _check_references(wrong: FormErrors, place: str, part: Payload, names: Collection[str]) -> None:
    media = [(f"{place}.items.{i}.media", item["media"]) for i, item in _numbered(part, "items")]
    media += [(f"{place}.{key}", part[key]) for key in ("media", "file") if key in part]
    for here, item in media:
        name = item["url"].removeprefix(ATTACHMENT)
        if item["url"].startswith(ATTACHMENT) and name not in names:
            wrong.add(
                f"{here}.url",
                "UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND",
                "The referenced attachment in an unfurled media item was not found",
            )
    for index, inner in _numbered(part, "components"):
        _check_references(wrong, f"{place}.components.{index}", inner, names)
    if isinstance(part.get("accessory"), dict):
        _check_references(wrong, f"{place}.accessory", part["accessory"], names)


def _numbered(part: Payload, key: str) -> Iterator[tuple[int, Payload]]:
    yield from enumerate(part.get(key) or ())
