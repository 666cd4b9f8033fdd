"""Chromium at the page of `make try`: for tests, measurements and screenshots."""

import asyncio
import os
import re
import shutil
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, async_playwright

from sandbox.processes import ProcessError

ROOT = Path(__file__).parents[1]
START_SECONDS = 120.0
CHROMIUM = shutil.which("chromium")
NO_CHROMIUM = "Chromium is not installed (Debian: apt install chromium)"

_PAGE = re.compile(r"http://127\.0\.0\.1:\d+/#\S+")


@asynccontextmanager
async def tried() -> AsyncIterator[str]:
    """`make try` as a process of its own, without a window; the page's address.

    Raises ProcessError with what it said, if it does not start or does not end well.
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
        said, _ = await process.communicate()
        if process.returncode:
            raise ProcessError(said.decode(errors="replace"))


async def _address(process: asyncio.subprocess.Process) -> str:
    assert process.stdout
    said = ""
    while line := await process.stdout.readline():
        said += line.decode(errors="replace")
        if found := _PAGE.search(said):
            return found[0]
    raise ProcessError(said)


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
