"""A signal that any number of tasks can wait for."""

import asyncio
from collections.abc import Callable


class Signal:
    """Something may have changed: whoever waits looks again."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def notify(self) -> None:
        """Wake all who wait now."""
        self._event.set()
        self._event = asyncio.Event()

    async def wait(self) -> None:
        """Wait for the next notification."""
        await self._event.wait()

    async def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait until `condition` holds, looking anew at each notification."""
        while not condition():
            await self.wait()
