"""Packs a member's data into archives within Discord's size limit."""

import io
import json
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

OVERHEAD = 4096  #: bytes of an archive besides its content
SEPARATOR_BYTES = len(",\n")


def as_lines(records: Iterable[dict[str, Any]]) -> list[str]:
    """Each record as one line of JSON, without escapes for non-ASCII characters."""
    return [json.dumps(record, ensure_ascii=False) for record in records]


def archives(lines: Iterable[tuple[str, str]], most_bytes: int) -> Iterator[bytes]:
    """Zip archives of up to `most_bytes` each, with one JSON list per kind of record.

    `lines` holds each record with its kind. The limit applies to the uncompressed size, so nothing
    is compressed twice; an archive is usually less than half as large as allowed.
    """
    limit = most_bytes - OVERHEAD
    batch: defaultdict[str, list[str]] = defaultdict(list)
    size = 0
    for kind, line in lines:
        line_bytes = len(line.encode()) + SEPARATOR_BYTES
        if size and size + line_bytes > limit:
            yield _archive(batch)
            batch.clear()
            size = 0
        batch[kind].append(line)
        size += line_bytes
    if batch:
        yield _archive(batch)


def _archive(batch: dict[str, list[str]]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for kind, lines in batch.items():
            archive.writestr(f"{kind}.json", "[\n" + ",\n".join(lines) + "\n]\n")
    return buffer.getvalue()
