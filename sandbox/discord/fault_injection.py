"""Troubles that a test can ask for: answers that fail, connections that break."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True)
class Fault:
    """What happens to the next `times` requests of a route.

    Attributes:
        route: method and template, such as `PATCH /channels/{channel_id}/messages/{message_id}`.
        status: the status that is answered, or None where the connection breaks instead.
        applied: whether the request takes effect before the answer is lost.
        delay: seconds before anything happens.
        retry_after: with status 429, the seconds that Discord asks to wait.
        cut: whether the connection breaks while the request is still being sent.
    """

    route: str
    times: int
    status: int | None
    applied: bool
    delay: float = 0.0
    retry_after: float | None = None
    cut: bool = False


class Faults:
    """The troubles in force; empty in peace."""

    def __init__(self, drop_gateway: Callable[[bool], None]) -> None:
        self._faults: list[Fault] = []
        self._drop_gateway = drop_gateway

    def fail(
        self, route: str, status: int, *, times: int = 1, applied: bool = False, delay: float = 0.0
    ) -> None:
        """Answer the next requests of a route with an error of Discord's servers."""
        self._faults.append(Fault(route, times, status, applied, delay))

    def reset(
        self, route: str, *, times: int = 1, applied: bool = False, delay: float = 0.0
    ) -> None:
        """Reset the connection of the next requests of a route instead of answering."""
        self._faults.append(Fault(route, times, None, applied, delay))

    def limit(self, route: str, retry_after: float, *, times: int = 1) -> None:
        """Answer the next requests of a route with a rate limit of so many seconds."""
        self._faults.append(Fault(route, times, 429, False, retry_after=retry_after))

    def cut(self, route: str, *, times: int = 1) -> None:
        """Reset the connection of the next requests of a route in the middle of their body."""
        self._faults.append(Fault(route, times, None, False, cut=True))

    def drop_gateway(self, *, resumable: bool = True) -> None:
        """Cut every gateway connection; the session can be resumed or not."""
        self._drop_gateway(resumable)

    @property
    def pending(self) -> int:
        """How many troubles nobody has met to their end."""
        return len(self._faults)

    def clear(self) -> None:
        """End all troubles."""
        self._faults.clear()

    def take(self, route: str) -> Fault | None:
        """The trouble that meets this request, if any; counts it."""
        for fault in self._faults:
            if fault.route == route:
                fault.times -= 1
                if fault.times <= 0:
                    self._faults.remove(fault)
                return fault
        return None


class Outage:
    """What is wrong with Discord now.

    Attributes:
        down: every request is answered with 503, and no gateway connection lasts.
        delay: seconds before any answer.
    """

    def __init__(self, drop_gateway: Callable[[bool], None]) -> None:
        self.down = False
        self.delay = 0.0
        self._drop_gateway = drop_gateway

    def begin(self) -> None:
        """From now on Discord cannot be reached; sessions can be resumed afterwards."""
        self.down = True
        self._drop_gateway(True)

    def end(self) -> None:
        """Discord is there again."""
        self.down = False
