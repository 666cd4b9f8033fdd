"""The product as a host runs it: `python -m bot` and `python -m engine` beside a local Discord."""

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
PATIENCE = 240.0  #: seconds until a test that waits for something gives up

ENDS = ("Painted", "Failed", "Cancelled")  #: what stands at the top of a card at the end

T = TypeVar("T")


async def until(
    condition: Callable[[], T | Awaitable[T]], meanwhile: Callable[[], None] = lambda: None
) -> T:
    """Waits until `condition()`, or what it awaits, is true; returns that."""
    async with asyncio.timeout(PATIENCE):
        while True:
            value = condition()
            result: T = await value if isinstance(value, Awaitable) else value
            if result:
                return result
            meanwhile()
            await asyncio.sleep(0.05)


class Product:
    """A local Discord, and the bot and the engine that serve it, each started when asked for."""

    def __init__(self, discord: Sandbox, database: Database, folder: Path) -> None:
        self.discord = discord
        self.database = database
        self.folder = folder
        self.database_path = folder / "imagine.db"
        self.options: dict[str, Sequence[str]] = {}
        """What stands behind `python -m` and the name of each process."""
        self._processes: dict[str, Process] = {}

    async def start(self, *names: str) -> None:
        """`python -m name` for each that does not run yet; returns when all are at work."""
        before = {
            name: len(self.entries(name, "ready")) for name in names if name not in self._processes
        }
        for name in before:
            await self._begin(name, {})
        for name, ready in before.items():
            await self.until(lambda name=name, ready=ready: self.entries(name, "ready")[ready:])

    async def stop(self, *names: str) -> None:
        """Tells processes to end; they do so in good order."""
        for name in names:
            if process := self._processes.pop(name, None):
                process.terminate()
                assert await process.wait() == 0, self._last_words(name)

    async def ends_by_itself(self, name: str) -> int:
        """The status with which a process ends that nobody told to."""
        async with asyncio.timeout(PATIENCE):
            return await self._processes.pop(name).wait()

    async def run(self, name: str, **changes: str) -> int:
        """`python -m name` in a changed environment, until it ends by itself; its status."""
        await self._begin(name, changes)
        return await self.ends_by_itself(name)

    async def kill(self, name: str) -> None:
        """Ends a process as a power cut would."""
        process = self._processes.pop(name)
        process.kill()
        await process.wait()

    async def until(self, condition: Callable[[], T | Awaitable[T]]) -> T:
        """Waits until `condition()`, or what it awaits, is true, while all processes live."""
        return await until(condition, self._assert_alive)

    async def members(self, *names: str) -> list[Member]:
        """People who look at a new channel of their own."""
        channel = self.discord.world.add_channel(self.discord.guild, "-and-".join(names).lower())
        people = [await self.discord.member(name) for name in names]
        for member in people:
            member.channel_id = channel.id
        return people

    async def ask(self, member: Member, include: str, **options: Any) -> MessageView:
        """The job message of the member's request, as it first appears in the channel."""
        reply = await member.slash("imagine", include=include, **options)
        card = await member.wait_filled(reply, patience=PATIENCE)
        assert not card.ephemeral, card.text
        return card

    async def job_messages(self, member: Member) -> list[MessageView]:
        """What the member sees, without the mention for an image that took over a minute.

        Only a busy machine takes so long.
        """
        return [each for each in await member.messages() if "ready." not in each.content]

    async def ended(self, member: Member, card: MessageView) -> MessageView:
        """The message of a job, once it shows how the job came out."""
        return await member.wait_for(
            lambda message: message.id == card.id and title(message) in ENDS, patience=PATIENCE
        )

    async def job_of(self, card: MessageView) -> Job:
        """The job that a card shows."""
        job = await Jobs(self.database).get(job_id(card))
        assert job
        return job

    async def posted(self, card: MessageView) -> Job:
        """The job of a card, once its outcome has been shown."""

        async def shown() -> Job | None:
            job = await self.job_of(card)
            return job if job.posted else None

        job = await self.until(shown)
        assert job
        return job

    async def painting(self, card: MessageView) -> None:
        """Waits until the engine has painted a step of a job."""

        async def begun() -> bool:
            job = await self.job_of(card)
            assert not job.state.ended, job.reason
            return bool(self.frames_of(card))

        await self.until(begun)

    def frames_of(self, card: MessageView) -> list[Path]:
        """What the engine has kept so far of a job's frames."""
        return list((self.folder / "pictures" / str(job_id(card))).glob("frame-*.webp"))

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
        """All that a process and its predecessors have said."""
        path = self._log(name)
        return path.read_text() if path.exists() else ""

    def entries(self, name: str, event: str) -> list[dict[str, Any]]:
        """The entries of a log that tell of such an event."""
        lines = [json.loads(line) for line in self.log(name).splitlines() if line.endswith("}")]
        return [line for line in lines if line["event"] == event]

    async def close(self) -> None:
        """Ends what still runs, whatever became of the tests."""
        for name in list(self._processes):
            await self.kill(name)

    async def _begin(self, name: str, changes: dict[str, str]) -> None:
        with self._log(name).open("ab") as log:
            self._processes[name] = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", name, *self.options.get(name, ())),
                env=self.environment() | changes,
                cwd=self.folder,
                stdin=DEVNULL,
                stdout=log,
                stderr=log,
            )

    def _log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def _last_words(self, name: str) -> str:
        return "\n".join(self.log(name).splitlines()[-20:])

    def _assert_alive(self) -> None:
        for name, process in self._processes.items():
            assert process.returncode is None, f"{name} ended:\n{self._last_words(name)}"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_product(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Product]:
    """One product for the tests of a module, which differ in members and channels."""
    folder = tmp_path_factory.mktemp("product")
    async with AsyncExitStack() as stack:
        discord = await stack.enter_async_context(Sandbox())
        database = await stack.enter_async_context(Database.open(folder / "imagine.db"))
        product = Product(discord, database, folder)
        stack.push_async_callback(product.close)
        yield product


@pytest_asyncio.fixture(loop_scope="module")
async def product(shared_product: Product) -> AsyncIterator[Product]:
    """The product, in which neither troubles nor jobs outlive a test."""
    yield shared_product
    shared_product.discord.faults.clear()
    database = shared_product.database
    for job in [*await JobQueue(database).running(), *await JobQueue(database).waiting()]:
        await Jobs(database).cancel(job.id)


def title(message: MessageView) -> str:
    """What stands at the top of a card, such as “Painting”."""
    return message.title


def job_id(card: MessageView) -> int:
    """The number of the job that a message shows: its last line begins with it."""
    return int(card.text.splitlines()[-1].split(" ")[0].removeprefix("#"))


async def pictures_of(member: Member, message: MessageView) -> list[Image.Image]:
    """The finished pictures that hang on a message, with what is written inside of them."""
    found = []
    names: set[str] = set()
    for file in message.files:
        if file.filename.endswith(".png") and file.filename not in names:
            names.add(file.filename)
            picture = Image.open(io.BytesIO(await member.download(file)))
            picture.load()
            found.append(picture)
    return found


def recipe_in(picture: Image.Image) -> Recipe:
    """The recipe that a finished picture carries."""
    return Recipe.model_validate_json(picture.info["recipe"])
