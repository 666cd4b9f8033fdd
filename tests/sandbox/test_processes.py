"""The product's processes are stopped cleanly, at any moment."""

import asyncio
import gc
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from sandbox import processes


async def test_processes_are_not_reported_as_ended_when_the_start_is_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bot runs, and the engine is about to start."""
    unhandled: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unhandled.append(context))

    @asynccontextmanager
    async def sleeping(*_: object) -> AsyncIterator[asyncio.subprocess.Process]:
        sleep = "import time; time.sleep(60)"
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", sleep)
        try:
            yield process
        finally:
            await processes.ended(process)

    @asynccontextmanager
    async def local_discord(*_: object) -> AsyncIterator[tuple[dict[str, str], Any]]:
        async with sleeping() as process:
            yield {"SANDBOX_URL": ""}, process

    def report(name: str, _: str) -> None:
        if name == "bot":
            raise asyncio.CancelledError

    async def work(_: object) -> None:
        raise AssertionError("it must not begin")

    monkeypatch.setattr(processes, "local_discord", local_discord)
    monkeypatch.setattr(processes, "running", sleeping)
    (tmp_path / "bot.log").touch()
    with pytest.raises(asyncio.CancelledError):
        await processes.run_product(tmp_path, tmp_path, work, report=report)
    await asyncio.sleep(0.1)
    gc.collect()
    assert unhandled == []
