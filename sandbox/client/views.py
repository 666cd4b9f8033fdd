"""What members see: messages, their parts, and the bot's replies."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sandbox.discord.constants import SELECTS, ComponentType, MessageFlag

Payload = dict[str, Any]


@dataclass(frozen=True, slots=True)
class File:
    """An attachment as a member sees it."""

    filename: str
    url: str
    size: int
    content_type: str
    width: int | None
    height: int | None


@dataclass(frozen=True, slots=True)
class Button:
    """A button on a message; `custom_id` is empty for a link."""

    label: str
    custom_id: str
    disabled: bool


@dataclass(frozen=True, slots=True)
class Select:
    """A select menu on a message. `values` are the options of a string select."""

    custom_id: str
    placeholder: str
    values: tuple[str, ...]
    disabled: bool


@dataclass(frozen=True, slots=True)
class RoleRef:
    """A role of the guild, by id and name."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class ChannelRef:
    """A channel of the guild or a thread, by id and name."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class MessageView:
    """A message as a member sees it. `raw` is Discord's payload."""

    raw: Payload

    @property
    def id(self) -> int:
        return int(self.raw["id"])

    @property
    def channel_id(self) -> int:
        return int(self.raw["channel_id"])

    @property
    def author(self) -> str:
        user = self.raw["author"]
        return str(user["global_name"] or user["username"])

    @property
    def content(self) -> str:
        return str(self.raw["content"])

    @property
    def embeds(self) -> list[Payload]:
        return list(self.raw["embeds"])

    @property
    def loading(self) -> bool:
        """Whether it still shows "Imagine is thinking…"."""
        return bool(self.raw["flags"] & MessageFlag.LOADING)

    @property
    def ephemeral(self) -> bool:
        return bool(self.raw["flags"] & MessageFlag.EPHEMERAL)

    @property
    def edited(self) -> bool:
        return self.raw["edited_timestamp"] is not None

    @property
    def nonce(self) -> str | None:
        nonce = self.raw.get("nonce")
        return None if nonce is None else str(nonce)

    @property
    def files(self) -> list[File]:
        """Its attachments, the images in its embeds and its layout, and those that it forwards."""
        snapshots = (each["message"] for each in self.raw.get("message_snapshots", ()))
        return [file for part in (self.raw, *snapshots) for file in _files(part)]

    @property
    def title(self) -> str:
        """Its heading: the title of its embed, or the first heading of its layout."""
        titles = [str(embed["title"]) for embed in self.raw["embeds"] if "title" in embed]
        for part in components_of(self.raw):
            first = str(part.get("content", "")).partition("\n")[0]
            if part["type"] == ComponentType.TEXT_DISPLAY and first.startswith("#"):
                titles.append(first.lstrip("# "))
        return titles[0] if titles else ""

    @property
    def text(self) -> str:
        """All visible text: content, poll, titles, descriptions and fields, then the layout."""
        lines = [self.content]
        if "poll" in self.raw:
            lines += [self.raw["poll"]["question"]["text"], *self.answer_ids]
        for embed in self.raw["embeds"]:
            lines += [embed.get("author", {}).get("name", ""), embed.get("title", "")]
            lines.append(embed.get("description", ""))
            lines += [f"{entry['name']}: {entry['value']}" for entry in embed.get("fields", ())]
            lines.append(embed.get("footer", {}).get("text", ""))
        parts = components_of(self.raw)
        for part in parts:
            if part["type"] == ComponentType.TEXT_DISPLAY:
                lines.append(re.sub(r"^(#{1,3}|-#) +", "", part["content"], flags=re.MULTILINE))
        return "\n".join(line for line in lines if line)

    @property
    def buttons(self) -> list[Button]:
        parts = [part for part in components_of(self.raw) if part["type"] == ComponentType.BUTTON]
        return [
            Button(
                str(part.get("label") or part.get("emoji", {}).get("name", "")),
                str(part.get("custom_id", "")),
                bool(part.get("disabled")),
            )
            for part in parts
        ]

    @property
    def answer_ids(self) -> dict[str, int]:
        """The answers of its poll, with their ids."""
        answers = self.raw.get("poll", {}).get("answers", ())
        return {str(each["poll_media"]["text"]): int(each["answer_id"]) for each in answers}

    @property
    def selects(self) -> list[Select]:
        return [
            Select(
                str(part["custom_id"]),
                str(part.get("placeholder", "")),
                tuple(str(option["value"]) for option in part.get("options", ())),
                bool(part.get("disabled")),
            )
            for part in components_of(self.raw)
            if part["type"] in SELECTS
        ]


@dataclass(frozen=True, slots=True)
class Change:
    """An event that a member received, and the message as it is now."""

    name: str
    message: MessageView | None
    data: Payload


@dataclass(frozen=True, slots=True)
class Reply:
    """The first response to an interaction.

    Attributes:
        kind: `message`, `deferred` ("thinking…"), `update`, `deferred_update`, `modal`, `choices`.
        message: the message that was sent, changed, or will be filled in.
    """

    kind: str
    interaction_id: int
    message: MessageView | None
    modal: Payload | None
    choices: list[Payload]

    @property
    def fields(self) -> dict[str, str]:
        """The text inputs of the modal that was opened, with their current values."""
        parts = components_of(self.modal or {})
        texts = [part for part in parts if part["type"] == ComponentType.TEXT_INPUT]
        return {part["custom_id"]: part.get("value") or "" for part in texts}


def components_of(part: Payload) -> Iterator[Payload]:
    """All components in a message, modal or component, from top to bottom."""
    inner = [*part.get("components", ()), part.get("component"), part.get("accessory")]
    for each in inner:
        if isinstance(each, dict):
            yield each
            yield from components_of(each)


def _files(raw: Payload) -> Iterator[File]:
    """The files of a message or of a snapshot."""
    yield from map(_file, raw["attachments"])
    for part in components_of(raw):
        items = [*part.get("items", ()), part]
        yield from (_file(item["media"]) for item in items if "media" in item)
    for embed in raw["embeds"]:
        yield from (_file(embed[slot]) for slot in ("image", "thumbnail") if slot in embed)


def _file(raw: Payload) -> File:
    url = str(raw["url"])
    return File(
        filename=str(raw.get("filename") or url.split("?")[0].rsplit("/", 1)[-1]),
        url=url,
        size=int(raw.get("size", 0)),
        content_type=str(raw.get("content_type", "")),
        width=raw.get("width"),
        height=raw.get("height"),
    )
