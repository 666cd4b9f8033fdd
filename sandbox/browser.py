"""The page of `make try` in Chromium, for tests, benchmarks and screenshots."""

import asyncio
import os
import re
import shutil
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, async_playwright

from sandbox.processes import ROOT, ProcessError

START_SECONDS = 120.0
CHROMIUM = shutil.which("chromium")
NO_CHROMIUM = "Chromium is not installed (Debian: apt install chromium)"

_PAGE = re.compile(r"http://127\.0\.0\.1:\d+/#\S+")


@asynccontextmanager
async def playground() -> AsyncIterator[str]:
    """`make try` as a process without a window. Yields the page's URL.

    Raises ProcessError with the output if it does not start, or fails.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "sandbox.playground"),
        cwd=ROOT,
        env={**_without_screen(), "PYTHONPATH": str(ROOT)},
        stdout=PIPE,
        stderr=STDOUT,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(START_SECONDS):
            address = await _address(process)
        yield address
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
        output, _ = await process.communicate()
        if process.returncode:
            raise ProcessError(output.decode(errors="replace"))


async def _address(process: asyncio.subprocess.Process) -> str:
    assert process.stdout
    output = ""
    while line := await process.stdout.readline():
        output += line.decode(errors="replace")
        if found := _PAGE.search(output):
            return found[0]
    raise ProcessError(output)


def _without_screen() -> dict[str, str]:
    hidden = ("DISPLAY", "WAYLAND_DISPLAY")
    return {name: value for name, value in os.environ.items() if name not in hidden}


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A headless Chromium. Raises ProcessError where there is none."""
    if CHROMIUM is None:
        raise ProcessError(NO_CHROMIUM)
    async with async_playwright() as playwright:
        # Chromium's own sandbox does not work for root.
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        try:
            yield browser
        finally:
            await browser.close()
