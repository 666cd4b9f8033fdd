"""Reads pictures from outside apart from the bot: in a process with little time and memory.

What decodes a hostile file may take for ever (a JPEG of 10 MB can hold 150,000 scans, each of which
goes over every pixel), fill the memory, crash, or be taken over. Here that costs one refusal: the
process is given the bytes and gives pixels back; it knows no token, and its answer is no file that
would be decoded once more.
"""

import asyncio
import os
import resource
import struct
import sys
from contextlib import suppress

from PIL import Image

from core.i18n import say, speak, spoken
from core.storage.uploaded_images import (
    BROKEN,
    MAX_BYTES,
    MAX_SIDE,
    ImageError,
    decode_image,
)

AT_A_TIME = 2
"""Pictures that a bot reads beside each other."""

CPU_SECONDS = 10  #: a good picture needs less than two
MEMORY = 2 * 2**30  #: bytes; a good picture needs less than half of it
PATIENCE = 30.0  #: seconds until nobody waits any more, however busy the machine

_READ, _REFUSED = b"+", b"-"
_SIZE = struct.Struct(">HH")
_MOST = 1 + _SIZE.size + 3 * MAX_SIDE**2  #: bytes of an answer


async def read_apart(data: bytes, *, cpu_seconds: int = CPU_SECONDS) -> Image.Image:
    """What `decode_image` makes of the data. Raises ImageError, OSError."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot.services.image_decoder", spoken(), str(cpu_seconds)),
        env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(PATIENCE):
            answer = await _answer(child, data)
            if len(answer) <= _MOST:
                await child.wait()
    except TimeoutError:
        answer = b""
    finally:
        # One that has ended is let be: to kill it would reap it before asyncio's watcher does.
        if child.returncode is None:
            with suppress(ProcessLookupError):
                child.kill()
            # Not wait(): asyncio keeps a child's end back as long as any of its output is unread.
            await child.communicate()
    return _understood(answer)


async def _answer(child: asyncio.subprocess.Process, data: bytes) -> bytes:
    """All that the child says once it has heard the data, but not more than it could have to."""
    assert child.stdin
    assert child.stdout
    with suppress(ConnectionError):  # it died meanwhile, and says nothing
        child.stdin.write(data)
        await child.stdin.drain()
    child.stdin.close()
    answer = bytearray()
    while len(answer) <= _MOST and (piece := await child.stdout.read(2**16)):
        answer += piece
    return bytes(answer)


def _understood(answer: bytes) -> Image.Image:
    kind, rest = answer[:1], answer[1:]
    if kind == _REFUSED:
        raise ImageError(rest.decode())
    if kind == _READ and len(rest) >= _SIZE.size:
        size, pixels = _SIZE.unpack_from(rest), rest[_SIZE.size :]
        if max(size) <= MAX_SIDE and min(size) > 0 and len(pixels) == 3 * size[0] * size[1]:
            return Image.frombytes("RGB", size, pixels)
    raise ImageError(say(BROKEN))


def main() -> None:
    """The child: bytes of a file on standard input, pixels or a sentence on standard output."""
    speak(sys.argv[1])
    for what, most in (
        (resource.RLIMIT_CPU, int(sys.argv[2])),
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))
    try:
        picture = decode_image(sys.stdin.buffer.read(MAX_BYTES + 1))
    except ImageError as refusal:
        answer = _REFUSED + str(refusal).encode()
    else:
        answer = _READ + _SIZE.pack(*picture.size) + picture.tobytes()
    sys.stdout.buffer.write(answer)


if __name__ == "__main__":
    main()
