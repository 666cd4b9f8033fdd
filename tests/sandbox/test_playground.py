"""`make try` as a process: what it prints, and that it cleans up."""

import asyncio
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import aiohttp
import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


async def test_the_playground_opens_the_page_and_ctrl_c_leaves_nothing_behind(
    tmp_path: Path,
) -> None:
    """A fake browser saves the URL that it is asked to open."""
    opened_url = tmp_path / "opened_url"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened_url}\n')
    browser.chmod(0o755)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "sandbox.playground"),
        cwd=tmp_path,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "TMPDIR": str(temporary),
            "DISPLAY": ":0",
            "BROWSER": f"{browser} %s",
        },
        stdout=PIPE,
        stderr=PIPE,
    )
    assert process.stdout
    output = ""
    async with asyncio.timeout(120):
        while "Ctrl-C" not in output:
            line = await process.stdout.readline()
            assert line, (await process.communicate())[1].decode()
            output += line.decode()
    match = re.search(r"It is open in your browser: (http://127\.0\.0\.1:\d+/#\S+)", output)
    assert match, output
    assert opened_url.read_text().strip() == match[1]
    pids = [int(pid) for pid in re.findall(r"process (\d+)", output)]
    assert len(pids) == 2
    assert all(_is_running(pid) for pid in pids)
    assert list(temporary.iterdir())

    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(60):
        _, errors = await process.communicate()
    assert process.returncode == 0
    assert "nothing is left running" in errors.decode()
    assert not any(_is_running(pid) for pid in pids)
    assert list(temporary.iterdir()) == []
    async with aiohttp.ClientSession() as session:
        try:
            await session.get(match[1])
        except aiohttp.ClientConnectorError:
            return
    raise AssertionError("The server still answers.")


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
