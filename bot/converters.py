"""Parses durations that moderators type."""

import re

_PART = r"[0-9]{1,4} ?[mhdw]"
_DURATION = re.compile(rf"{_PART}(?: ?{_PART})*")
_SECONDS = {"m": 60, "h": 3_600, "d": 86_400, "w": 7 * 86_400}


def parse_duration(text: str) -> int | None:
    """The seconds, at least 60, of `30m`, `12h`, `7d`, `2w` or a sum such as `1d 12h`.

    None if the text is not a duration, or is zero.
    """
    typed = text.strip().casefold()
    if not _DURATION.fullmatch(typed):
        return None
    parts = re.findall(r"([0-9]+) ?([mhdw])", typed)
    return sum(int(count) * _SECONDS[unit] for count, unit in parts) or None
