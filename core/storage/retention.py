"""How long the files of jobs are needed."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from core.database.connection import Database
from core.database.queries import query
from core.database.rows import rows_of


@dataclass(frozen=True, slots=True)
class Needed:
    """Until when files are needed, in seconds since 1970; infinity if no end is known.

    Files of no job, or only of deleted ones, are missing.
    """

    jobs: dict[int, float]
    """The folder of a job, by its id."""
    images: dict[str, float]
    """An uploaded image in recipes, by its name."""


async def needed(
    database: Database, *, jobs: Iterable[int] = (), images: Iterable[str] = ()
) -> Needed:
    """Until when the folders of these jobs and these images are needed. Raises StoreError."""
    async with database.snapshot() as db:
        folders = await rows_of(db, query("retained_folders"), {"jobs": json.dumps(list(jobs))})
        stored = await rows_of(db, query("retained_images"), {"images": json.dumps(list(images))})
    return Needed(
        {row["id"]: row["until"] for row in folders if row["until"] is not None},
        {row["name"]: row["until"] for row in stored if row["until"] is not None},
    )
