"""A notification that any number of tasks can wait for."""

import asyncio
from collections.abc import Callable


class Signal:
    """Tells waiting tasks that something may have changed."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def notify(self) -> None:
        """Wake all waiting tasks."""
        self._event.set()
        self._event = asyncio.Event()

    async def wait(self) -> None:
        """Wait for the next notification."""
        await self._event.wait()

    async def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait until `condition` is true. It is checked at each notification."""
        while not condition():
            await self.wait()
