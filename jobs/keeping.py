"""What is still needed of that which jobs leave on disk."""

from dataclasses import dataclass

from jobs.database import rows_of
from jobs.store import Store

_UNTIL = (
    "WITH fate AS (SELECT id, recipe, CASE WHEN finished_at IS NULL OR posted = 0"
    " OR id IN (SELECT job_id FROM favourites)"
    " OR id IN (SELECT json_extract(recipe, '$.source.job') FROM jobs WHERE finished_at IS NULL"
    " AND json_extract(recipe, '$.source.job') IS NOT NULL)"
    " THEN 9e999 ELSE finished_at END AS until FROM jobs)"
)
"""A job's pictures are needed for ever while it is not yet shown, while a job waits that starts
from it, and as long as it is somebody's favourite; else until it ended."""


@dataclass(frozen=True, slots=True)
class Needed:
    """Until when something is needed, in seconds since 1970; infinity if there is no end yet."""

    jobs: dict[int, float]
    """The folder of a job, by its number."""
    pictures: dict[str, float]
    """A stored picture (see `jobs.pictures`) of which recipes speak, by its name."""


async def needed(store: Store) -> Needed:
    """Of all jobs that are known. Raises StoreError."""
    async with store.look() as db:
        jobs = await rows_of(db, _UNTIL + " SELECT id, until FROM fate")
        pictures = await rows_of(
            db,
            _UNTIL + " SELECT part.value AS name, MAX(until) AS until"
            " FROM fate, json_tree(fate.recipe) AS part"
            " WHERE part.key IN ('initial', 'name') AND part.type = 'text' GROUP BY part.value",
        )
    return Needed(
        {row["id"]: row["until"] for row in jobs}, {row["name"]: row["until"] for row in pictures}
    )
