"""The laws of the fair order, on a queue in memory that follows `core.fair_queue`."""

from collections import Counter
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from core.fair_queue import claim_order, start_time

MOST = 4  #: pictures of one job


@dataclass(frozen=True)
class QueuedJob:
    id: int
    member: int
    pictures: int
    priority: int
    turn: int


@dataclass
class Queue:
    """The same life as in the store: turns on arrival, virtual time by claims."""

    waiting: list[QueuedJob] = field(default_factory=list)
    virtual: Counter[int] = field(default_factory=Counter)
    ends: dict[tuple[int, int], int] = field(default_factory=dict)
    arrived: int = 0

    def arrive(self, member: int, pictures: int = 1, priority: int = 0) -> QueuedJob:
        turn = start_time(self.virtual[priority], self.ends.get((member, priority)))
        self.ends[member, priority] = turn + pictures
        self.arrived += 1
        job = QueuedJob(self.arrived, member, pictures, priority, turn)
        self.waiting.append(job)
        return job

    def claim(self) -> QueuedJob:
        job = min(self.waiting, key=lambda w: claim_order(w.priority, w.turn, w.id))
        self.waiting.remove(job)
        self.virtual[job.priority] = max(self.virtual[job.priority], job.turn)
        return job


pictures = st.integers(1, MOST)
members = st.integers(0, 4)
arrivals = st.tuples(members, pictures, st.integers(0, 2))
events = st.lists(st.none() | arrivals, max_size=80)  # None: a claim


def after(history: list[tuple[int, int, int] | None]) -> Queue:
    queue = Queue()
    for event in history:
        if event is not None:
            queue.arrive(*event)
        elif queue.waiting:
            queue.claim()
    return queue


@given(events, st.data())
def test_between_members_who_keep_waiting_nobody_gets_far_ahead(
    history: list[tuple[int, int, int] | None], data: st.DataObject
) -> None:
    """The bound of start-time fair queueing: at most one largest job of each of the two."""
    queue = after(history)
    queue.waiting = []
    queue.ends = {}
    painted: Counter[int] = Counter()
    for _ in range(data.draw(st.integers(1, 60))):
        for member in (1, 2, 3):  # these three always have something waiting
            if all(job.member != member for job in queue.waiting):
                queue.arrive(member, data.draw(pictures))
        job = queue.claim()
        painted[job.member] += job.pictures
        amounts = [painted[member] for member in (1, 2, 3)]
        assert max(amounts) - min(amounts) <= 2 * MOST


@given(events)
def test_within_a_member_first_come_is_first_served(
    history: list[tuple[int, int, int] | None],
) -> None:
    queue = after(history)
    last: dict[tuple[int, int], int] = {}
    while queue.waiting:
        job = queue.claim()
        assert last.get((job.member, job.priority), 0) < job.id
        last[job.member, job.priority] = job.id


@given(events, pictures)
def test_a_newcomer_waits_for_one_job_of_each_other_member_at_most(
    history: list[tuple[int, int, int] | None], size: int
) -> None:
    queue = after([event and (*event[:2], 0) for event in history])
    mine = queue.arrive(member=99, pictures=size)
    before: Counter[int] = Counter()
    while (job := queue.claim()) != mine:
        before[job.member] += 1
    assert max(before.values(), default=0) <= 1


@given(events, st.data())
def test_nobody_starves_while_others_keep_asking(
    history: list[tuple[int, int, int] | None], data: st.DataObject
) -> None:
    queue = after([event and (*event[:2], 0) for event in history])
    mine = queue.arrive(member=99)
    ahead = len(queue.waiting)
    for _ in range(ahead + 5):
        queue.arrive(data.draw(members), data.draw(pictures))
        if queue.claim() == mine:
            return
    raise AssertionError("never claimed")


@given(events)
def test_a_higher_priority_goes_first(history: list[tuple[int, int, int] | None]) -> None:
    queue = after(history)
    order = []
    while queue.waiting:
        order.append(queue.claim().priority)
    assert order == sorted(order, reverse=True)


@given(st.integers(0, 20))
def test_a_flood_of_priority_requests_does_not_push_others_back(flood: int) -> None:
    """Virtual time is kept for each priority: what a moderator hurries costs no one's place."""
    queue = Queue()
    for _ in range(20):
        queue.arrive(member=1)
    for _ in range(flood):
        queue.arrive(member=1, priority=1)
    for _ in range(flood):
        queue.claim()
    newcomer = queue.arrive(member=2)
    assert newcomer in (queue.claim(), queue.claim())
