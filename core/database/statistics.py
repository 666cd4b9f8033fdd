"""How the bot was used in the latest days: in one server, or in all."""

from dataclasses import dataclass

from core.database.connection import Database
from core.database.queries import query
from core.database.rows import rows_of, value_of

WEEK = 7 * 86_400.0  #: seconds


@dataclass(frozen=True, slots=True)
class Statistics:
    """The numbers of a period. A job belongs to the period in which it was requested."""

    jobs: int
    done: int
    failed: int
    cancelled: int
    images: int
    """Of jobs that are done."""
    members: int
    """Different members who requested something."""
    refusals: int
    """Requests that the rules of a server refused."""
    median_wait: float | None
    """The median seconds from a request to its last start; None if no job has started."""
    long_wait: float | None
    """The 90th percentile of the same."""


class UsageStatistics:
    """All methods raise StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def since(self, since: float, guild_id: int | None = None) -> Statistics:
        """The statistics since a time (seconds since 1970), of one server or by default of all."""
        values = {"since": since, "guild_id": guild_id}
        async with self._database.snapshot() as db:
            (counts,) = await rows_of(db, query("statistics"), values)
            refusals = await value_of(
                db,
                "SELECT COUNT(*) FROM audit_log WHERE action = 'refuse' AND created_at >= :since"
                " AND (:guild_id IS NULL OR guild_id = :guild_id)",
                values,
            )
            waits = [
                await value_of(db, query("wait_percentile"), values | {"rank": rank})
                for rank in _ranks(counts["started"])
            ]
        median, long = waits or (None, None)
        return Statistics(
            jobs=counts["jobs"],
            done=counts["done"],
            failed=counts["failed"],
            cancelled=counts["cancelled"],
            images=counts["images"],
            members=counts["members"],
            refusals=refusals,
            median_wait=median,
            long_wait=long,
        )


def _ranks(count: int) -> list[int]:
    """The indices of the median and the 90th percentile among `count` values, by nearest rank."""
    return [(count * percent + 99) // 100 - 1 for percent in (50, 90)] if count else []
