"""Injects faults: failing responses, broken connections, and outages of all of Discord."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True)
class Fault:
    """What happens to the next `times` requests of a route.

    Attributes:
        route: method and template, like `PATCH /channels/{channel_id}/messages/{message_id}`.
        status: the status of the response, or None to break the connection instead.
        applied: whether the request takes effect before the response is lost.
        delay: seconds before anything happens.
        retry_after: with status 429, the seconds to wait.
        cut: whether the connection breaks while the request is being sent.
    """

    route: str
    times: int
    status: int | None
    applied: bool
    delay: float = 0.0
    retry_after: float | None = None
    cut: bool = False


class Faults:
    """Faults of single requests."""

    def __init__(self, drop_gateway: Callable[[bool], None]) -> None:
        self._faults: list[Fault] = []
        self._drop_gateway = drop_gateway

    def fail(
        self, route: str, status: int, *, times: int = 1, applied: bool = False, delay: float = 0.0
    ) -> None:
        """Respond to the next requests of a route with a server error."""
        self._faults.append(Fault(route, times, status, applied, delay))

    def reset(
        self, route: str, *, times: int = 1, applied: bool = False, delay: float = 0.0
    ) -> None:
        """Reset the connection of the next requests of a route instead of responding."""
        self._faults.append(Fault(route, times, None, applied, delay))

    def limit(self, route: str, retry_after: float, *, times: int = 1) -> None:
        """Rate-limit the next requests of a route for `retry_after` seconds."""
        self._faults.append(Fault(route, times, 429, False, retry_after=retry_after))

    def cut(self, route: str, *, times: int = 1) -> None:
        """Reset the connection of the next requests of a route in the middle of their body."""
        self._faults.append(Fault(route, times, None, False, cut=True))

    def drop_gateway(self, *, resumable: bool = True) -> None:
        """Cut every gateway connection; the session can be resumed or not."""
        self._drop_gateway(resumable)

    @property
    def pending(self) -> int:
        """The number of faults that are not used up."""
        return len(self._faults)

    def clear(self) -> None:
        """Remove all faults."""
        self._faults.clear()

    def take(self, route: str) -> Fault | None:
        """The fault for this request, if any. Counts it."""
        for fault in self._faults:
            if fault.route == route:
                fault.times -= 1
                if fault.times <= 0:
                    self._faults.remove(fault)
                return fault
        return None


class Outage:
    """Faults of all of Discord, until they are ended.

    Attributes:
        down: every request gets status 503, and the gateway accepts no connection.
        delay: seconds before each response.
    """

    def __init__(self, drop_gateway: Callable[[bool], None]) -> None:
        self.down = False
        self.delay = 0.0
        self._drop_gateway = drop_gateway

    def begin(self) -> None:
        """Make Discord unreachable. Sessions can be resumed afterwards."""
        self.down = True
        self._drop_gateway(True)

    def end(self) -> None:
        """Make Discord reachable again."""
        self.down = False
