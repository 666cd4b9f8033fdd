"""What the demo and the playground know about the bot: its command, and how a job looks.

Everything else in the sandbox works with any bot.
"""

from collections.abc import Iterator

from sandbox.discord.models import Message, Payload

COMMAND = "imagine"
CANCEL_PREFIX = "imagine:cancel:"
"""The custom id of the button that every job message has until the job ends."""


def is_pending(message: Message) -> bool:
    """Whether a message shows a job that has not ended."""
    return any(custom_id.startswith(CANCEL_PREFIX) for custom_id in _custom_ids(message.components))


def _custom_ids(components: list[Payload]) -> Iterator[str]:
    for component in components:
        yield str(component.get("custom_id", ""))
        yield from _custom_ids(component.get("components") or [])
        if isinstance(component.get("accessory"), dict):
            yield from _custom_ids([component["accessory"]])
