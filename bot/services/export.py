"""Packs a member's data into archives within Discord's size limit."""

import io
import json
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

OVERHEAD = 4096  #: bytes of an archive besides its content
BETWEEN = len(",\n")


def as_lines(records: Iterable[dict[str, Any]]) -> list[str]:
    """Each record as one line of JSON, without escapes for non-ASCII characters."""
    return [json.dumps(record, ensure_ascii=False) for record in records]


def archives(lines: Iterable[tuple[str, str]], most_bytes: int) -> Iterator[bytes]:
    """Zip archives of up to `most_bytes` each, with one JSON list per kind of record.

    `lines` holds each record with its kind. The limit applies to the uncompressed size, so nothing
    is packed twice; an archive is usually less than half as large as allowed.
    """
    room = most_bytes - OVERHEAD
    held: defaultdict[str, list[str]] = defaultdict(list)
    size = 0
    for kind, line in lines:
        bytes_more = len(line.encode()) + BETWEEN
        if size and size + bytes_more > room:
            yield _archive(held)
            held.clear()
            size = 0
        held[kind].append(line)
        size += bytes_more
    if held:
        yield _archive(held)


def _archive(held: dict[str, list[str]]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for kind, lines in held.items():
            archive.writestr(f"{kind}.json", "[\n" + ",\n".join(lines) + "\n]\n")
    return packed.getvalue()
