"""Troubles of Discord as a whole, until they are over; `faults` has those of single requests."""

from collections.abc import Callable


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
