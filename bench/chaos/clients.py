"""The clients of a run: members and moderators, each with one operation at a time.

The seed determines the operations in advance. Of the job that an operation affects, it determines
only a fraction: the job at that position among those that the client sees then.
"""

import asyncio
import random
import re
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path

from bench.chaos.channels import Listener, Payload, custom_ids, job_on, text_of
from bench.chaos.environment import World
from bench.chaos.final_state import marker, snapshot, uploads_of
from bench.chaos.history import History, Operation, Outcome
from bench.chaos.judge import WAITING_TITLES, seed_on, title_of
from sandbox import InteractionError, Member, MessageView, NoResponseError, OptionError, Reply

PATIENCE = 20.0  #: seconds that a client waits for a response
PAUSE = (2.0, 6.0)  #: seconds of a pause or a block
UNCLEAR = re.compile("incident", re.IGNORECASE)
"""Matches responses that do not say whether the operation took effect."""

MEMBERS = {
    "request": 62,
    "cancel": 9,
    "cancel button": 6,
    "delete": 11,
    "delete all": 3,
    "report": 9,
}
MODERATORS = {
    "mod cancel": 4,
    "moderator's cancel": 4,
    "mod delete": 4,
    "mod clear": 1,
    "mod pause": 2,
    "mod block": 2,
}
"""Weights of the operations. A further operation ends each pause or block."""


@dataclass(frozen=True, slots=True)
class Step:
    """A planned operation. `which`, 0 to 1, chooses a job; `seconds` last a pause or a block."""

    name: str
    which: float
    seconds: float


def draw_steps(rng: random.Random, weights: dict[str, int], number: int) -> list[Step]:
    names = rng.choices(list(weights), list(weights.values()), k=number)
    return [Step(name, rng.random(), rng.uniform(*PAUSE)) for name in names]


@dataclass(frozen=True, slots=True)
class Guild:
    """A server with its channels and members."""

    id: int
    channels: list[int]
    members: list[int]


class Client:
    """What members and moderators share."""

    def __init__(
        self, world: World, history: History, listener: Listener, guild: Guild, member: Member
    ) -> None:
        self.world, self.history, self.listener = world, history, listener
        self.guild, self.member = guild, member
        self.handlers: dict[str, Callable[[Step], Awaitable[None]]] = {}

    async def run(self, steps: list[Step]) -> None:
        for step in steps:
            with suppress(InteractionError, OptionError):
                await self.handlers[step.name](step)
            await asyncio.sleep(0.3 + 2.7 * step.which)

    def job_messages(self, *titles: str) -> list[Payload]:
        """The messages in this server that show jobs with these titles."""
        found = [
            each
            for each in self.listener.messages.values()
            if int(each["channel_id"]) in self.guild.channels and seed_on(each) is not None
        ]
        return [each for each in found if title_of(each) in titles]

    async def wait_for_response(self, operation: Operation, reply: Reply, expected: str) -> str:
        """Waits for the response to a command, and derives the outcome from it."""
        interaction = reply.interaction_id
        with suppress(TimeoutError):
            answers = await self.listener.wait_for(
                lambda: self.listener.answers(interaction), PATIENCE
            )
            return _record_outcome(operation, text_of(answers[-1]), expected)
        return ""

    async def wait_for_edit(
        self, operation: Operation, message: int, press: Reply, expected: str
    ) -> str:
        """Waits until a button has changed its message, or got another response."""
        before = text_of(self.listener.messages[message])

        def answer() -> str:
            others = self.listener.answers(press.interaction_id)
            now = self.listener.messages.get(message)
            texts = [text_of(each) for each in [*others, *([now] if now else [])]]
            return next((text for text in texts if text and text != before), "")

        with suppress(TimeoutError):
            return _record_outcome(
                operation, await self.listener.wait_for(answer, PATIENCE), expected
            )
        return ""

    async def snapshot(self) -> None:
        """Records the states of all jobs."""
        with suppress(sqlite3.Error):
            taken = await asyncio.to_thread(snapshot, self.world.database, self.history.now())
            self.history.snapshots.append(taken)


class Requester(Client):
    """A member who requests images, cancels, deletes and reports."""

    def __init__(
        self,
        world: World,
        history: History,
        listener: Listener,
        guild: Guild,
        member: Member,
        images: list[Path],
    ) -> None:
        super().__init__(world, history, listener, guild, member)
        self._images = images
        self.handlers = {
            "request": self._request,
            "cancel": self._cancel,
            "cancel button": self._cancel_button,
            "delete": self._delete,
            "delete all": self._delete_all,
            "report": self._report,
        }

    def own_job_messages(self, *titles: str) -> list[Payload]:
        own = self.member.channel_id
        return [each for each in self.job_messages(*titles) if int(each["channel_id"]) == own]

    async def _request(self, step: Step) -> None:
        seed = self.world.next_seed()
        word = marker(seed)
        image = (
            self._images[int(step.which * 3 * len(self._images))] if step.which < 1 / 3 else None
        )
        options = {"image": image} if image else {}
        with self.history.operation(
            self.member.name,
            "request",
            member=self.member.id,
            guild=self.guild.id,
            seed=seed,
            marker=word,
            image=image.name if image else None,
        ) as operation:
            with suppress(NoResponseError):
                reply = await self.member.slash(
                    *("imagine",),
                    include=f"a red circle {word}",
                    size="64x64",
                    count=1 if step.seconds < sum(PAUSE) / 2 else 4,
                    steps=10 + int(step.which * 8),
                    seed=seed,
                    **options,
                )
                interaction = reply.interaction_id
                operation.result |= {"acknowledged": True, "interaction": interaction}
                await self._follow(operation, interaction, seed)
            if image and operation.outcome is Outcome.OK:
                with suppress(sqlite3.Error):
                    operation.result["uploads"] = await asyncio.to_thread(
                        uploads_of, self.world.database, seed
                    )

    async def _follow(self, operation: Operation, interaction: int, seed: int) -> None:
        def job_message_or_reason() -> list[Payload]:
            shown = [each for each in self.listener.messages.values() if seed_on(each) == seed]
            return shown or self.listener.answers(interaction)

        with suppress(TimeoutError):
            (first, *_) = await self.listener.wait_for(job_message_or_reason, PATIENCE)
            if seed_on(first) == seed:
                operation.outcome = Outcome.OK
                operation.result["job"] = job_on(first)
            else:
                operation.outcome = Outcome.FAIL
                operation.result["reason"] = text_of(first)

    async def _cancel(self, step: Step) -> None:
        if message := _choose(self.own_job_messages(*WAITING_TITLES), step):
            with self._operation("cancel", message) as operation, suppress(NoResponseError):
                reply = await self.member.slash("cancel", job=job_on(message) or 0)
                await self.wait_for_response(operation, reply, r"was cancelled\.")

    async def _cancel_button(self, step: Step) -> None:
        if message := _choose(self.own_job_messages(*WAITING_TITLES), step):
            with self._operation("cancel button", message) as operation:
                number = int(message["id"])
                with suppress(NoResponseError):
                    press = await self.member.press(
                        MessageView(message), f"imagine:cancel:{job_on(message)}"
                    )

                    def ended() -> bool:
                        now = self.listener.messages.get(number)
                        return bool(self.listener.answers(press.interaction_id)) or (
                            now is not None and title_of(now) not in WAITING_TITLES
                        )

                    with suppress(TimeoutError):
                        await self.listener.wait_for(ended, PATIENCE)
                        now = self.listener.messages.get(number)
                        if now and title_of(now) == "Cancelled":
                            operation.outcome = Outcome.OK

    async def _delete(self, step: Step) -> None:
        deletable = [
            each
            for each in self.own_job_messages("Painted")
            if f"imagine:delete:{job_on(each)}" in custom_ids(each)  # several images hide it
        ]
        if message := _choose(deletable, step):
            with self._operation("delete", message) as operation:
                try:
                    confirmation = await self.member.press(
                        MessageView(message), f"imagine:delete:{job_on(message)}"
                    )
                except NoResponseError:
                    operation.outcome = Outcome.FAIL  # the button only asks for confirmation
                    return
                if confirmation.message is None or not custom_ids(confirmation.message.raw):
                    operation.outcome = Outcome.FAIL
                    return
                with suppress(NoResponseError):
                    (confirm_id,) = custom_ids(confirmation.message.raw)
                    press = await self.member.press(confirmation.message, confirm_id)
                    await self.wait_for_edit(
                        operation, confirmation.message.id, press, r"was deleted\."
                    )

    async def _delete_all(self, step: Step) -> None:
        with self.history.operation(
            self.member.name, "delete all", member=self.member.id
        ) as operation:
            message = None
            try:
                reply = await self.member.slash("privacy")
                (message, *_) = await self.listener.wait_for(
                    lambda: [
                        each
                        for each in self.listener.answers(reply.interaction_id)
                        if f"imagine:forget:{self.member.id}" in custom_ids(each)
                    ],
                    PATIENCE,
                )
            except (NoResponseError, TimeoutError):
                operation.outcome = Outcome.FAIL  # nothing has been pressed yet
                return
            with suppress(NoResponseError):
                view = MessageView(message)
                press = await self.member.press(view, f"imagine:forget:{self.member.id}")
                await self.wait_for_edit(operation, view.id, press, r"Deleted \d+ request")

    async def _report(self, step: Step) -> None:
        if message := _choose(self.job_messages("Painted", "In the queue"), step):
            member = self.member.at(int(message["channel_id"]))
            with self._operation("report", message) as operation, suppress(NoResponseError):
                opened = await member.use_menu("Report to moderators", MessageView(message))
                if opened.kind != "modal":
                    operation.outcome = Outcome.FAIL
                    return
                reply = await member.submit(opened, reason="not nice")
                await self.wait_for_response(operation, reply, r"Thank you|already reported")

    def _operation(self, name: str, message: Payload) -> AbstractContextManager[Operation]:
        return self.history.operation(
            self.member.name,
            name,
            member=self.member.id,
            guild=self.guild.id,
            job=job_on(message),
        )


class Moderator(Client):
    """A moderator."""

    def __init__(
        self, world: World, history: History, listener: Listener, guild: Guild, member: Member
    ) -> None:
        super().__init__(world, history, listener, guild, member)
        self.handlers = {
            "mod cancel": self._cancel,
            "moderator's cancel": self._cancel_in_channel,
            "mod delete": self._delete,
            "mod clear": self._clear,
            "mod pause": self._pause_for_a_while,
            "mod block": self._block_for_a_while,
        }

    async def resume(self) -> None:
        """Ends a pause, if there is one."""
        await self.snapshot()
        await self._command("mod resume", r"is running again")
        await self.snapshot()

    async def unblock(self, member: int) -> None:
        """Ends a block, if there is one."""
        await self._command("mod unblock", r"can request images again", member=member)

    async def _command(self, name: str, expected: str, **options: int) -> Operation:
        arguments = {"guild": self.guild.id, "by": self.member.id} | options
        sent = {key: str(value) if key == "member" else value for key, value in options.items()}
        with (
            self.history.operation(self.member.name, name, **arguments) as operation,
            suppress(NoResponseError),
        ):
            reply = await self.member.slash(name, **sent)
            await self.wait_for_response(operation, reply, expected)
        return operation

    async def _cancel(self, step: Step) -> None:
        if message := _choose(self.job_messages(*WAITING_TITLES), step):
            await self._command("mod cancel", r"was cancelled\.", job=job_on(message) or 0)

    async def _cancel_in_channel(self, step: Step) -> None:
        """Uses `/cancel` in the member's channel, as moderators may."""
        if message := _choose(self.job_messages(*WAITING_TITLES), step):
            member = self.member.at(int(message["channel_id"]))
            with (
                self.history.operation(
                    self.member.name,
                    "moderator's cancel",
                    guild=self.guild.id,
                    by=self.member.id,
                    job=job_on(message),
                ) as operation,
                suppress(NoResponseError),
            ):
                reply = await member.slash("cancel", job=job_on(message) or 0)
                await self.wait_for_response(operation, reply, r"was cancelled\.")

    async def _delete(self, step: Step) -> None:
        """Closes the oldest report by deleting its image."""
        with self.history.operation(
            self.member.name, "mod delete", guild=self.guild.id, by=self.member.id
        ) as operation:
            try:
                reply = await self.member.slash("mod reports")
                (message, *_) = await self.listener.wait_for(
                    lambda: self.listener.answers(reply.interaction_id), PATIENCE
                )
            except (NoResponseError, TimeoutError):
                operation.outcome = Outcome.FAIL  # nothing has been pressed yet
                return
            buttons = [each for each in custom_ids(message) if each.endswith(":delete")]
            if not buttons:
                operation.outcome = Outcome.FAIL
                return
            operation.result["job"] = job_on(message)
            with suppress(NoResponseError):
                press = await self.member.press(MessageView(message), buttons[0])
                await self.wait_for_edit(operation, int(message["id"]), press, r"done by")
        await self.snapshot()

    async def _clear(self, step: Step) -> None:
        with self.history.operation(
            self.member.name, "mod clear", guild=self.guild.id, by=self.member.id
        ) as operation:
            try:
                reply = await self.member.slash("mod clear")
                (message, *_) = await self.listener.wait_for(
                    lambda: self.listener.answers(reply.interaction_id), PATIENCE
                )
            except (NoResponseError, TimeoutError):
                operation.outcome = Outcome.FAIL
                return
            buttons = [each for each in custom_ids(message) if each.startswith("imagine:clear:")]
            if not buttons:
                operation.outcome = Outcome.FAIL
                return
            with suppress(NoResponseError):
                press = await self.member.press(MessageView(message), buttons[0])
                text = await self.wait_for_edit(
                    operation, int(message["id"]), press, r"\d+ jobs? cancelled"
                )
                if found := re.search(r"(\d+) jobs? cancelled", text):
                    operation.result["cancelled"] = int(found[1])
        await self.snapshot()

    async def _pause_for_a_while(self, step: Step) -> None:
        await self._command("mod pause", r"^Imagine is paused")
        await self.snapshot()
        await asyncio.sleep(step.seconds)
        await self.resume()

    async def _block_for_a_while(self, step: Step) -> None:
        member = self.guild.members[int(step.which * len(self.guild.members))]
        await self._command("mod block", r"is (permanently )?blocked", member=member)
        await self.snapshot()
        await asyncio.sleep(step.seconds)
        await self.unblock(member)


def _record_outcome(operation: Operation, text: str, expected: str) -> str:
    operation.result["answer"] = text
    if re.search(expected, text):
        operation.outcome = Outcome.OK
    elif not UNCLEAR.search(text):
        operation.outcome = Outcome.FAIL
    return text


def _choose(messages: list[Payload], step: Step) -> Payload | None:
    """One of the most recent messages."""
    latest = messages[-8:]
    return latest[int(step.which * len(latest))] if latest else None
