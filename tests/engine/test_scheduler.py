"""Which job goes to which renderer: choices that depend on the slots alone."""

from collections.abc import Callable
from typing import Any, cast

import pytest

from core.job import Job
from core.recipe import Recipe
from engine.renderer_handle import RendererHandle
from engine.renderer_slot import RendererSlot
from engine.running_job import JobServices, RunningJob
from engine.scheduler import WORTH_MOVING_SECONDS, holder, place, rebalance

Ask = Callable[..., Any]


class Offer:
    """As much of a renderer as a choice asks for."""

    def __init__(self, headroom: float = 9.0, capacity: int = 4) -> None:
        self.capacity = capacity
        self._headroom = headroom

    def headroom(self, recipe: Recipe) -> float:
        return self._headroom


def slot(*jobs: RunningJob, headroom: float = 9.0, capacity: int = 4) -> RendererSlot:
    made = RendererSlot(cast(RendererHandle, Offer(headroom, capacity)))
    for job in jobs:
        made.enqueue(job)
    made.timer.measure(1.0, cost=max(1, len(jobs)))  # a step of all takes a second
    return made


@pytest.fixture
async def job(ask: Ask) -> Ask:
    async def job(*, step: int | None = 1, **values: Any) -> RunningJob:
        """A job at a step, or pending without one."""
        made = RunningJob(await ask(**values), cast(JobServices, None))
        made.started, made.step = step is not None, step or 0
        made.steps_left -= made.step
        made.cost, made.cost_left = (1.0, made.steps_left) if made.started else (0.0, 0.0)
        return made

    return job


async def test_a_job_goes_where_the_most_memory_is(ask: Ask) -> None:
    job: Job = await ask()
    small, large = slot(headroom=1), slot(headroom=3)
    assert place([small, large], job) is large
    assert place([], job) is None


async def test_jobs_that_are_yet_to_start_take_room(ask: Ask, job: Ask) -> None:
    busy, free = slot(await job(step=None), headroom=3), slot(headroom=3)
    assert place([busy, free], await ask()) is free


async def test_a_full_slot_is_the_last_choice(ask: Ask, job: Ask) -> None:
    full, free = slot(await job(), headroom=9, capacity=1), slot(headroom=2)
    assert place([full, free], await ask()) is free
    assert place([full], await ask()) is full


async def test_an_idle_renderer_is_given_the_job_with_the_most_steps_left(job: Ask) -> None:
    short, long = await job(steps=20), await job(steps=50)
    busy, idle = slot(short, long), slot()
    move = rebalance([busy, idle])
    assert move
    assert (move.job, move.source, move.target) == (long, busy, idle)


async def test_a_move_must_be_worth_it(job: Ask) -> None:
    async def busy(**values: Any) -> RendererSlot:
        return slot(await job(**values), await job(**values))

    steps = int(WORTH_MOVING_SECONDS) + 2
    assert rebalance([await busy(steps=steps), slot()])
    assert rebalance([await busy(steps=steps - 2), slot()]) is None, "nearly done"
    assert rebalance([await busy(steps=50, step=None), slot()]) is None, "not started"
    assert rebalance([await busy(steps=50), slot(headroom=0.5)]) is None, "it does not fit there"
    assert rebalance([await busy(steps=50), slot(capacity=0)]) is None, "its node is draining"
    assert rebalance([await busy(steps=50)]) is None, "nowhere to go"
    assert rebalance([slot(await job(steps=50)), slot()]) is None, "it has its renderer to itself"


async def test_one_job_moves_at_a_time(job: Ask) -> None:
    busy, idle = slot(await job(steps=50), await job(steps=50)), slot()
    busy.outgoing[1] = idle
    assert rebalance([busy, idle, slot()]) is None


async def test_the_holder_of_a_job_is_found_also_before_it_starts(job: Ask) -> None:
    pending = await job(step=None)
    slots = [slot(), slot(pending)]
    assert holder(slots, pending.id) is slots[1]
    assert holder(slots, pending.id + 1) is None


async def test_a_slot_shrinks_until_it_is_empty(job: Ask) -> None:
    one, two = await job(count=2), await job()
    shrunk = slot(one, two)
    shrunk.remove(two)
    shrunk.capacity = shrunk.images
    assert shrunk.free == 0
    other = RunningJob(one.job, cast(JobServices, None))
    shrunk.remove(other)
    assert shrunk.holds(one), "another object of the same job was removed, not this one"
    shrunk.remove(one)
    assert shrunk.free == 4
