"""The product as a host runs it: as processes, connected to a local Discord."""

import asyncio
import json
import os
import sys
import tempfile
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from sandbox import SandboxClient
from sandbox.processes import ended, local_discord

PATIENCE = 120.0
"""Seconds that a process may take to become ready."""
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class ProductError(Exception):
    """A process failed; `str(error)` names it and quotes the end of its log."""


class Product:
    """The bot and the engine, started on demand; their logs and data are in `folder`."""

    def __init__(self, folder: Path, addresses: dict[str, str], model: str = "sketch") -> None:
        self.folder = folder
        self.database = folder / "imagine.db"
        self._addresses = addresses
        self._model = model
        self._processes: dict[str, Process] = {}

    async def start(self, name: str, **settings: str) -> None:
        """Starts `python -m name`; returns once it is ready. Raises ProductError."""
        start = self._log(name).stat().st_size if self._log(name).exists() else 0
        with self._log(name).open("ab") as log:
            self._processes[name] = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", name),
                env=os.environ | self._environment() | settings,
                stdin=DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        async with asyncio.timeout(PATIENCE):
            while b'"event": "ready"' not in self._log(name).read_bytes()[start:]:
                self.check()
                await asyncio.sleep(0.1)

    async def stop(self, name: str) -> None:
        """Stops a process and waits until it has ended."""
        if process := self._processes.pop(name, None):
            await ended(process)

    async def kill(self, name: str) -> None:
        """Kills a process with SIGKILL."""
        process = self._processes.pop(name)
        process.kill()
        await process.wait()

    async def close(self) -> None:
        for name in list(self._processes):
            await self.stop(name)

    def check(self) -> None:
        """Raises ProductError if a process has exited by itself."""
        for name, process in self._processes.items():
            if process.returncode is not None:
                log_tail = self._log(name).read_text(errors="replace").splitlines()[-15:]
                raise ProductError(
                    f"The {name} ended by itself. Its log ends with:\n" + "\n".join(log_tail)
                )

    def resident_bytes(self, name: str) -> int:
        """The resident memory of a process (VmRSS), in bytes."""
        fields = Path(f"/proc/{self._processes[name].pid}/statm").read_text().split()
        return int(fields[1]) * PAGE_BYTES

    def open_files(self, name: str) -> int:
        """The number of open files, sockets and pipes of a process. Only root can read it."""
        return len(os.listdir(f"/proc/{self._processes[name].pid}/fd"))

    def threads(self, name: str) -> int:
        return len(os.listdir(f"/proc/{self._processes[name].pid}/task"))

    def cpu_seconds(self, name: str) -> float:
        """The CPU time of a process so far, in seconds."""
        stat = Path(f"/proc/{self._processes[name].pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")

    def entries(self, name: str) -> list[dict[str, Any]]:
        """All log entries of a process, including those from before a restart."""
        lines = self._log(name).read_text(errors="replace").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

    def _environment(self) -> dict[str, str]:
        return {
            **self._addresses,
            "DATABASE_PATH": str(self.database),
            "DATA_DIR": str(self.folder),
            "MODEL": self._model,
            "DEVICE": "cpu",
        }

    def _log(self, name: str) -> Path:
        return self.folder / f"{name}.log"


@asynccontextmanager
async def local_product(model: str = "sketch") -> AsyncIterator[tuple[Product, SandboxClient]]:
    """A new local Discord, and a product that connects to it, in a temporary folder.

    Its processes are not started yet; those that are started stop at the end of the block.
    """
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="load-")))
        addresses, _ = await stack.enter_async_context(local_discord(folder))
        client = SandboxClient(addresses["SANDBOX_URL"], addresses["SANDBOX_TOKEN"])
        discord = await stack.enter_async_context(client)
        product = Product(folder, addresses, model)
        stack.push_async_callback(product.close)
        yield product, discord
