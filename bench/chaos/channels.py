"""Records what every message in the local Discord shows, for the history and the clients."""

import asyncio
import re
from collections.abc import Callable
from typing import Any

from bench.chaos.history import History, Shown
from bench.chaos.judge import (
    LOADING,
    footer_of,
    has_image,
    parts_of,
    seed_on,
    texts_of,
    title_of,
)
from sandbox.discord.models import Event

EPHEMERAL = 1 << 6
_NUMBER = re.compile(r"#(\d+)")

Payload = dict[str, Any]


class Listener:
    """The latest version of every message, including ephemeral ones."""

    def __init__(self, history: History) -> None:
        self.messages: dict[int, Payload] = {}
        self._history = history
        self._changed = asyncio.Event()

    def on_event(self, event: Event) -> None:
        """Records an event of a message; ignores all others."""
        if not event.name.startswith("MESSAGE_"):
            return
        number, at = int(event.data["id"]), self._history.now()
        if event.name == "MESSAGE_DELETE":
            self.messages.pop(number, None)
            channel = int(event.data["channel_id"])
            self._history.shown.append(Shown(at, "deleted", number, channel))
        elif event.name in ("MESSAGE_CREATE", "MESSAGE_UPDATE"):
            self.messages[number] = event.data
            self._history.shown.append(as_shown(at, event.name, event.data))
        self._changed.set()
        self._changed = asyncio.Event()

    def public_texts(self) -> list[str]:
        """The texts of all messages that others can read."""
        found = self.messages.values()
        return [text_of(each) for each in found if not each["flags"] & EPHEMERAL]

    def answers(self, interaction: int) -> list[Payload]:
        """The messages that respond to an interaction, once they are more than “thinking…”."""
        return [
            each
            for each in self.messages.values()
            if interaction_of(each) == interaction and not each["flags"] & LOADING
        ]

    async def wait_for(self, condition: Callable[[], Any], patience: float) -> Any:
        """Waits until the condition is truthy; returns its value. Raises TimeoutError."""
        async with asyncio.timeout(patience):
            while not (value := condition()):
                await self._changed.wait()
            return value


def as_shown(at: float, event: str, message: Payload) -> Shown:
    seed = seed_on(message)
    return Shown(
        at,
        "created" if event == "MESSAGE_CREATE" else "edited",
        int(message["id"]),
        int(message["channel_id"]),
        interaction_of(message),
        job_on(message) if seed is not None else None,
        seed,
        title_of(message),
        str(message["content"]),
        seed is not None and has_image(message),
        bool(message["flags"] & LOADING),
    )


def job_on(message: Payload) -> int | None:
    """The number of the job that a message shows, or a report names."""
    texts = (footer_of(message), title_of(message))
    found = [match for match in map(_NUMBER.search, texts) if match]
    return int(found[0][1]) if found else None


def interaction_of(message: Payload) -> int | None:
    metadata = message.get("interaction_metadata")
    return int(metadata["id"]) if metadata else None


def custom_ids(message: Payload) -> list[str]:
    """The custom ids of a message's buttons."""
    return [part["custom_id"] for part in parts_of(message) if "custom_id" in part]


def text_of(message: Payload) -> str:
    """All text of a message."""
    lines = [str(message["content"]), *texts_of(message)]
    for embed in message["embeds"]:
        lines += [str(embed.get(part, "")) for part in ("title", "description")]
        lines += [f"{field['name']}: {field['value']}" for field in embed.get("fields", ())]
    return "\n".join(lines)
