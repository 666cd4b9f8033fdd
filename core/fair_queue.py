"""Whose job is next: start-time fair queueing between members.

After Goyal, Vin and Cheng, "Start-time fair queueing" (1996). Each job gets a turn, a number,
when it arrives; jobs are claimed in the order of priority (highest first), turn, id. Each
priority is a queue of its own with its own virtual time, which is the highest turn that has
been claimed so far.

- A newcomer begins at the virtual time, so nobody waits for what others asked for long ago and
  nobody saves up turns by staying away.
- A member's next job begins where the one before ends: its turn plus its number of pictures.
  So a member's jobs keep their order, and a member with a hundred wishes delays one with a
  single wish by one job at most.
"""


def turn_on_arrival(virtual_time: int, end_of_previous: int | None) -> int:
    """The turn of a job that arrives now.

    `end_of_previous` is the highest turn + pictures among the member's jobs of this priority,
    None if there is none.
    """
    return max(virtual_time, end_of_previous or 0)


def claim_order(priority: int, turn: int, job_id: int) -> tuple[int, int, int]:
    """The sort key of waiting jobs; the smallest is claimed first.

    `core.database.jobs` says it in SQL.
    """
    return (-priority, turn, job_id)
