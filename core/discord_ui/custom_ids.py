"""The grammar of custom ids: `imagine:KIND:PART:PART:…`.

A custom id has everything that is needed to handle it, so buttons and forms keep working after a
restart. Messages keep the custom ids they were sent with, so a kind keeps its meaning once it is
released. Clients can forge the parts, so a template only accepts what the database can store.
"""

import re
from collections.abc import Collection

from core.discord_ui.limits import MAX_CUSTOM_ID

PREFIX = "imagine"

ID = r"(?:[0-9]{1,18}|[1-8][0-9]{18})"
"""One of our ids or of Discord's: always below 2**63."""
PAGE = r"[0-9]{1,6}"
TEXT = r"[^\n\ud800-\udfff]{0,40}"
"""A short text on one line, without surrogates."""


def encode(kind: str, *parts: object) -> str:
    """The custom id of a kind with its parts. Raises ValueError if Discord would refuse it."""
    custom_id = ":".join((PREFIX, kind, *map(str, parts)))
    if len(custom_id) > MAX_CUSTOM_ID:
        raise ValueError(f"the custom id {custom_id!r} is longer than {MAX_CUSTOM_ID} characters")
    return custom_id


def template(kind: str, *, optional: Collection[str] = (), **parts: str) -> re.Pattern[str]:
    """Matches the custom ids of a kind, with a named group for each part.

    A part that is `optional` may be missing, together with its colon; its group is then None.
    """
    groups = (
        f"(?::(?P<{name}>{pattern}))?" if name in optional else f":(?P<{name}>{pattern})"
        for name, pattern in parts.items()
    )
    return re.compile(f"{PREFIX}:{kind}" + "".join(groups))
