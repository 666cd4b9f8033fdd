"""A member who forges interactions: presses and forms with any custom id and any content.

They must never reach other members' jobs, or see the prompts of jobs in other places.
"""

import asyncio
import io
import json
import logging
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from hypothesis import strategies as st

from bot.client import ImagineBot
from core.database.connection import Database
from core.database.jobs import Jobs
from core.database.queue import JobQueue
from core.discord_ui.job_buttons import Action
from core.job import Job, NewJob
from core.logging import configure_logging
from core.recipe import Recipe
from core.settings import Settings
from sandbox import Member, Sandbox
from sandbox.discord.constants import InteractionType
from tests.bot.conftest import running_bot
from tests.databases import new_database
from tests.outside import TEXTS

SECRETS = ("what-ada-wants-alone", "what-is-asked-elsewhere", "what-another-guild-wants")
JOBS = st.integers(0, 9).map(str) | st.integers(0, 10**20).map(str) | st.sampled_from(["", "-1"])
ROWS = st.sampled_from(["", ":0", ":3", ":4", ":-1", ":9999", ":x"])
IDS = st.one_of(
    st.builds("{}:{}{}".format, st.sampled_from(list(Action)), JOBS, ROWS),
    st.builds(
        "page:{}:{}:{}".format,
        st.sampled_from(["history", "queue", "nothing", ""]),
        st.integers(0, 10**7),
        TEXTS.map(lambda text: text[:50]),
    ),
    st.builds("{}:{}".format, st.sampled_from(["forget", "keep", "example", "clear"]), JOBS),
    st.builds("clear:{}:0:0".format, st.integers(1, 10**19)),
    st.builds("report:{}:{}".format, JOBS, st.sampled_from(["delete", "block", "dismiss", "x"])),
    TEXTS.map(lambda text: text[:80]),
)
FORMS = st.one_of(
    st.builds("{}:{}".format, st.sampled_from(["edit", "report", "picture", "nothing"]), JOBS),
    st.builds("picture:{}:{}".format, st.just("0" * 64), st.text("aA0_-", max_size=16)),
    TEXTS.map(lambda text: text[:80]),
)
FIELDS = st.dictionaries(
    st.sampled_from(["include", "exclude", "size", "steps", "seed", "strength", "reason", "x"]),
    TEXTS | st.sampled_from(["64x64", "40", "7", "0.5", "a red circle", "9" * 5000]),
)
FORGERIES = st.tuples(st.just("press"), IDS, st.just({})) | st.tuples(
    st.just("form"), FORMS, FIELDS
)


@dataclass
class Scene:
    """The bot in a local Discord, Ada with her jobs, and Mallory, who forges interactions."""

    sandbox: Sandbox
    database: Database
    mallory: Member
    logged: io.StringIO
    victims: list[Job]
    settings: Settings
    bot: ImagineBot

    async def forge(self, kind: str, custom_id: str, fields: dict[str, str]) -> None:
        """Sends a forged interaction as Mallory, and checks that it did no harm."""
        self.logged.seek(0)
        self.logged.truncate()
        data: dict[str, Any] = {"custom_id": f"imagine:{custom_id}"[:100]}
        if kind == "press":
            await self.press(data["custom_id"], exists=True)
        else:
            parts = [{"type": 4, "id": 1, "custom_id": k, "value": v} for k, v in fields.items()]
            data["components"] = [{"type": 1, "id": 2, "components": [part]} for part in parts]
            await self._send(InteractionType.MODAL_SUBMIT, data)
        await self.assert_no_harm()

    async def press(self, custom_id: str, *, exists: bool) -> None:
        """Presses a button of a public job message, which has that button only if it `exists`."""
        message = self.sandbox.channel.messages[self.victims[0].message_id or 0]
        before = message.components
        part = {"type": 2, "id": 2, "style": 2, "label": "x", "custom_id": custom_id}
        if exists:
            message.components = [{"type": 1, "id": 1, "components": [part]}]
        data = {"custom_id": custom_id, "component_type": 2, "id": 2}
        await self._send(InteractionType.COMPONENT, data, message, answered=exists)
        message.components = before

    async def assert_no_harm(self) -> None:
        """Checks that no job of Ada's changed, no secret leaked, nothing failed, nobody was pinged.

        Then cancels Mallory's jobs and deletes all messages but one of Ada's.
        """
        for job in self.victims:
            assert await Jobs(self.database).get(job.id) == job
        shown = json.dumps([each.raw for each in await self.mallory.messages()])
        direct = await self.mallory.direct()
        shown += json.dumps([each.raw for each in await direct.messages()])
        assert not [secret for secret in SECRETS if secret in shown]
        lines = [json.loads(line) for line in self.logged.getvalue().splitlines()]
        assert not [line for line in lines if line["level"] in ("error", "critical")]
        for message in self.sandbox.channel.messages.values():
            assert not message.mentions
        for own in await JobQueue(self.database).by_member(self.mallory.id):
            await Jobs(self.database).cancel(own.id)
        for message in list(self.sandbox.channel.messages.values()):
            if message.id != self.victims[0].message_id:
                self.sandbox.world.delete(self.sandbox.channel, message)

    async def _send(
        self, kind: int, data: dict[str, Any], message: Any = None, *, answered: bool = True
    ) -> None:
        world = self.sandbox.world
        user = world.users[self.mallory.id]
        sent = self.sandbox.interactions._announce(kind, user, self.sandbox.channel, data, message)
        if answered:
            outcome = await sent.outcome
            assert outcome["kind"] != "failed", outcome
        else:
            await asyncio.sleep(0.3)
        while self.bot._running_handlers:  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.005)


@contextmanager
def captured_log(settings: Settings) -> Iterator[io.StringIO]:
    """Captures the log, down to DEBUG."""
    root, before = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers, root.level
    stream = io.StringIO()
    configure_logging(settings.model_copy(update={"log_level": "DEBUG"}), stream)
    try:
        yield stream
    finally:
        root.handlers = handlers
        root.setLevel(level)
        structlog.configure(**before)


@asynccontextmanager
async def forgery_scene() -> AsyncIterator[Scene]:
    """A running bot and four jobs of Ada's: public, private, in another channel and server."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        sandbox = await stack.enter_async_context(Sandbox())
        settings = Settings(
            discord_token=sandbox.token,
            discord_api_url=sandbox.api_url,
            discord_guild_id=sandbox.guild.id,
            database_path=folder / "imagine.db",
            data_dir=folder / "data",
            model="sketch",  # accepts any words; `tests.fuzz` sets no model
        )
        database = await stack.enter_async_context(new_database(settings.database_path))
        stream = stack.enter_context(captured_log(settings))
        bot = await stack.enter_async_context(running_bot(sandbox, settings, database))
        ada, mallory = await sandbox.member("Ada"), await sandbox.member("Mallory")
        job_message = await ada.wait_filled(await ada.slash("imagine", include="a red circle"))
        await ada.slash("imagine", include=SECRETS[0], private=True)
        await ada.wait_for(lambda message: "on its way" in message.text)
        for include, guild, channel in (
            (SECRETS[1], sandbox.guild.id, 5),
            (SECRETS[2], 999, 6),
        ):
            recipe = Recipe.make(include, width=64, height=64, steps=40)
            await Jobs(database).insert(
                NewJob(
                    recipe=recipe,
                    guild_id=guild,
                    channel_id=channel,
                    message_id=None,
                    member_id=ada.id,
                    member_name="Ada",
                )
            )
        jobs = [await Jobs(database).get(number) for number in range(1, 5)]
        victims = [job for job in jobs if job]
        assert (len(victims), victims[0].message_id) == (4, job_message.id)
        yield Scene(sandbox, database, mallory, stream, victims, settings, bot)
