"""`python -m bench.load.attachments`: 60 hostile attachments at once, and an honest one.

Each hostile file is a progressive JPEG of about 10 MB that takes about ten seconds of CPU time to
decode. They come from one member (20 commands with three files each), or from 60 members at once.
Shortly afterwards an honest member attaches an ordinary photo. Discord and the bot are separate
processes; there is no engine.
"""

import argparse
import asyncio
import io
import os
import time
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from bench.load.product import Product, local_product
from bench.markdown import table
from sandbox import Member, NoResponseError, SandboxClient
from tests.hostile_files import jpeg_of_scans

FILES = 60
PER_COMMAND = 3
HOSTILE_BYTES = 10_000_000
HEAD_START = 3.0
"""Head start of the hostile files, in seconds."""
MAX_SECONDS = 5.0
"""The maximum seconds until the honest image is queued."""
MAX_GROWTH_MIB = 200
"""The maximum growth of the bot's memory."""
SAMPLE_SECONDS = 0.1
MIB = 2**20


@dataclass(slots=True)
class Attack:
    """The result of one attack."""

    name: str
    before_attack: float = 0.0
    """Seconds until an honest member's image was queued, before the attack."""
    under_attack: float | None = None
    """The same during the attack; None if it was not queued in time."""
    response: str = ""
    """The response to the honest member, if they were refused."""
    memory_before: int = 0
    """Bytes."""
    memory: list[int] = field(default_factory=list)
    """Bytes of the bot during the attack."""
    refused: int = 0
    """Hostile commands that were refused by the end."""

    @property
    def growth(self) -> float:
        """The peak growth of the bot's memory, in MiB."""
        return (max(self.memory) - self.memory_before) / MIB


class RefusedError(Exception):
    """The honest member was refused; `str(error)` is the response."""


async def measure(name: str, hostile_members: int, seconds: float) -> Attack:
    """One attack on a new bot, watched for this many seconds."""
    attack = Attack(name)
    async with local_product() as (product, discord):
        await product.start("bot")
        await discord.wait_for_command("imagine")
        photo = str(await discord.upload("photo.jpg", await asyncio.to_thread(_photo)))
        honest = await discord.member("Honest")
        attack.before_attack = await _seconds_to_read(honest, photo)
        files = await _hostile_files(discord)
        members = [await discord.member(f"Mallory {n}") for n in range(hostile_members)]
        attack.memory_before = product.resident_bytes("bot")
        watching = asyncio.create_task(_sample_memory(product, attack))
        commands = asyncio.gather(*_commands(members, files))
        await asyncio.sleep(HEAD_START)
        try:
            async with asyncio.timeout(seconds):
                attack.under_attack = await _seconds_to_read(honest, photo)
        except TimeoutError:
            attack.response = "nothing"
        except RefusedError as error:
            attack.response = str(error)
        await commands
        attack.refused = await _refusals(members)
        watching.cancel()
        product.check()
    return attack


def _photo() -> bytes:
    """A photo of twelve megapixels, as from a phone."""
    noise = Image.frombytes("RGB", (500, 375), os.urandom(3 * 500 * 375))
    buffer = io.BytesIO()
    noise.resize((4000, 3000)).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


async def _hostile_files(discord: SandboxClient) -> list[str]:
    """Uploads FILES distinct files; returns their ids."""
    scans = await asyncio.to_thread(jpeg_of_scans, 6320, HOSTILE_BYTES)
    return [
        str(await discord.upload(f"{number}.jpg", scans + number.to_bytes(4, "big")))
        for number in range(FILES)
    ]


def _commands(members: Sequence[Member], files: Sequence[str]) -> list[Awaitable[None]]:
    """Commands with three files each for a single member, otherwise with one file each."""
    per_command = PER_COMMAND if len(members) == 1 else 1
    bundles = [files[n : n + per_command] for n in range(0, len(files), per_command)]
    return [_attack(members[n % len(members)], each) for n, each in enumerate(bundles)]


async def _attack(member: Member, files: Sequence[str]) -> None:
    options = dict(zip(("image", "like", "unlike"), files, strict=False))
    with suppress(NoResponseError):
        await member.slash("imagine", include="a red circle", **options)


async def _seconds_to_read(member: Member, photo: str) -> float:
    """Seconds until the job of a command with this photo is queued. Raises RefusedError."""
    start = time.monotonic()
    reply = await member.slash("imagine", include="a red circle", image=photo)
    assert reply.message
    job_message = reply.message.id
    response = await member.wait_for(
        lambda message: not message.loading and (message.id == job_message or message.ephemeral),
        patience=600,
    )
    if response.ephemeral:
        raise RefusedError(response.text)
    return time.monotonic() - start


async def _refusals(members: Sequence[Member]) -> int:
    """How many commands of these members have been refused so far."""
    messages = [message for member in members for message in await member.messages()]
    return sum(message.ephemeral and not message.loading for message in messages)


async def _sample_memory(product: Product, attack: Attack) -> None:
    while True:
        attack.memory.append(product.resident_bytes("bot"))
        await asyncio.sleep(SAMPLE_SECONDS)


def report(attacks: Sequence[Attack]) -> str:
    """A Markdown table, and the failed checks."""
    head = ["60 hostile files from", "honest alone, s", "beside them, s"]
    head += ["bot before, MiB", "at most", "added", "hostile commands refused"]
    lines = [
        [
            attack.name,
            f"{attack.before_attack:.2f}",
            "never" if attack.under_attack is None else f"{attack.under_attack:.2f}",
            f"{attack.memory_before / MIB:.0f}",
            f"{max(attack.memory) / MIB:.0f}",
            f"{attack.growth:.0f}",
            str(attack.refused),
        ]
        for attack in attacks
    ]
    paragraphs = [table(head, lines)]
    for attack in attacks:
        if attack.under_attack is None:
            paragraphs.append(
                f"With files from {attack.name}, the honest member got: {attack.response}"
            )
        elif attack.under_attack > MAX_SECONDS:
            paragraphs.append(
                f"NOT as it should be: {attack.under_attack:.1f} s with files from {attack.name}."
            )
        if attack.growth > MAX_GROWTH_MIB:
            paragraphs.append(
                f"NOT as it should be: {attack.growth:.0f} MiB added by files from {attack.name}."
            )
    return "\n\n".join(paragraphs)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.load.attachments", description=__doc__)
    parser.add_argument(
        "--seconds",
        type=float,
        default=25.0,
        help="how long to wait for the honest image, in seconds",
    )
    parser.add_argument("--out", type=Path, default=Path("out/load"))
    options = parser.parse_args()
    attacks = [
        asyncio.run(measure(name, members, options.seconds))
        for name, members in (("one member", 1), ("60 members", FILES))
    ]
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "attachments.md").write_text(report(attacks) + "\n")
    print(report(attacks))


if __name__ == "__main__":
    main()
