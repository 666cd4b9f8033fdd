"""Slots for downloading and decoding attachments, assigned before any byte is fetched.

An attachment takes memory while it is downloaded and CPU time while it is decoded, and a hostile
one takes as much of both as it can. So there are few slots: one per member, and not all of them for
one server. Waiting members take turns. When too many wait, the next is refused at once instead of
waiting for minutes.
"""

import asyncio
import hashlib
import time
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from core.storage.uploaded_images import ImageRejectedError, Rejection

SLOTS = 3
"""How many attachments, of up to `MAX_BYTES` each, are in progress at a time."""
SLOTS_PER_GUILD = 2
WAITING = 48
"""How many attachments may wait for a slot."""
WAITING_PER_GUILD = 12
WAITING_PER_MEMBER = 2

REJECTIONS_PER_HOUR = 10
"""After this many rejected files of a member within an hour, no more are read."""
REMEMBERED_FILES = 1_000
REMEMBERED_REJECTIONS = 10_000
HOUR = 3600.0


class UploadQueueFullError(Exception):
    """Too many attachments are waiting. `own`: too many of them are the member's own."""

    def __init__(self, *, own: bool) -> None:
        super().__init__("the upload queue is full")
        self.own = own


@dataclass(frozen=True, slots=True, eq=False)
class _Request:
    member_id: int
    guild_id: int | None
    admitted: asyncio.Event = field(default_factory=asyncio.Event)


class UploadQueue:
    """Slots for attachments, given in turns to servers, then to their members, then by arrival."""

    def __init__(self) -> None:
        self._waiting: list[_Request] = []
        self._active: list[_Request] = []
        self._starts = 0
        self._last_start: dict[tuple[str, int | None], int] = {}
        """The sequence number of the last start of each server and member with attachments here."""

    @asynccontextmanager
    async def slot(self, member_id: int, guild_id: int | None) -> AsyncIterator[None]:
        """Waits for a slot and holds it. Raises UploadQueueFullError at once if too many wait."""
        request = _Request(member_id, guild_id)
        self._check_room(request)
        self._waiting.append(request)
        self._assign_slots()
        try:
            await request.admitted.wait()
            yield
        finally:
            (self._active if request in self._active else self._waiting).remove(request)
            self._forget_absent()
            self._assign_slots()

    def _check_room(self, request: _Request) -> None:
        if self._may_start(request):
            return
        waiting = self._waiting
        if sum(each.member_id == request.member_id for each in waiting) >= WAITING_PER_MEMBER:
            raise UploadQueueFullError(own=True)
        from_guild = sum(each.guild_id == request.guild_id for each in waiting)
        if from_guild >= WAITING_PER_GUILD or len(waiting) >= WAITING:
            raise UploadQueueFullError(own=False)

    def _assign_slots(self) -> None:
        while ready := [request for request in self._waiting if self._may_start(request)]:
            request = min(ready, key=self._turn)  # min picks the first of equals: the earliest
            self._waiting.remove(request)
            self._active.append(request)
            self._starts += 1
            for key in _keys(request):
                self._last_start[key] = self._starts
            request.admitted.set()

    def _may_start(self, request: _Request) -> bool:
        active = self._active
        return (
            len(active) < SLOTS
            and all(each.member_id != request.member_id for each in active)
            and sum(each.guild_id == request.guild_id for each in active) < SLOTS_PER_GUILD
        )

    def _turn(self, request: _Request) -> tuple[int, ...]:
        return tuple(self._last_start.get(key, 0) for key in _keys(request))

    def _forget_absent(self) -> None:
        present = {key for each in (*self._waiting, *self._active) for key in _keys(each)}
        self._last_start = {key: n for key, n in self._last_start.items() if key in present}


def _keys(request: _Request) -> tuple[tuple[str, int | None], tuple[str, int | None]]:
    return ("guild", request.guild_id), ("member", request.member_id)


@dataclass(frozen=True, slots=True)
class _Rejection:
    at: float
    member_id: int
    guild_id: int | None


class RejectedUploads:
    """Files that were rejected within the last hour, and who sent them. Bounded, in memory."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._files: OrderedDict[bytes, tuple[float, Rejection]] = OrderedDict()
        self._rejections: deque[_Rejection] = deque(maxlen=REMEMBERED_REJECTIONS)

    def add(self, data: bytes, rejection: Rejection, member_id: int, guild_id: int | None) -> None:
        """Records a rejected file, by its checksum, and who sent it."""
        self._expire()
        now, digest = self._clock(), _digest(data)
        self._files[digest] = now, rejection
        self._files.move_to_end(digest)
        if len(self._files) > REMEMBERED_FILES:
            self._files.popitem(last=False)
        self._rejections.append(_Rejection(now, member_id, guild_id))

    def check_file(self, data: bytes) -> None:
        """Raises ImageRejectedError for a file that was rejected before."""
        self._expire()
        if (known := self._files.get(_digest(data))) is not None:
            raise ImageRejectedError(known[1])

    def count(self, member_id: int, guild_id: int | None) -> int:
        """How many rejected files this member has sent in this server within the last hour."""
        self._expire()
        return sum(
            each.member_id == member_id and each.guild_id == guild_id for each in self._rejections
        )

    def is_exhausted(self, member_id: int) -> bool:
        """Whether a member has sent too many rejected files, in all servers together."""
        self._expire()
        by_member = Counter(each.member_id for each in self._rejections)
        return by_member[member_id] >= REJECTIONS_PER_HOUR

    def _expire(self) -> None:
        since = self._clock() - HOUR
        while self._rejections and self._rejections[0].at <= since:
            self._rejections.popleft()
        while self._files and next(iter(self._files.values()))[0] <= since:
            self._files.popitem(last=False)


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()
