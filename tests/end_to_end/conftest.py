"""The product as a host runs it: `python -m bot` and `python -m engine` with a local Discord."""

import asyncio
import io
import json
import os
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeVar

import pytest
import pytest_asyncio
from PIL import Image

from core.database.connection import Database
from core.database.jobs import Jobs
from core.database.queue import JobQueue
from core.job import Job
from core.recipe import Recipe
from sandbox import Member, MessageView, Sandbox

ROOT = Path(__file__).parents[2]
PATIENCE = 240.0  #: seconds that a test waits for something before it fails

OUTCOME_TITLES = ("Painted", "Failed", "Cancelled")  #: titles of a job message whose job has ended

T = TypeVar("T")


async def until(
    condition: Callable[[], T | Awaitable[T]], meanwhile: Callable[[], None] = lambda: None
) -> T:
    """Waits until `condition()` is true, or awaits to something true. Returns that value."""
    async with asyncio.timeout(PATIENCE):
        while True:
            value = condition()
            result: T = await value if isinstance(value, Awaitable) else value
            if result:
                return result
            meanwhile()
            await asyncio.sleep(0.05)


class Product:
    """A local Discord, with the bot and the engine as processes, each started on demand."""

    def __init__(self, discord: Sandbox, database: Database, folder: Path) -> None:
        self.discord = discord
        self.database = database
        self.folder = folder
        self.database_path = folder / "imagine.db"
        self.options: dict[str, Sequence[str]] = {}
        """Command-line arguments by process name."""
        self.settings: dict[str, dict[str, str]] = {}
        """Settings by process name, besides those of `environment`."""
        self._processes: dict[str, Process] = {}

    async def start(self, *names: str) -> None:
        """Starts `python -m name` for each name not running yet. Waits until all are ready.

        Several processes of a module have names such as `engine of wikiart`.
        """
        earlier = {
            name: len(self.entries(name, "ready")) for name in names if name not in self._processes
        }
        for name in earlier:
            await self._spawn(name, self.settings.get(name, {}))
        for name, count in earlier.items():
            await self.until(lambda name=name, count=count: self.entries(name, "ready")[count:])

    async def stop(self, *names: str) -> None:
        """Stops processes with SIGTERM, and asserts that they shut down cleanly."""
        for name in names:
            if process := self._processes.pop(name, None):
                process.terminate()
                assert await process.wait() == 0, self._log_tail(name)

    async def wait_exit(self, name: str) -> int:
        """Waits until a process exits by itself. Returns its exit status."""
        async with asyncio.timeout(PATIENCE):
            return await self._processes.pop(name).wait()

    async def run(self, name: str, **settings: str) -> int:
        """Runs `python -m name` with other settings until it exits. Returns its exit status."""
        await self._spawn(name, settings)
        return await self.wait_exit(name)

    async def kill(self, name: str) -> None:
        """Kills a process with SIGKILL."""
        process = self._processes.pop(name)
        process.kill()
        await process.wait()

    async def until(self, condition: Callable[[], T | Awaitable[T]]) -> T:
        """Like the function `until`, and asserts meanwhile that all processes are alive."""
        return await until(condition, self._assert_alive)

    async def members(self, *names: str) -> list[Member]:
        """New members, in a new channel of their own."""
        channel = self.discord.world.add_channel(self.discord.guild, "-and-".join(names).lower())
        members = [await self.discord.member(name) for name in names]
        for member in members:
            member.channel_id = channel.id
        return members

    async def imagine(self, member: Member, include: str, **options: Any) -> MessageView:
        """Runs `/imagine` as a member. Returns the job message as it first appears."""
        reply = await member.slash("imagine", include=include, **options)
        job_message = await member.wait_filled(reply, patience=PATIENCE)
        assert not job_message.ephemeral, job_message.text
        return job_message

    async def job_messages(self, member: Member) -> list[MessageView]:
        """The messages in the member's channel, except mentions that an image is ready.

        They come for images that take over a minute, which only happens on a busy machine.
        """
        return [each for each in await member.messages() if "ready." not in each.content]

    async def wait_ended(self, member: Member, job_message: MessageView) -> MessageView:
        """Waits until a job message shows the outcome. Returns it."""
        return await member.wait_for(
            lambda message: message.id == job_message.id and title(message) in OUTCOME_TITLES,
            patience=PATIENCE,
        )

    async def job_of(self, job_message: MessageView) -> Job:
        """The job of a job message."""
        job = await Jobs(self.database).get(job_id(job_message))
        assert job
        return job

    async def wait_posted(self, job_message: MessageView) -> Job:
        """Waits until the outcome of a job is marked as posted. Returns the job."""

        async def posted() -> Job | None:
            job = await self.job_of(job_message)
            return job if job.posted else None

        job = await self.until(posted)
        assert job
        return job

    async def wait_rendering(self, job_message: MessageView) -> None:
        """Waits until the engine has rendered at least one step of a job."""

        async def has_frames() -> bool:
            job = await self.job_of(job_message)
            assert not job.state.ended, job.reason
            return bool(self.frames_of(job_message))

        await self.until(has_frames)

    def frames_of(self, job_message: MessageView) -> list[Path]:
        """The frames of a job that the engine has saved so far."""
        return list((self.folder / "pictures" / str(job_id(job_message))).glob("frame-*.webp"))

    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "MODEL": "sketch",
            "IMAGES_PER_REQUEST": "1",
            "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": "1",
            "DISCORD_TOKEN": self.discord.token,
            "DISCORD_API_URL": self.discord.api_url,
            "DISCORD_GUILD_ID": str(self.discord.guild.id),
            "DATABASE_PATH": str(self.database_path),
            "DATA_DIR": str(self.folder),
            "DEVICE": "cpu",
            "LOG_LEVEL": "DEBUG",
            **{name: os.environ[name] for name in os.environ if name.startswith("RAY_AUTH_")},
        }

    def log(self, name: str) -> str:
        """The log of a process, including earlier runs."""
        path = self._log_path(name)
        return path.read_text() if path.exists() else ""

    def entries(self, name: str, event: str) -> list[dict[str, Any]]:
        """The log entries of a process with this event, oldest first."""
        lines = [json.loads(line) for line in self.log(name).splitlines() if line.endswith("}")]
        return [line for line in lines if line["event"] == event]

    async def close(self) -> None:
        """Kills the processes that are still running, even if a test failed."""
        for name in list(self._processes):
            await self.kill(name)

    async def _spawn(self, name: str, settings: dict[str, str]) -> None:
        with self._log_path(name).open("ab") as log:
            self._processes[name] = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", name.split()[0], *self.options.get(name, ())),
                env=self.environment() | settings,
                cwd=self.folder,
                stdin=DEVNULL,
                stdout=log,
                stderr=log,
            )

    def _log_path(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def _log_tail(self, name: str) -> str:
        return "\n".join(self.log(name).splitlines()[-20:])

    def _assert_alive(self) -> None:
        for name, process in self._processes.items():
            assert process.returncode is None, f"{name} ended:\n{self._log_tail(name)}"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_product(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Product]:
    """One product for all tests of a module; each test has its own members and channel."""
    folder = tmp_path_factory.mktemp("product")
    async with AsyncExitStack() as stack:
        discord = await stack.enter_async_context(Sandbox())
        database = await stack.enter_async_context(Database.open(folder / "imagine.db"))
        product = Product(discord, database, folder)
        stack.push_async_callback(product.close)
        yield product


@pytest_asyncio.fixture(loop_scope="module")
async def product(shared_product: Product) -> AsyncIterator[Product]:
    """The module's product. Faults and unfinished jobs are cleared after each test."""
    yield shared_product
    shared_product.discord.faults.clear()
    database = shared_product.database
    for job in [*await JobQueue(database).running(), *await JobQueue(database).waiting()]:
        await Jobs(database).cancel(job.id)


def title(message: MessageView) -> str:
    """The title of a job message, such as “Painting”."""
    return message.title


def job_id(job_message: MessageView) -> int:
    """The job's id, from the start of the last line of its job message."""
    return int(job_message.text.splitlines()[-1].split(" ")[0].removeprefix("#"))


async def images_of(member: Member, message: MessageView) -> list[Image.Image]:
    """The finished images attached to a message, with their metadata."""
    images = []
    names: set[str] = set()
    for file in message.files:
        if file.filename.endswith(".png") and file.filename not in names:
            names.add(file.filename)
            image = Image.open(io.BytesIO(await member.download(file)))
            image.load()
            images.append(image)
    return images


def recipe_in(image: Image.Image) -> Recipe:
    """The recipe in the metadata of a finished image."""
    return Recipe.model_validate_json(image.info["recipe"])
