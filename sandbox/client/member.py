"""Scripted members, who run commands, press buttons, post messages and watch channels."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Protocol

from sandbox.client.http import ControlApi
from sandbox.client.views import Change, ChannelRef, File, MessageView, Payload, Reply, RoleRef
from sandbox.discord.client_errors import InteractionError

PATIENCE = 120.0
"""How long a member waits by default, in seconds."""


class NoResponseError(RuntimeError):
    """The bot did not respond within 3 s: "The application did not respond"."""


class HasId(Protocol):
    """A role, member or channel."""

    @property
    def id(self) -> int: ...


class Member:
    """A person in a channel.

    Attributes:
        channel_id: the current channel; set it to go to another one.
    """

    def __init__(self, api: ControlApi, user_id: int, name: str, channel_id: int) -> None:
        self._api = api
        self.id = user_id
        self.name = name
        self.channel_id = channel_id

    async def slash(self, command: str, /, **options: "Value") -> Reply:
        """Run a slash command and wait for the first response.

        Args:
            command: its name, with subcommands after a space, such as `mod queue`.
            options: values by option name. A `Path` is uploaded as an attachment; members, roles
                and channels are sent by their ids.

        Raises:
            OptionError: Discord's client would not send it.
            NoResponseError: the bot did not respond within 3 s.
        """
        typed = {name: await self._sent(value) for name, value in options.items()}
        return await self._ask("/commands/run", {"command": command, "options": typed})

    async def complete(
        self, command: str, focused: str, /, **options: str | int | float | bool
    ) -> list[Payload]:
        """The choices that the bot offers while the member types into `focused`."""
        body = {"command": command, "options": options, "focused": focused}
        return (await self._ask("/commands/complete", body)).choices

    async def commands(self) -> list[Payload]:
        """The commands that this member can use in this channel, in their language."""
        path = f"/channels/{self.channel_id}/commands"
        shown: list[Payload] = await self._api.get(path, member=str(self.id))
        return shown

    async def use_menu(self, name: str, target: "MessageView | Member") -> Reply:
        """Use an entry in the context menu of a message, or of a member.

        Raises:
            OptionError: there is no such entry for this member.
            NoResponseError: the bot did not respond within 3 s.
        """
        if isinstance(target, MessageView):
            body = {"name": name, "message": str(target.id)}
            return await self._ask("/menus/use", body, channel_id=target.channel_id)
        return await self._ask("/menus/use", {"name": name, "target": str(target.id)})

    async def press(self, message: MessageView, custom_id: str) -> Reply:
        """Press a button by its custom id.

        Raises:
            InteractionError: it does not exist, is disabled, or is not visible.
            NoResponseError: the bot did not respond within 3 s.
        """
        body = {"message": str(message.id), "custom_id": custom_id}
        return await self._ask("/components/use", body, channel_id=message.channel_id)

    async def choose(
        self, message: MessageView, custom_id: str, *values: "str | RoleRef | ChannelRef | Member"
    ) -> Reply:
        """Choose in a select menu."""
        sent = [await self._sent(value) for value in values]
        body = {"message": str(message.id), "custom_id": custom_id, "values": sent}
        return await self._ask("/components/use", body, channel_id=message.channel_id)

    async def submit(self, opened: Reply, **values: "Value | list[Value]") -> Reply:
        """Fill in and submit the modal that a reply opened. Values are by custom id.

        A list is for fields that take several values; a `Path` is uploaded.
        """
        sent = {
            name: [await self._sent(each) for each in value]
            if isinstance(value, list)
            else await self._sent(value)
            for name, value in values.items()
        }
        body = {"interaction": str(opened.interaction_id), "values": sent}
        return await self._ask("/modals/submit", body)

    async def say(self, content: str, *files: Path) -> MessageView:
        """Post a plain message, with or without files."""
        sent = [await self._sent(file) for file in files]
        body = {"member": str(self.id), "content": content, "files": sent}
        return MessageView(await self._api.post(f"/channels/{self.channel_id}/messages", body))

    async def forward(self, message: MessageView, to: ChannelRef | int) -> MessageView:
        """Forward a message to another channel."""
        target = to if isinstance(to, int) else to.id
        body = {"member": str(self.id), "message": str(message.id), "to": str(target)}
        posted = await self._api.post(f"/channels/{message.channel_id}/forwards", body)
        return MessageView(posted)

    async def react(self, message: MessageView, emoji: str) -> None:
        """Add a reaction to a message."""
        await self._change_reaction(message, emoji, add=True)

    async def unreact(self, message: MessageView, emoji: str) -> None:
        """Remove the member's own reaction from a message."""
        await self._change_reaction(message, emoji, add=False)

    async def vote(self, message: MessageView, *answers: str) -> None:
        """Vote for these answers of a poll instead of any earlier ones; none removes the vote."""
        body = {
            "member": str(self.id),
            "message": str(message.id),
            "answers": [message.answer_ids[answer] for answer in answers],
        }
        await self._api.post(f"/channels/{message.channel_id}/votes", body)

    def at(self, channel: ChannelRef | int) -> "Member":
        """The same person in another channel."""
        number = channel if isinstance(channel, int) else channel.id
        return Member(self._api, self.id, self.name, number)

    async def direct(self) -> "Member":
        """The same person in their direct messages with the bot."""
        opened = await self._api.post("/members/direct", {"member": str(self.id)})
        return self.at(int(opened["id"]))

    async def open_thread(self, name: str) -> ChannelRef:
        """Start a public thread in the current channel."""
        body = {"member": str(self.id), "name": name}
        opened = await self._api.post(f"/channels/{self.channel_id}/threads", body)
        return ChannelRef(int(opened["id"]), name)

    async def accept_direct_messages(self, accept: bool) -> None:
        """Set whether the member accepts direct messages."""
        body = {"member": str(self.id), "direct_messages": accept}
        await self._api.post("/members/settings", body)

    async def install(self, installed: bool = True) -> None:
        """Add the bot to the member's account, or remove it."""
        await self._api.post("/members/settings", {"member": str(self.id), "installed": installed})

    async def set_locale(self, locale: str) -> None:
        """Set the member's language, such as `de`, `es-ES` or `ja`."""
        await self._api.post("/members/settings", {"member": str(self.id), "locale": locale})

    async def add_role(self, role: RoleRef) -> None:
        """Give the member a role."""
        await self._change_role(role, has=True)

    async def remove_role(self, role: RoleRef) -> None:
        """Take a role away."""
        await self._change_role(role, has=False)

    async def leave(self) -> None:
        """Leave the guild."""
        await self._api.post("/members/leave", {"member": str(self.id)})

    async def messages(self) -> list[MessageView]:
        """The messages in the channel, oldest first."""
        path = f"/channels/{self.channel_id}/messages"
        return [MessageView(raw) for raw in await self._api.get(path, member=str(self.id))]

    async def message(self, message_id: int) -> MessageView | None:
        """One message as it is now; None if it was deleted."""
        return next((each for each in await self.messages() if each.id == message_id), None)

    async def watch(self) -> AsyncGenerator[Change, None]:
        """The channel's current messages, then every change as it happens."""
        path = f"/channels/{self.channel_id}/events"
        async with aclosing(self._api.events(path, member=str(self.id))) as events:
            async for name, data in events:
                whole = name in ("MESSAGE_CREATE", "MESSAGE_UPDATE")
                yield Change(name, MessageView(data) if whole else None, data)

    async def wait_for(
        self, condition: Callable[[MessageView], bool], *, patience: float = PATIENCE
    ) -> MessageView:
        """Wait until a message in the channel, old or new, meets a condition.

        Raises:
            TimeoutError: none did within `patience` seconds.
        """
        async with asyncio.timeout(patience), aclosing(self.watch()) as changes:
            async for change in changes:
                if change.message is not None and condition(change.message):
                    return change.message
        raise InteractionError("The channel's stream ended.")

    async def wait_filled(self, reply: Reply, *, patience: float = PATIENCE) -> MessageView:
        """Wait until "thinking…" has become a message."""
        if reply.message is None:
            raise InteractionError(f"A reply of kind {reply.kind!r} has no message.")
        wanted = reply.message.id
        return await self.wait_for(lambda m: m.id == wanted and not m.loading, patience=patience)

    async def download(self, file: File) -> bytes:
        """The bytes of an attachment."""
        return await self._api.download(file.url)

    async def transcript(self, form: str = "text") -> str:
        """The channel as this member sees it, as `text` (Markdown) or `html` (one page)."""
        path = f"/channels/{self.channel_id}/transcript"
        return await self._api.text(path, member=str(self.id), format=form)

    async def _change_reaction(self, message: MessageView, emoji: str, *, add: bool) -> None:
        path = f"/channels/{message.channel_id}/reactions"
        body = {"member": str(self.id), "message": str(message.id), "emoji": emoji, "add": add}
        await self._api.post(path, body)

    async def _change_role(self, role: RoleRef, *, has: bool) -> None:
        body = {"member": str(self.id), "role": str(role.id), "has": has}
        await self._api.post("/members/roles", body)

    async def _sent(self, value: "Value") -> str | int | float | bool:
        """A value as it is sent: anything with an id by its id, a file once uploaded."""
        if isinstance(value, Path):
            content = await asyncio.to_thread(value.read_bytes)
            return str(await self._api.upload(value.name, content))
        return str(value.id) if isinstance(value, Member | RoleRef | ChannelRef) else value

    async def _ask(self, path: str, body: Payload, *, channel_id: int | None = None) -> Reply:
        sender = {"member": str(self.id), "channel": str(channel_id or self.channel_id)}
        outcome = await self._api.post(path, {**sender, **body})
        if outcome["kind"] == "failed":
            raise NoResponseError(outcome["error"])
        return Reply(
            kind=outcome["kind"],
            interaction_id=int(outcome["interaction_id"]),
            message=MessageView(outcome["message"]) if "message" in outcome else None,
            modal=outcome.get("modal"),
            choices=outcome.get("choices", []),
        )


Value = str | int | float | bool | Path | Member | RoleRef | ChannelRef
"""What a member can enter in an option or a field."""
