"""A queued job. Tests override the fields that matter to them."""

from dataclasses import replace
from typing import Any

from core.job import Job, State
from core.recipe import Recipe


def queued_job(**changes: Any) -> Job:
    """A job of member 4 in channel 2 of guild 1, with `changes` to any of its fields."""
    job = Job(
        id=12,
        recipe=Recipe.make("a red circle", width=64, height=64, steps=150, seed=7),
        guild_id=1,
        channel_id=2,
        message_id=3,
        member_id=4,
        member_name="Ann",
        state=State.QUEUED,
        priority=0,
        turn=0,
        engine=None,
        lease_until=None,
        attempts=0,
        step=0,
        created_at=1_700_000_000.0,
        started_at=None,
        finished_at=None,
        reason=None,
        posted=False,
        stopping=False,
        parent_id=None,
        deleted_at=None,
    )
    return replace(job, **changes)
