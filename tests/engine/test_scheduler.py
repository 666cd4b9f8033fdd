"""Which job goes to which renderer: decisions that depend only on the slots."""

from collections.abc import Callable
from typing import Any, cast

import pytest

from core.job import Job
from core.recipe import Recipe
from engine.renderer_handle import RendererHandle
from engine.renderer_slot import RendererSlot
from engine.running_job import JobServices, RunningJob
from engine.scheduler import WORTH_MOVING_SECONDS, holder, place, rebalance

JobFactory = Callable[..., Any]


class FakeHandle:
    """The part of a renderer handle that the decisions use."""

    def __init__(self, headroom: float = 9.0, capacity: int = 4) -> None:
        self.capacity = capacity
        self._headroom = headroom

    def headroom(self, recipe: Recipe) -> float:
        return self._headroom


def slot(*jobs: RunningJob, headroom: float = 9.0, capacity: int = 4) -> RendererSlot:
    new_slot = RendererSlot(cast(RendererHandle, FakeHandle(headroom, capacity)))
    for job in jobs:
        new_slot.enqueue(job)
    new_slot.timer.measure(1.0, cost=max(1, len(jobs)))  # one step of all jobs takes a second
    return new_slot


@pytest.fixture
async def make_job(enqueue: JobFactory) -> JobFactory:
    async def make_job(*, step: int | None = 1, **values: Any) -> RunningJob:
        """A job at a step, or a pending one if `step` is None."""
        new_job = RunningJob(await enqueue(**values), cast(JobServices, None))
        new_job.started, new_job.step = step is not None, step or 0
        new_job.steps_left -= new_job.step
        new_job.cost, new_job.cost_left = (
            (1.0, new_job.steps_left) if new_job.started else (0.0, 0.0)
        )
        return new_job

    return make_job


async def test_a_job_goes_to_the_slot_with_the_most_memory(enqueue: JobFactory) -> None:
    job: Job = await enqueue()
    small, large = slot(headroom=1), slot(headroom=3)
    assert place([small, large], job) is large
    assert place([], job) is None


async def test_pending_jobs_take_room(enqueue: JobFactory, make_job: JobFactory) -> None:
    busy, free = slot(await make_job(step=None), headroom=3), slot(headroom=3)
    assert place([busy, free], await enqueue()) is free


async def test_a_full_slot_is_the_last_choice(enqueue: JobFactory, make_job: JobFactory) -> None:
    full, free = slot(await make_job(), headroom=9, capacity=1), slot(headroom=2)
    assert place([full, free], await enqueue()) is free
    assert place([full], await enqueue()) is full


async def test_an_idle_renderer_is_given_the_job_with_the_most_steps_left(
    make_job: JobFactory,
) -> None:
    short, long = await make_job(steps=20), await make_job(steps=50)
    busy, idle = slot(short, long), slot()
    move = rebalance([busy, idle])
    assert move
    assert (move.job, move.source, move.target) == (long, busy, idle)


async def test_a_move_must_be_worth_it(make_job: JobFactory) -> None:
    async def busy(**values: Any) -> RendererSlot:
        return slot(await make_job(**values), await make_job(**values))

    steps = int(WORTH_MOVING_SECONDS) + 2
    assert rebalance([await busy(steps=steps), slot()])
    assert rebalance([await busy(steps=steps - 2), slot()]) is None, "nearly done"
    assert rebalance([await busy(steps=50, step=None), slot()]) is None, "not started"
    assert rebalance([await busy(steps=50), slot(headroom=0.5)]) is None, "it does not fit there"
    assert rebalance([await busy(steps=50), slot(capacity=0)]) is None, "its node is draining"
    assert rebalance([await busy(steps=50)]) is None, "no other renderer"
    assert rebalance([slot(await make_job(steps=50)), slot()]) is None, (
        "it has its renderer to itself"
    )


async def test_one_job_moves_at_a_time(make_job: JobFactory) -> None:
    busy, idle = slot(await make_job(steps=50), await make_job(steps=50)), slot()
    busy.outgoing[1] = idle
    assert rebalance([busy, idle, slot()]) is None


async def test_the_holder_of_a_job_is_found_even_before_it_starts(make_job: JobFactory) -> None:
    pending = await make_job(step=None)
    slots = [slot(), slot(pending)]
    assert holder(slots, pending.id) is slots[1]
    assert holder(slots, pending.id + 1) is None


async def test_a_slot_stays_shrunk_until_it_is_empty(make_job: JobFactory) -> None:
    one, two = await make_job(count=2), await make_job()
    shrunk = slot(one, two)
    shrunk.remove(two)
    shrunk.capacity = shrunk.images
    assert shrunk.free == 0
    other = RunningJob(one.job, cast(JobServices, None))
    shrunk.remove(other)
    assert shrunk.holds(one), "another object for the same job was removed, not this one"
    shrunk.remove(one)
    assert shrunk.free == 4
