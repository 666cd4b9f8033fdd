"""What is still needed of that which jobs leave on disk."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from core.database.connection import rows_of
from core.database.jobs import Store

_UNTIL = (
    "CASE WHEN deleted_at IS NOT NULL THEN NULL WHEN finished_at IS NULL OR posted = 0"
    " OR EXISTS (SELECT 1 FROM favourites WHERE job_id = jobs.id)"
    " OR EXISTS (SELECT 1 FROM jobs AS later WHERE later.finished_at IS NULL"
    " AND json_extract(later.recipe, '$.source.job') = jobs.id)"
    " THEN 9e999 ELSE finished_at END"
)
"""A job's pictures are needed for ever while it is not yet shown, while a job waits that starts
from it, and as long as it is somebody's favourite; else until it ended. NULL: it is deleted, and
nothing of it is needed."""


@dataclass(frozen=True, slots=True)
class Needed:
    """Until when something is needed, in seconds since 1970; infinity if there is no end yet.

    What belongs to no job, or only to deleted ones, is not in here.
    """

    jobs: dict[int, float]
    """The folder of a job, by its number."""
    pictures: dict[str, float]
    """A stored picture (see `core.storage.uploaded_images`) of which recipes speak, by its name."""


async def needed(store: Store, *, jobs: Iterable[int] = (), pictures: Iterable[str] = ()) -> Needed:
    """Until when the folders of these jobs are needed, and these pictures. Raises StoreError."""
    async with store.snapshot() as db:
        folders = await rows_of(
            db,
            f"SELECT jobs.id, {_UNTIL} AS until FROM json_each(?) AS asked CROSS JOIN jobs"
            " ON jobs.id = asked.value",
            (json.dumps(list(jobs)),),
        )
        stored = await rows_of(
            db,
            f"SELECT name, MAX({_UNTIL}) AS until FROM json_each(?) AS asked"
            " CROSS JOIN pictures_in_recipes ON name = asked.value"
            " CROSS JOIN jobs ON jobs.id = job_id GROUP BY name",
            (json.dumps(list(pictures)),),
        )
    return Needed(
        {row["id"]: row["until"] for row in folders if row["until"] is not None},
        {row["name"]: row["until"] for row in stored if row["until"] is not None},
    )
