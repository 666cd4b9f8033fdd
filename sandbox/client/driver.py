"""Drives a sandbox from outside: scripted members who type, press, wait and look.

Tests in the same process and programs in another one use the same client.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp

from sandbox.discord.commands import OptionError
from sandbox.discord.fields import InteractionError

Payload = dict[str, Any]

PATIENCE = 30.0
"""Seconds that a member waits for something unless told otherwise."""

_LOADING, _EPHEMERAL = 1 << 7, 1 << 6
_BUTTON, _TEXT_INPUT, _TEXT, _SELECTS = 2, 4, 10, (3, 5, 6, 7, 8)
_LINE_LIMIT = 1 << 22


class NoResponseError(RuntimeError):
    """The bot did not answer within 3 s: "The application did not respond"."""


@dataclass(frozen=True, slots=True)
class File:
    """An attachment as a member sees it."""

    filename: str
    url: str
    size: int
    content_type: str
    width: int | None
    height: int | None


@dataclass(frozen=True, slots=True)
class Button:
    """A button on a message; `custom_id` is empty for a link."""

    label: str
    custom_id: str
    disabled: bool


@dataclass(frozen=True, slots=True)
class Select:
    """A select menu on a message; `values` are what it offers, where it says so itself."""

    custom_id: str
    placeholder: str
    values: tuple[str, ...]
    disabled: bool


@dataclass(frozen=True, slots=True)
class Role:
    """A role of the guild."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel of the guild, or a thread."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Message:
    """A message as a member sees it; `raw` is Discord's own payload."""

    raw: Payload

    @property
    def id(self) -> int:
        return int(self.raw["id"])

    @property
    def channel_id(self) -> int:
        return int(self.raw["channel_id"])

    @property
    def author(self) -> str:
        user = self.raw["author"]
        return str(user["global_name"] or user["username"])

    @property
    def content(self) -> str:
        return str(self.raw["content"])

    @property
    def embeds(self) -> list[Payload]:
        return list(self.raw["embeds"])

    @property
    def loading(self) -> bool:
        """Whether it still reads "Imagine is thinking…"."""
        return bool(self.raw["flags"] & _LOADING)

    @property
    def ephemeral(self) -> bool:
        return bool(self.raw["flags"] & _EPHEMERAL)

    @property
    def edited(self) -> bool:
        return self.raw["edited_timestamp"] is not None

    @property
    def nonce(self) -> str | None:
        nonce = self.raw.get("nonce")
        return None if nonce is None else str(nonce)

    @property
    def files(self) -> list[File]:
        """What hangs on it, and the pictures in its embeds."""
        found = [_file(each) for each in self.raw["attachments"]]
        for embed in self.raw["embeds"]:
            for place in ("image", "thumbnail"):
                if place in embed:
                    found.append(_file(embed[place]))
        return found

    @property
    def text(self) -> str:
        """All that can be read on it: content, then titles, descriptions and fields."""
        lines = [self.content]
        for embed in self.raw["embeds"]:
            lines += [embed.get("author", {}).get("name", ""), embed.get("title", "")]
            lines.append(embed.get("description", ""))
            lines += [f"{entry['name']}: {entry['value']}" for entry in embed.get("fields", ())]
            lines.append(embed.get("footer", {}).get("text", ""))
        lines += [part["content"] for part in _parts(self.raw) if part["type"] == _TEXT]
        return "\n".join(line for line in lines if line)

    @property
    def buttons(self) -> list[Button]:
        parts = [part for part in _parts(self.raw) if part["type"] == _BUTTON]
        return [
            Button(
                str(part.get("label") or part.get("emoji", {}).get("name", "")),
                str(part.get("custom_id", "")),
                bool(part.get("disabled")),
            )
            for part in parts
        ]

    @property
    def selects(self) -> list[Select]:
        return [
            Select(
                str(part["custom_id"]),
                str(part.get("placeholder", "")),
                tuple(str(option["value"]) for option in part.get("options", ())),
                bool(part.get("disabled")),
            )
            for part in _parts(self.raw)
            if part["type"] in _SELECTS
        ]


@dataclass(frozen=True, slots=True)
class Change:
    """Something that a member saw happen: an event's name, and the message as it now is."""

    name: str
    message: Message | None
    data: Payload


@dataclass(frozen=True, slots=True)
class Reply:
    """The first answer to a command or a press.

    Attributes:
        kind: `message`, `deferred` ("thinking…"), `update`, `deferred_update`, `modal`, `choices`.
        message: the message that was sent, will be filled or was changed.
    """

    kind: str
    interaction_id: int
    message: Message | None
    modal: Payload | None
    choices: list[Payload]

    @property
    def fields(self) -> dict[str, str]:
        """The text fields of the form that was opened, with what stands in them."""
        texts = [part for part in _parts(self.modal or {}) if part["type"] == _TEXT_INPUT]
        return {part["custom_id"]: part.get("value") or "" for part in texts}


class SandboxClient:
    """A connection to a sandbox's control API."""

    def __init__(self, url: str, control_token: str) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {control_token}"}
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def start(self) -> None:
        """Open the connection."""
        self._session = aiohttp.ClientSession(
            headers=self._headers,
            timeout=aiohttp.ClientTimeout(total=None),
            connector=aiohttp.TCPConnector(limit=0),
            read_bufsize=_LINE_LIMIT,
        )

    async def close(self) -> None:
        """Close it."""
        if self._session is not None:
            await self._session.close()

    @property
    def session(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("The client is not started.")
        return self._session

    async def get(self, path: str, **query: str) -> Any:
        """What the control API answers to a GET."""
        async with self.session.get(f"{self._url}/sandbox{path}", params=query) as response:
            return await _read(response)

    async def text(self, path: str, **query: str) -> str:
        """What the control API answers with a page or a text."""
        async with self.session.get(f"{self._url}/sandbox{path}", params=query) as response:
            if response.status >= 400:
                await _read(response)
            return await response.text()

    async def events(self, path: str, **query: str) -> AsyncGenerator[tuple[str, Payload], None]:
        """The server-sent events of a stream: name and data of each."""
        async with self.session.get(f"{self._url}/sandbox{path}", params=query) as stream:
            name = ""
            async for line in stream.content:
                key, _, rest = line.decode().rstrip("\n").partition(": ")
                if key == "event":
                    name = rest
                elif key == "data":
                    yield name, json.loads(rest)

    async def post(self, path: str, wish: Payload) -> Any:
        """What the control API answers to a POST."""
        async with self.session.post(f"{self._url}/sandbox{path}", json=wish) as response:
            return await _read(response)

    async def describe(self) -> Payload:
        """Guild, channels, the bot, and whether it is connected."""
        described: Payload = await self.get("")
        return described

    async def commands(self) -> list[Payload]:
        """The commands that the bot has registered."""
        registered: list[Payload] = await self.get("/commands")
        return registered

    async def wait_for_command(self, name: str, *, patience: float = PATIENCE) -> None:
        """Wait until the bot is connected and has registered a command."""
        async with asyncio.timeout(patience):
            await self.get("/ready", command=name)

    async def requests(self) -> list[Payload]:
        """Every request of the bot and the engine so far."""
        recorded: list[Payload] = await self.get("/requests")
        return recorded

    async def member(
        self, name: str, *, permissions: int = 0, roles: Iterable[Role] = (), locale: str = "en-US"
    ) -> "Member":
        """A new member of the guild, looking at its first channel."""
        wish = {"name": name, "permissions": permissions, "locale": locale}
        joined = await self.post("/members", {**wish, "roles": [str(role.id) for role in roles]})
        channel = (await self.describe())["channel"]
        return Member(self, int(joined["user"]["id"]), name, int(channel["id"]))

    async def role(self, name: str, *, permissions: int = 0) -> Role:
        """A new role of the guild."""
        made = await self.post("/roles", {"name": name, "permissions": int(permissions)})
        return Role(int(made["id"]), name)

    async def everyone(self) -> Role:
        """The role that every member has."""
        return Role(int((await self.describe())["guild"]["id"]), "@everyone")

    async def channel(self, name: str, *, nsfw: bool = False) -> Channel:
        """A new text channel of the guild, age-restricted or not."""
        made = await self.post("/channels", {"name": name, "nsfw": nsfw})
        return Channel(int(made["id"]), name)

    async def all_channels(self) -> Channel:
        """What stands for all channels together in `override`."""
        return Channel(int((await self.describe())["guild"]["id"]) - 1, "all channels")

    async def archive(self, thread: Channel) -> None:
        """Archive a thread: nothing in it can be edited until somebody writes there."""
        await self.post(f"/channels/{thread.id}/archive", {})

    async def overwrite(
        self, channel: Channel, subject: "Role | Member", *, allow: int = 0, deny: int = 0
    ) -> None:
        """Set what a role or member may or may not do in a channel."""
        wish = {"subject": str(subject.id), "allow": int(allow), "deny": int(deny)}
        await self.post(f"/channels/{channel.id}/overwrites", wish)

    async def override(
        self, command: str | None, decisions: "Mapping[Role | Member | Channel, bool]"
    ) -> None:
        """Decide as an administrator who may use a command and where, in place of before.

        Args:
            command: its name; None decides for all of the bot's commands.
            decisions: yes or no for each; an empty one leaves the command's own default.
        """
        wish = {str(subject.id): allowed for subject, allowed in decisions.items()}
        await self.post("/commands/permissions", {"command": command, "decisions": wish})

    async def set_guild_locale(self, locale: str) -> None:
        """Choose the guild's language."""
        await self.post("/guild", {"locale": locale})

    async def upload(self, filename: str, content: bytes) -> int:
        """Put a file where an option can name it; returns its id."""
        address = f"{self._url}/sandbox/uploads"
        async with self.session.post(
            address, params={"filename": filename}, data=content
        ) as response:
            return int((await _read(response))["id"])

    async def download(self, url: str) -> bytes:
        """A file from the sandbox's CDN."""
        async with self.session.get(url) as response:
            response.raise_for_status()
            return await response.read()


class Member:
    """A person in a channel, with hands and eyes.

    Attributes:
        channel_id: the channel looked at; set it to look elsewhere.
    """

    def __init__(self, client: SandboxClient, user_id: int, name: str, channel_id: int) -> None:
        self._client = client
        self.id = user_id
        self.name = name
        self.channel_id = channel_id

    async def slash(self, command: str, /, **options: "Value") -> Reply:
        """Type a slash command and wait for the first answer.

        Args:
            command: its name, with subcommands after a space: `mod queue`.
            options: values by option name; a `Path` is uploaded as an attachment, members, roles
                and channels are chosen as they are.

        Raises:
            OptionError: Discord's client would not send it.
            NoResponseError: the bot did not answer within 3 s.
        """
        typed = {name: await self._sent(value) for name, value in options.items()}
        return await self._ask("/commands/run", {"command": command, "options": typed})

    async def complete(
        self, command: str, focused: str, /, **options: str | int | float | bool
    ) -> list[Payload]:
        """The choices that the bot offers while `focused` is being typed."""
        wish = {"command": command, "options": options, "focused": focused}
        return (await self._ask("/commands/complete", wish)).choices

    async def commands(self) -> list[Payload]:
        """What can be chosen from in this channel, in this member's language."""
        path = f"/channels/{self.channel_id}/commands"
        shown: list[Payload] = await self._client.get(path, member=str(self.id))
        return shown

    async def use_menu(self, name: str, target: "Message | Member") -> Reply:
        """Choose an entry in the menu of a message, or of a member.

        Raises:
            OptionError: there is no such entry for this member.
            NoResponseError: the bot did not answer within 3 s.
        """
        if isinstance(target, Message):
            wish = {"name": name, "message": str(target.id)}
            return await self._ask("/menus/use", wish, channel_id=target.channel_id)
        return await self._ask("/menus/use", {"name": name, "target": str(target.id)})

    async def press(self, message: Message, custom_id: str) -> Reply:
        """Press a button by its custom id.

        Raises:
            InteractionError: it is not there, disabled, or not to be seen.
            NoResponseError: the bot did not answer within 3 s.
        """
        wish = {"message": str(message.id), "custom_id": custom_id}
        return await self._ask("/components/use", wish, channel_id=message.channel_id)

    async def choose(
        self, message: Message, custom_id: str, *values: "str | Role | Channel | Member"
    ) -> Reply:
        """Choose in a select menu."""
        sent = [await self._sent(value) for value in values]
        wish = {"message": str(message.id), "custom_id": custom_id, "values": sent}
        return await self._ask("/components/use", wish, channel_id=message.channel_id)

    async def submit(self, opened: Reply, **values: "Value | list[Value]") -> Reply:
        """Fill in and send the form that a reply opened, by custom id of its fields.

        A list is for fields in which several are chosen; a `Path` is uploaded.
        """
        sent = {
            name: [await self._sent(each) for each in value]
            if isinstance(value, list)
            else await self._sent(value)
            for name, value in values.items()
        }
        wish = {"interaction": str(opened.interaction_id), "values": sent}
        return await self._ask("/modals/submit", wish)

    async def say(self, content: str, *files: Path) -> Message:
        """Write a plain message, with files or without."""
        sent = [await self._sent(file) for file in files]
        wish = {"member": str(self.id), "content": content, "files": sent}
        return Message(await self._client.post(f"/channels/{self.channel_id}/messages", wish))

    def at(self, channel: Channel | int) -> "Member":
        """The same person, looking at another channel."""
        number = channel if isinstance(channel, int) else channel.id
        return Member(self._client, self.id, self.name, number)

    async def direct(self) -> "Member":
        """The same person, looking at the direct messages with the bot."""
        opened = await self._client.post("/members/direct", {"member": str(self.id)})
        return self.at(int(opened["id"]))

    async def open_thread(self, name: str) -> Channel:
        """Begin a public thread below the channel looked at."""
        wish = {"member": str(self.id), "name": name}
        opened = await self._client.post(f"/channels/{self.channel_id}/threads", wish)
        return Channel(int(opened["id"]), name)

    async def take_direct_messages(self, take: bool) -> None:
        """Open or close one's direct messages."""
        wish = {"member": str(self.id), "direct_messages": take}
        await self._client.post("/members/settings", wish)

    async def set_locale(self, locale: str) -> None:
        """Choose one's language: `de`, `es-ES`, `ja`."""
        await self._client.post("/members/settings", {"member": str(self.id), "locale": locale})

    async def add_role(self, role: Role) -> None:
        """Get a role."""
        await self._change_role(role, has=True)

    async def remove_role(self, role: Role) -> None:
        """Lose a role."""
        await self._change_role(role, has=False)

    async def leave(self) -> None:
        """Leave the guild."""
        await self._client.post("/members/leave", {"member": str(self.id)})

    async def messages(self) -> list[Message]:
        """What stands in the channel, oldest first."""
        path = f"/channels/{self.channel_id}/messages"
        return [Message(raw) for raw in await self._client.get(path, member=str(self.id))]

    async def message(self, message_id: int) -> Message | None:
        """One message as it stands now; None once it is gone."""
        return next((each for each in await self.messages() if each.id == message_id), None)

    async def watch(self) -> AsyncGenerator[Change, None]:
        """The channel's messages as they stand, then every change, as it happens."""
        path = f"/channels/{self.channel_id}/events"
        async with aclosing(self._client.events(path, member=str(self.id))) as events:
            async for name, data in events:
                whole = name in ("MESSAGE_CREATE", "MESSAGE_UPDATE")
                yield Change(name, Message(data) if whole else None, data)

    async def wait_for(
        self, condition: Callable[[Message], bool], *, patience: float = PATIENCE
    ) -> Message:
        """Wait until a message in the channel, old or new, is as wanted.

        Raises:
            TimeoutError: it was not, within `patience` seconds.
        """
        async with asyncio.timeout(patience), aclosing(self.watch()) as changes:
            async for change in changes:
                if change.message is not None and condition(change.message):
                    return change.message
        raise InteractionError("The channel's stream ended.")

    async def wait_filled(self, reply: Reply, *, patience: float = PATIENCE) -> Message:
        """Wait until "thinking…" has become a message."""
        if reply.message is None:
            raise InteractionError(f"A reply of kind {reply.kind!r} has no message.")
        wanted = reply.message.id
        return await self.wait_for(lambda m: m.id == wanted and not m.loading, patience=patience)

    async def download(self, file: File) -> bytes:
        """The bytes of an attachment."""
        return await self._client.download(file.url)

    async def transcript(self, form: str = "text") -> str:
        """The channel as this member sees it, as `text` (Markdown) or `html` (one page)."""
        path = f"/channels/{self.channel_id}/transcript"
        return await self._client.text(path, member=str(self.id), format=form)

    async def _change_role(self, role: Role, *, has: bool) -> None:
        wish = {"member": str(self.id), "role": str(role.id), "has": has}
        await self._client.post("/members/roles", wish)

    async def _sent(self, value: "Value") -> str | int | float | bool:
        """A value as it goes over the line: what has an id by its id, a file put up first."""
        if isinstance(value, Path):
            content = await asyncio.to_thread(value.read_bytes)
            return str(await self._client.upload(value.name, content))
        return str(value.id) if isinstance(value, Member | Role | Channel) else value

    async def _ask(self, path: str, wish: Payload, *, channel_id: int | None = None) -> Reply:
        place = {"member": str(self.id), "channel": str(channel_id or self.channel_id)}
        outcome = await self._client.post(path, {**place, **wish})
        if outcome["kind"] == "failed":
            raise NoResponseError(outcome["error"])
        return Reply(
            kind=outcome["kind"],
            interaction_id=int(outcome["interaction_id"]),
            message=Message(outcome["message"]) if "message" in outcome else None,
            modal=outcome.get("modal"),
            choices=outcome.get("choices", []),
        )


Value = str | int | float | bool | Path | Member | Role | Channel
"""What a member can put into an option or a field."""


def _parts(part: Payload) -> Iterator[Payload]:
    """All components within a message, a form or a component, from top to bottom."""
    inner = [*part.get("components", ()), part.get("component"), part.get("accessory")]
    for each in inner:
        if isinstance(each, dict):
            yield each
            yield from _parts(each)


async def _read(response: aiohttp.ClientResponse) -> Any:
    body = await response.json()
    if response.status == 422:
        raise OptionError(body["option"], body["reason"])
    if response.status >= 400:
        raise InteractionError(body["error"])
    return body


def _file(raw: Payload) -> File:
    url = str(raw["url"])
    return File(
        filename=str(raw.get("filename") or url.split("?")[0].rsplit("/", 1)[-1]),
        url=url,
        size=int(raw.get("size", 0)),
        content_type=str(raw.get("content_type", "")),
        width=raw.get("width"),
        height=raw.get("height"),
    )
