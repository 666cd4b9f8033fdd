"""Packs what is kept about a member into archives that Discord takes."""

import io
import json
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

OVERHEAD = 4096  #: bytes that an archive may take beside its content
BETWEEN = len(",\n")


def as_lines(records: Iterable[dict[str, Any]]) -> list[str]:
    """Each record as JSON on one line; umlauts and ideographs as they are."""
    return [json.dumps(record, ensure_ascii=False) for record in records]


def archives(lines: Iterable[tuple[str, str]], most_bytes: int) -> Iterator[bytes]:
    """Zip archives of at most so many bytes each, which hold a JSON list for each kind of record.

    `lines` are pairs of a kind and a record. What is packed is counted at its full size, so that
    nothing has to be packed twice: an archive is rarely half as large as it may be.
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
