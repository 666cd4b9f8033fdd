"""The whole product, once, in a terminal: `make demo`.

Starts the local Discord, the bot and the engine as three processes; a scripted member asks for a
picture and watches. What stands in the channel at the end is kept in `out/`. The wish comes from
the environment: INCLUDE, EXCLUDE, SEED.
"""

import asyncio
import io
import os
import re
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from pathlib import Path

from PIL import Image

from sandbox.client.driver import Change, File, Member, Message, SandboxClient
from sandbox.processes import ProcessError, alive, local_discord, run_until_stopped, running

OUT = Path("out")
SHORTEST = 512
"""Pixels that the long side of a posted picture has at least."""

READY_SECONDS = 120.0


class DemoError(ProcessError):
    """The demo cannot go on; the message says why."""


async def demo(out: Path, wish: dict[str, str | int]) -> None:
    """Asks for one picture and waits until it stands in the channel. Raises DemoError."""
    shutil.rmtree(out / "frames", ignore_errors=True)  # an earlier picture's
    (out / "frames").mkdir(parents=True)
    async with AsyncExitStack() as stack:
        data = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="imagine-")))
        addresses, _ = await stack.enter_async_context(local_discord(data))
        discord = SandboxClient(addresses["SANDBOX_URL"], addresses["SANDBOX_TOKEN"])
        await stack.enter_async_context(discord)
        environment = {
            **os.environ,
            **addresses,
            "MODEL": "sketch",
            "DATA_DIR": str(data),
            "DATABASE_PATH": str(data / "imagine.db"),
        }
        logs = {name: out / f"{name}.log" for name in ("bot", "engine")}
        processes = [
            await stack.enter_async_context(running(name, environment, log))
            for name, log in logs.items()
        ]
        tasks = [asyncio.create_task(_ask_and_watch(discord, wish, out, data))]
        for process, log in zip(processes, logs.values(), strict=True):
            tasks.append(asyncio.create_task(alive(process, log)))
        try:
            ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                task.result()
        finally:
            for task in tasks:
                task.cancel()


async def _ask_and_watch(
    discord: SandboxClient, wish: dict[str, str | int], out: Path, data: Path
) -> None:
    await discord.wait_for_command("imagine", patience=READY_SECONDS)
    member = await discord.member("Ada")
    typed = " ".join(f"{name}: {value}" for name, value in wish.items())
    print(f"{member.name} types  /imagine {typed}", flush=True)
    reply = await member.slash("imagine", **wish)
    if reply.message is None:
        raise DemoError("The bot answered without a message.")
    screen = Screen(member, out)
    async with aclosing(member.watch()) as changes:
        final = await screen.follow(changes, reply.message.id)
    picture = await _keep(member, final, out)
    timelapse = _timelapse(data, out)
    (out / "transcript.md").write_text(await member.transcript())
    (out / "transcript.html").write_text(await member.transcript("html"))
    print(f"\npicture     {picture}")
    print(f"frames      {out / 'frames'}/ ({screen.frames} posted)")
    print(f"timelapse   {timelapse}")
    print(f"transcript  {out / 'transcript.md'}, {out / 'transcript.html'}")


class Screen:
    """Shows in the terminal what the member sees of one message, and keeps its frames."""

    def __init__(self, member: Member, out: Path) -> None:
        self._member, self._out = member, out
        self._seen: set[str] = set()
        self._line = ""
        self.frames = 0

    async def follow(self, changes: AsyncIterator[Change], message_id: int) -> Message:
        """Until the card says how it ended; the message with the picture. Raises DemoError."""
        async for change in changes:
            message = change.message
            if message is None or (message.id != message_id and not message.ephemeral):
                continue
            if message.ephemeral:
                raise DemoError(f"The bot refused: {_plain(message.text)}")
            if not message.embeds:
                continue
            title = str(message.embeds[0].get("title", ""))
            status = _plain(str(message.embeds[0].get("description", "")).splitlines()[0])
            if title in ("Not painted", "Cancelled"):
                raise DemoError(f"{title}: {status}")
            self._show(title, status)
            if title == "Painted":
                return message
            for file in message.files:
                await self._keep_frame(file)
        raise DemoError("The local Discord stopped before the picture was there.")

    def _show(self, title: str, status: str) -> None:
        line = f"{title:<14}{status}"
        if line != self._line:
            self._line = line
            print(line, flush=True)

    async def _keep_frame(self, file: File) -> None:
        if file.filename in self._seen:
            return
        self._seen.add(file.filename)
        content = await self._member.download(file)
        step = re.sub(r"\D", "", Path(file.filename).stem)
        path = self._out / "frames" / f"step-{step:0>4}{Path(file.filename).suffix}"
        path.write_bytes(content)
        self.frames += 1
        print(f"{'':<14}frame {path.name}, {len(content) / 1024:.1f} KiB", flush=True)


def _plain(markdown: str) -> str:
    """A message's text as a terminal can show it."""
    return re.sub(r"\\(.)|\*\*|`", r"\1", markdown)


async def _keep(member: Member, message: Message, out: Path) -> Path:
    """The picture as it hangs in the channel; raises DemoError unless it is all it should be."""
    posted = [file for file in message.files if file.filename.endswith(".png")]
    if not posted:
        raise DemoError("The card says “Painted”, but no picture hangs on it.")
    content = await member.download(posted[0])
    path = out / "picture.png"
    path.write_bytes(content)
    with Image.open(io.BytesIO(content)) as picture:
        picture.load()
        if max(picture.size) < SHORTEST:
            raise DemoError(f"The picture is only {picture.width}×{picture.height} pixels.")
        if not picture.info.get("recipe"):
            raise DemoError("The picture does not carry its recipe.")
    return path


def _timelapse(data: Path, out: Path) -> Path:
    found = sorted(data.glob("pictures/*/timelapse.mp4"))
    if not found:
        raise DemoError("The engine left no timelapse.")
    return Path(shutil.copy(found[-1], out / "timelapse.mp4"))


def _wish() -> dict[str, str | int]:
    wish: dict[str, str | int] = {"include": os.environ["INCLUDE"]}
    if exclude := os.environ.get("EXCLUDE", ""):
        wish["exclude"] = exclude
    for name in ("steps", "seed"):
        if number := os.environ.get(name.upper(), ""):
            if not number.isdecimal():
                raise DemoError(f"{name.upper()} is a whole number, not {number!r}.")
            wish[name] = int(number)
    return wish


def main() -> int:
    return run_until_stopped(_demo(), stopped=130)


async def _demo() -> None:
    await demo(OUT, _wish())


if __name__ == "__main__":
    sys.exit(main())
