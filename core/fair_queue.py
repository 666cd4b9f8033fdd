"""Decides whose job is next, by start-time fair queueing between members.

Source: Goyal, Vin and Cheng, "Start-time fair queueing" (1996). Every job gets a virtual start time
when it arrives, its `turn`, an integer. Jobs are claimed in order of priority (highest first),
turn, id. Each priority is a queue of its own with its own virtual time: the highest turn claimed so
far.

- A newcomer starts at the virtual time, so they don't wait for all that others have queued, and
  nobody accumulates credit while idle.
- A member's next job starts where their previous one ends: at its turn plus its number of images.
  So a member's jobs keep their order, and a member with a hundred jobs delays a member with one
  by at most one job.
"""


def start_time(virtual_time: int, end_of_previous: int | None) -> int:
    """The virtual start time (`turn`) of a job that arrives now.

    `end_of_previous` is the highest turn + number of images among the member's jobs of this
    priority, or None if they have none.
    """
    return max(virtual_time, end_of_previous or 0)


def claim_order(priority: int, turn: int, job_id: int) -> tuple[int, int, int]:
    """The sort key of waiting jobs; the smallest is claimed first.

    `core/database/queries/next_job.sql` does the same in SQL.
    """
    return (-priority, turn, job_id)
