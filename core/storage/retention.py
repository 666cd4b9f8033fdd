"""How long the files of jobs are needed."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from core.database.connection import Database
from core.database.queries import query
from core.database.rows import rows_of


@dataclass(frozen=True, slots=True)
class NeededUntil:
    """Until when files are needed, in seconds since 1970; infinity if no end is known.

    Files that belong to no job, or only to deleted jobs, are not included.
    """

    jobs: dict[int, float]
    """Folders of jobs, by job id."""
    images: dict[str, float]
    """Uploaded images in recipes, by name."""


async def needed_until(
    database: Database, *, jobs: Iterable[int] = (), images: Iterable[str] = ()
) -> NeededUntil:
    """Until when the folders of these jobs and these images are needed. Raises StoreError."""
    async with database.snapshot() as db:
        folders = await rows_of(db, query("retained_folders"), {"jobs": json.dumps(list(jobs))})
        stored = await rows_of(db, query("retained_images"), {"images": json.dumps(list(images))})
    return NeededUntil(
        {row["id"]: row["until"] for row in folders if row["until"] is not None},
        {row["name"]: row["until"] for row in stored if row["until"] is not None},
    )
