"""Limits how many direct messages a member can make the bot send by reactions."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

MAX_MESSAGES, WINDOW_SECONDS = 10, 60.0
"""How many messages to one member, within how many seconds."""
REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class _Sent:
    at: float
    member_id: int


class RecentMessages:
    """The direct messages of the last minute. Bounded, in memory."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sent: deque[_Sent] = deque(maxlen=REMEMBERED)

    def take(self, member_id: int) -> bool:
        """Counts one more message to a member; False if that would exceed the limit."""
        since = self._clock() - WINDOW_SECONDS
        while self._sent and self._sent[0].at <= since:
            self._sent.popleft()
        if sum(each.member_id == member_id for each in self._sent) >= MAX_MESSAGES:
            return False
        self._sent.append(_Sent(self._clock(), member_id))
        return True
