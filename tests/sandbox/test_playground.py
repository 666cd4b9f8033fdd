"""`make try` as a process: what it says, and that nothing is left of it."""

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


async def test_it_says_where_to_look_and_ctrl_c_leaves_nothing_behind(tmp_path: Path) -> None:
    """With a browser at hand, it opens that; the stand-in for one writes down what it was told."""
    written = tmp_path / "written"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {written}\n')
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
    said = ""
    async with asyncio.timeout(120):
        while "Ctrl-C" not in said:
            line = await process.stdout.readline()
            assert line, (await process.communicate())[1].decode()
            said += line.decode()
    found = re.search(r"It is open in your browser: (http://127\.0\.0\.1:\d+/#\S+)", said)
    assert found, said
    assert written.read_text().strip() == found[1]
    children = [int(number) for number in re.findall(r"process (\d+)", said)]
    assert len(children) == 2
    assert all(_lives(number) for number in children)
    assert list(temporary.iterdir())

    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(60):
        _, errors = await process.communicate()
    assert process.returncode == 0
    assert "nothing is left running" in errors.decode()
    assert not any(_lives(number) for number in children)
    assert list(temporary.iterdir()) == []
    async with aiohttp.ClientSession() as session:
        try:
            await session.get(found[1])
        except aiohttp.ClientConnectorError:
            return
    raise AssertionError("The server still answers.")


def _lives(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True
