"""Upload slots are shared fairly among members and servers, and the queue is bounded."""

import asyncio
from collections import Counter
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.state.upload_queue import (
    HOUR,
    REJECTIONS_PER_HOUR,
    REMEMBERED_FILES,
    SLOTS,
    SLOTS_PER_GUILD,
    WAITING,
    WAITING_PER_GUILD,
    WAITING_PER_MEMBER,
    RejectedUploads,
    UploadQueue,
    UploadQueueFullError,
)
from core.storage.uploaded_images import ImageRejectedError, Rejection, RejectionReason

MALLORY, ADA, GUILD = 1, 2, 10
UNREADABLE = Rejection(RejectionReason.UNREADABLE)


class Uploads:
    """Uploads that each last until they are ended."""

    def __init__(self) -> None:
        self.queue = UploadQueue()
        self.started: list[tuple[int, int]] = []
        """Members and servers, in the order in which they got slots."""
        self.active: Counter[tuple[int, int]] = Counter()
        self.full: list[UploadQueueFullError] = []
        self._ends: list[tuple[tuple[int, int], asyncio.Event]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def begin(self, member_id: int, guild_id: int = GUILD) -> None:
        task = asyncio.create_task(self._upload((member_id, guild_id)))
        self._tasks.add(task)
        await asyncio.sleep(0)

    async def end(self) -> None:
        """Ends the upload that has been active for longest."""
        _, event = self._ends.pop(0)
        event.set()
        for _ in range(3):
            await asyncio.sleep(0)

    async def cancel_all(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _upload(self, key: tuple[int, int]) -> None:
        try:
            async with self.queue.slot(*key):
                self.started.append(key)
                self.active[key] += 1
                event = asyncio.Event()
                self._ends.append((key, event))
                await event.wait()
                self.active[key] -= 1
        except UploadQueueFullError as error:
            self.full.append(error)


async def test_a_member_does_not_wait_behind_sixty_uploads_of_another() -> None:
    uploads = Uploads()
    for _ in range(60):
        await uploads.begin(MALLORY)
    assert uploads.started == [(MALLORY, GUILD)]
    assert len(uploads.full) == 60 - 1 - WAITING_PER_MEMBER
    assert all(error.own for error in uploads.full)
    await uploads.begin(ADA)
    assert uploads.started == [(MALLORY, GUILD), (ADA, GUILD)]
    await uploads.cancel_all()


async def test_many_members_of_one_server_leave_a_slot_to_another_server() -> None:
    uploads = Uploads()
    for member_id in range(100, 160):
        await uploads.begin(member_id)
    assert len(uploads.started) == SLOTS_PER_GUILD < SLOTS
    assert len(uploads.full) == 60 - SLOTS_PER_GUILD - WAITING_PER_GUILD
    assert not any(error.own for error in uploads.full)
    await uploads.begin(ADA, guild_id=11)
    assert uploads.started[-1] == (ADA, 11)
    await uploads.cancel_all()


async def test_waiting_members_and_servers_take_turns() -> None:
    uploads = Uploads()
    for member_id, guild_id in ((1, 10), (1, 10), (2, 10), (3, 11), (4, 11), (5, 12), (6, 12)):
        await uploads.begin(member_id, guild_id)
    assert uploads.started == [(1, 10), (2, 10), (3, 11)]
    for _ in range(4):
        await uploads.end()
    # Server 12 has had no slot yet; then 10, whose last turn was before that of 11; and so on.
    assert uploads.started[3:] == [(5, 12), (1, 10), (4, 11), (6, 12)]
    await uploads.cancel_all()


async def test_an_upload_that_is_cancelled_or_fails_frees_its_slot() -> None:
    uploads = Uploads()
    for member_id in range(1, 1 + 2 * SLOTS):
        await uploads.begin(member_id, guild_id=member_id)
    await uploads.cancel_all()
    with suppress(RuntimeError):
        async with uploads.queue.slot(ADA, GUILD):
            raise RuntimeError
    async with asyncio.timeout(1), uploads.queue.slot(ADA, GUILD):
        pass


some_uploads = st.lists(st.none() | st.tuples(st.integers(1, 8), st.integers(1, 3)), max_size=80)


@settings(deadline=None)
@given(some_uploads)
def test_bounds_hold_and_no_slot_stays_empty_while_uploads_wait(
    steps: list[tuple[int, int] | None],
) -> None:
    """A step is `None`, which ends an upload, or the member and server that begin one."""

    async def play() -> None:
        uploads = Uploads()
        for step in steps:
            if step is not None:
                await uploads.begin(*step)
            elif +uploads.active:
                await uploads.end()
            active, waiting = uploads.queue._active, uploads.queue._waiting
            members = Counter(each.member_id for each in active)
            guilds = Counter(each.guild_id for each in active)
            assert len(active) <= SLOTS
            assert all(count == 1 for count in members.values())
            assert all(count <= SLOTS_PER_GUILD for count in guilds.values())
            assert len(waiting) <= WAITING
            assert len(active) == +uploads.active.total()
            if len(active) < SLOTS:  # each waiting upload has a reason to wait
                assert all(
                    members[each.member_id] or guilds[each.guild_id] == SLOTS_PER_GUILD
                    for each in waiting
                )
        await uploads.cancel_all()
        assert not uploads.queue._last_start

    asyncio.run(play())


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_rejected_file_is_rejected_again_without_being_decoded() -> None:
    clock = Clock()
    rejected = RejectedUploads(clock)
    rejected.check_file(b"a scan too many")
    rejected.add(b"a scan too many", UNREADABLE, MALLORY, GUILD)
    with pytest.raises(ImageRejectedError, match="damaged"):
        rejected.check_file(b"a scan too many")
    rejected.check_file(b"another file")
    clock.now = HOUR
    rejected.check_file(b"a scan too many")


def test_rejections_count_for_an_hour_for_their_member_and_server() -> None:
    clock = Clock()
    rejected = RejectedUploads(clock)
    for number in range(REJECTIONS_PER_HOUR):
        assert not rejected.is_exhausted(MALLORY)
        rejected.add(bytes([number]), UNREADABLE, MALLORY, GUILD)
    assert rejected.count(MALLORY, GUILD) == REJECTIONS_PER_HOUR
    assert (rejected.count(MALLORY, GUILD + 1), rejected.count(ADA, GUILD)) == (0, 0)
    assert rejected.is_exhausted(MALLORY)
    assert not rejected.is_exhausted(ADA)
    clock.now = HOUR
    assert rejected.count(MALLORY, GUILD) == 0
    assert not rejected.is_exhausted(MALLORY)


def test_the_number_of_remembered_rejected_files_is_limited() -> None:
    rejected = RejectedUploads(Clock())
    for number in range(REMEMBERED_FILES + 1):
        rejected.add(number.to_bytes(4, "big"), UNREADABLE, number, GUILD)
    rejected.check_file(bytes(4))  # the oldest is forgotten
    with pytest.raises(ImageRejectedError):
        rejected.check_file(REMEMBERED_FILES.to_bytes(4, "big"))
