"""Text for Discord: escaping members' text, truncating long text, links to messages."""

import re

import discord

_MARKDOWN = re.compile(r"[\\*_~|`\[</]")  # slashes, too: they make URLs and invites links
_LINE_START = re.compile(r"^([ \t]*)([#>+-])", re.MULTILINE)
_NUMBERED = re.compile(r"^([ \t]*\d+)\.(?=\s)", re.MULTILINE)
_BIDI_CONTROLS = re.compile("[\u202a-\u202e\u2066-\u2069]")
_DANGLING = re.compile(r"(?<!\\)((?:\\\\)*)\\$")


def escape(text: str, max_length: int | None = None) -> str:
    """A member's text, shown literally: no Markdown, links, mentions or timestamps.

    With `max_length`, the escaped text is cut to that many characters, never within an escape.
    (`discord.utils.escape_markdown` does not escape Markdown inside `[masked](links)`, nor URLs.)
    """
    text = _MARKDOWN.sub(r"\\\g<0>", discord.utils.escape_mentions(strip_bidi_controls(text)))
    text = _NUMBERED.sub(r"\1\\.", _LINE_START.sub(r"\1\\\2", text))
    return text if max_length is None else truncate(text, max_length)


def strip_bidi_controls(text: str) -> str:
    """Removes control characters that would also reverse the text after them."""
    return _BIDI_CONTROLS.sub("", text)


def truncate(text: str, length: int) -> str:
    """The text, or its beginning with an ellipsis: at most `length` characters.

    It is not cut after a backslash, which would escape what follows.
    """
    return text if len(text) <= length else _DANGLING.sub(r"\1", text[: length - 1]) + "…"


def message_link(guild_id: int | None, channel_id: int, message_id: int) -> str:
    """The URL of a message; `guild_id` is None in direct messages."""
    return f"https://discord.com/channels/{guild_id or '@me'}/{channel_id}/{message_id}"
