"""`make demo`: the whole product, once, in a terminal.

Starts the local Discord, the bot and the engine as three processes. A scripted member runs
/imagine and watches until the image is finished. The result is kept in `out/`. The options come
from the environment: INCLUDE, EXCLUDE, STEPS and SEED.
"""

import io
import os
import re
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

from PIL import Image

from sandbox.client.control import SandboxClient
from sandbox.client.member import Member
from sandbox.client.views import Change, File, MessageView
from sandbox.processes import Addresses, ProcessError, run_product, run_until_stopped
from sandbox.product import CANCEL_PREFIX, COMMAND

OUT = Path("out")
MIN_SIDE = 512
"""The minimum length of a posted image's longer side, in pixels."""

READY_SECONDS = 120.0

Options = dict[str, str | int]


class DemoError(ProcessError):
    """The demo cannot continue. The message says why."""


async def demo(out: Path, options: Options) -> None:
    """Run /imagine once and wait for the image. Raises DemoError."""
    shutil.rmtree(out / "frames", ignore_errors=True)  # from an earlier run
    (out / "frames").mkdir(parents=True)
    with tempfile.TemporaryDirectory(prefix="imagine-") as folder:
        data = Path(folder)

        async def imagine(addresses: Addresses) -> None:
            url, token = addresses["SANDBOX_URL"], addresses["SANDBOX_TOKEN"]
            async with SandboxClient(url, token) as discord:
                await _imagine(discord, options, out, data)

        await run_product(data, out, imagine)


async def _imagine(discord: SandboxClient, options: Options, out: Path, data: Path) -> None:
    await discord.wait_for_command(COMMAND, patience=READY_SECONDS)
    member = await discord.member("Ada")
    typed = " ".join(f"{name}: {value}" for name, value in options.items())
    print(f"{member.name} types  /{COMMAND} {typed}", flush=True)
    reply = await member.slash(COMMAND, **options)
    if reply.message is None:
        raise DemoError("The bot responded without a message.")
    screen = Screen(member, out)
    async with aclosing(member.watch()) as changes:
        final = await screen.follow(changes, reply.message.id)
    image = await _keep_image(member, final, out)
    timelapse = _keep_timelapse(data, out)
    (out / "transcript.md").write_text(await member.transcript())
    (out / "transcript.html").write_text(await member.transcript("html"))
    print(f"\nimage       {image}")
    print(f"frames      {out / 'frames'}/ ({screen.frames} posted)")
    print(f"timelapse   {timelapse}")
    print(f"transcript  {out / 'transcript.md'}, {out / 'transcript.html'}")


class Screen:
    """Prints what the member sees of one message, and keeps its frames."""

    def __init__(self, member: Member, out: Path) -> None:
        self._member, self._out = member, out
        self._kept: set[str] = set()
        self._line = ""
        self.frames = 0

    async def follow(self, changes: AsyncIterator[Change], message_id: int) -> MessageView:
        """Wait until the job has ended. Returns its message with the image; raises DemoError."""
        async for change in changes:
            message = change.message
            if message is None or (message.id != message_id and not message.ephemeral):
                continue
            if message.ephemeral:
                raise DemoError(f"The bot refused: {_plain(message.text)}")
            if not message.title:
                continue
            title = message.title
            status = _plain(message.text.split("\n")[1].rstrip())
            if not any(button.custom_id.startswith(CANCEL_PREFIX) for button in message.buttons):
                if not any(file.filename.endswith(".png") for file in message.files):
                    raise DemoError(f"{title}: {status}")
                self._print_status(title, status)
                return message
            self._print_status(title, status)
            for file in message.files:
                await self._keep_frame(file)
        raise DemoError("The local Discord stopped before the image was finished.")

    def _print_status(self, title: str, status: str) -> None:
        line = f"{title:<14}{status}"
        if line != self._line:
            self._line = line
            print(line, flush=True)

    async def _keep_frame(self, file: File) -> None:
        if file.filename in self._kept:
            return
        self._kept.add(file.filename)
        content = await self._member.download(file)
        step = re.sub(r"\D", "", Path(file.filename).stem)
        path = self._out / "frames" / f"step-{step:0>4}{Path(file.filename).suffix}"
        path.write_bytes(content)
        self.frames += 1
        print(f"{'':<14}frame {path.name}, {len(content) / 1024:.1f} KiB", flush=True)


def _plain(markdown: str) -> str:
    """A message's text without Markdown, for the terminal."""
    return re.sub(r"\\(.)|\*\*|`", r"\1", markdown)


async def _keep_image(member: Member, message: MessageView, out: Path) -> Path:
    """Save the image of the final message. Raises DemoError if it is small or has no recipe."""
    posted = next(file for file in message.files if file.filename.endswith(".png"))
    content = await member.download(posted)
    path = out / "picture.png"
    path.write_bytes(content)
    with Image.open(io.BytesIO(content)) as image:
        image.load()
        if max(image.size) < MIN_SIDE:
            raise DemoError(f"The image has only {image.width}×{image.height} pixels.")
        if not image.info.get("recipe"):
            raise DemoError("The image does not contain its recipe.")
    return path


def _keep_timelapse(data: Path, out: Path) -> Path:
    found = sorted(data.glob("pictures/*/timelapse.mp4"))
    if not found:
        raise DemoError("The engine saved no timelapse.")
    return Path(shutil.copy(found[-1], out / "timelapse.mp4"))


def _options() -> Options:
    options: Options = {"include": os.environ["INCLUDE"], "count": 1}
    if exclude := os.environ.get("EXCLUDE", ""):
        options["exclude"] = exclude
    for name in ("steps", "seed"):
        if number := os.environ.get(name.upper(), ""):
            if not number.isdecimal():
                raise DemoError(f"{name.upper()} must be a whole number, not {number!r}.")
            options[name] = int(number)
    return options


async def _demo() -> None:
    await demo(OUT, _options())


def main() -> int:
    return run_until_stopped(_demo(), stopped=130)


if __name__ == "__main__":
    sys.exit(main())
