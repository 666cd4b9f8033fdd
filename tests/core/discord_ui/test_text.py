"""Text for Discord: escaped, truncated, and links to messages."""

import re

from hypothesis import given
from hypothesis import strategies as st

from core.discord_ui.text import escape, message_link, truncate


@given(st.text(alphabet="*_`a\\<", max_size=60), st.integers(1, 40))
def test_escaped_text_is_not_cut_within_an_escape(text: str, length: int) -> None:
    """A lone backslash at the end would escape whatever follows."""
    shown = escape(text, length)
    assert len(shown) <= length
    assert re.fullmatch(r"(\\.|[^\\])*", shown, re.DOTALL)
    if len(escape(text)) <= length:
        assert shown == escape(text)


def test_a_text_is_truncated_to_its_length() -> None:
    assert truncate("castle", 6) == "castle"
    assert truncate("castles", 6) == "castl…"


def test_a_message_has_a_link_in_a_server_and_in_direct_messages() -> None:
    assert message_link(1, 2, 3) == "https://discord.com/channels/1/2/3"
    assert message_link(None, 2, 3) == "https://discord.com/channels/@me/2/3"
