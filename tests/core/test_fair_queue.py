"""Invariants of the fair order, tested on an in-memory queue that follows `core.fair_queue`."""

from collections import Counter
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from core.fair_queue import claim_order, start_time

MAX_IMAGES = 4  #: of one job


@dataclass(frozen=True)
class QueuedJob:
    id: int
    member: int
    images: int
    priority: int
    turn: int


@dataclass
class Queue:
    """Like the queue in the database: jobs get a turn on arrival, claims advance virtual time."""

    waiting: list[QueuedJob] = field(default_factory=list)
    virtual_time: Counter[int] = field(default_factory=Counter)
    ends: dict[tuple[int, int], int] = field(default_factory=dict)
    last_id: int = 0

    def add(self, member: int, images: int = 1, priority: int = 0) -> QueuedJob:
        turn = start_time(self.virtual_time[priority], self.ends.get((member, priority)))
        self.ends[member, priority] = turn + images
        self.last_id += 1
        job = QueuedJob(self.last_id, member, images, priority, turn)
        self.waiting.append(job)
        return job

    def claim(self) -> QueuedJob:
        job = min(self.waiting, key=lambda w: claim_order(w.priority, w.turn, w.id))
        self.waiting.remove(job)
        self.virtual_time[job.priority] = max(self.virtual_time[job.priority], job.turn)
        return job


images = st.integers(1, MAX_IMAGES)
members = st.integers(0, 4)
arrivals = st.tuples(members, images, st.integers(0, 2))
events = st.lists(st.none() | arrivals, max_size=80)  # None: a claim


def queue_after(history: list[tuple[int, int, int] | None]) -> Queue:
    queue = Queue()
    for event in history:
        if event is not None:
            queue.add(*event)
        elif queue.waiting:
            queue.claim()
    return queue


@given(events, st.data())
def test_no_member_with_waiting_jobs_gets_far_ahead(
    history: list[tuple[int, int, int] | None], data: st.DataObject
) -> None:
    """Start-time fair queueing bounds the lead: one job of maximum size for each of the two."""
    queue = queue_after(history)
    queue.waiting = []
    queue.ends = {}
    rendered: Counter[int] = Counter()
    for _ in range(data.draw(st.integers(1, 60))):
        for member in (1, 2, 3):  # these three always have something waiting
            if all(job.member != member for job in queue.waiting):
                queue.add(member, data.draw(images))
        job = queue.claim()
        rendered[job.member] += job.images
        amounts = [rendered[member] for member in (1, 2, 3)]
        assert max(amounts) - min(amounts) <= 2 * MAX_IMAGES


@given(events)
def test_a_members_own_jobs_are_first_come_first_served(
    history: list[tuple[int, int, int] | None],
) -> None:
    queue = queue_after(history)
    last: dict[tuple[int, int], int] = {}
    while queue.waiting:
        job = queue.claim()
        assert last.get((job.member, job.priority), 0) < job.id
        last[job.member, job.priority] = job.id


@given(events, images)
def test_a_newcomer_waits_for_at_most_one_job_per_other_member(
    history: list[tuple[int, int, int] | None], size: int
) -> None:
    queue = queue_after([event and (*event[:2], 0) for event in history])
    mine = queue.add(member=99, images=size)
    before: Counter[int] = Counter()
    while (job := queue.claim()) != mine:
        before[job.member] += 1
    assert max(before.values(), default=0) <= 1


@given(events, st.data())
def test_nobody_starves_while_others_keep_requesting(
    history: list[tuple[int, int, int] | None], data: st.DataObject
) -> None:
    queue = queue_after([event and (*event[:2], 0) for event in history])
    mine = queue.add(member=99)
    ahead = len(queue.waiting)
    for _ in range(ahead + 5):
        queue.add(data.draw(members), data.draw(images))
        if queue.claim() == mine:
            return
    raise AssertionError("never claimed")


@given(events)
def test_a_higher_priority_goes_first(history: list[tuple[int, int, int] | None]) -> None:
    queue = queue_after(history)
    order = []
    while queue.waiting:
        order.append(queue.claim().priority)
    assert order == sorted(order, reverse=True)


@given(st.integers(0, 20))
def test_a_flood_of_priority_requests_does_not_push_others_back(flood: int) -> None:
    """Each priority has its own virtual time, so urgent jobs cost nobody their place."""
    queue = Queue()
    for _ in range(20):
        queue.add(member=1)
    for _ in range(flood):
        queue.add(member=1, priority=1)
    for _ in range(flood):
        queue.claim()
    newcomer = queue.add(member=2)
    assert newcomer in (queue.claim(), queue.claim())
