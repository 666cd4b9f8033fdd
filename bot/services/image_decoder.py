"""Decodes untrusted images in a child process with limited time, memory and access.

A hostile file can keep a decoder busy for hours (a JPEG of 10 MB can hold 150,000 scans, each over
every pixel), fill the memory, crash it, or take it over. Here, the worst outcome is one rejected
file. The child gets the bytes of a file and returns raw pixels or a reason for the rejection, never
a file that would have to be decoded again. It has no token, and before it reads the first
byte, it loses the ability to open files and connections.
"""

import asyncio
import os
import resource
import struct
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path

from PIL import Image

from core.process import hide_from_other_processes
from core.storage.uploaded_images import (
    MAX_BYTES,
    MAX_SIDE,
    ImageRejectedError,
    Rejection,
    RejectionReason,
    decode_image,
)

CPU_SECONDS = 3  #: a normal image of 40 megapixels takes one or two
MEMORY = 2**30  #: bytes of address space; a normal image of 40 megapixels takes 840 MiB at most
TIMEOUT = 20.0  #: seconds, however busy the machine is

_DECODED, _REJECTED = b"+", b"-"
_SIZE = struct.Struct(">HH")
_MAX_OUTPUT = 1 + _SIZE.size + 3 * MAX_SIDE**2  #: bytes
_CHUNK = 2**16  #: bytes
_LAZY_IMPORTS = (
    *("ImageColor", "ImageFilter", "ImagePalette"),
    *("MpoImagePlugin", "TiffImagePlugin", "WebPImagePlugin"),
)


async def decode_isolated(data: bytes, *, cpu_seconds: int = CPU_SECONDS) -> Image.Image:
    """Runs `decode_image` in a child process. Raises ImageRejectedError, OSError."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot.services.image_decoder", str(cpu_seconds)),
        env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    output = b""
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(TIMEOUT):
                output = await _communicate(child, data)
                if len(output) <= _MAX_OUTPUT:
                    await child.wait()
    finally:
        # Only kill a running child: kill() would reap an ended one before asyncio does.
        if child.returncode is None:
            with suppress(ProcessLookupError):
                child.kill()
            # Not wait(): asyncio reports the exit only once all output has been read.
            await child.communicate()
    return _parse(output)


async def _communicate(child: asyncio.subprocess.Process, data: bytes) -> bytes:
    """Sends the data; returns the child's output, cut off just beyond the longest valid one."""
    assert child.stdin
    assert child.stdout
    with suppress(ConnectionError):  # the child died early
        for start in range(0, len(data), _CHUNK):
            child.stdin.write(data[start : start + _CHUNK])
            await child.stdin.drain()
    child.stdin.close()
    output = bytearray()
    while len(output) <= _MAX_OUTPUT and (chunk := await child.stdout.read(_CHUNK)):
        output += chunk
    return bytes(output)


def _parse(output: bytes) -> Image.Image:
    """Parses the child's output, which is not trusted either. Raises ImageRejectedError."""
    kind, rest = output[:1], output[1:]
    if kind == _DECODED and len(rest) >= _SIZE.size:
        size, pixels = _SIZE.unpack_from(rest), rest[_SIZE.size :]
        if max(size) <= MAX_SIDE and min(size) > 0 and len(pixels) == 3 * size[0] * size[1]:
            return Image.frombytes("RGB", size, pixels)
    reason = RejectionReason.UNREADABLE
    if kind == _REJECTED:
        with suppress(ValueError):
            reason = RejectionReason(rest.decode())
    raise ImageRejectedError(Rejection(reason))


def main() -> None:
    """Runs in the child: reads a file from stdin, writes pixels or a rejection to stdout."""
    confine(cpu_seconds=int(sys.argv[1]))
    try:
        image = decode_image(sys.stdin.buffer.read(MAX_BYTES + 1))
    except ImageRejectedError as error:
        output = _REJECTED + error.rejection.reason.encode()
    else:
        output = _DECODED + _SIZE.pack(*image.size) + image.tobytes()
    sys.stdout.buffer.write(output)


def confine(cpu_seconds: int) -> None:
    """Permanently drops what a decoder doesn't need: files, network, processes, memory, time.

    Without free file descriptors, nothing can be opened: no socket, no `.env`, no `/proc`.
    """
    _import_decoders()
    with suppress(OSError):  # if memory runs out, the kernel should kill this process first
        Path("/proc/self/oom_score_adj").write_text("1000")
    hide_from_other_processes()
    for limit, most in (
        (resource.RLIMIT_CPU, cpu_seconds),
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 0),
    ):
        resource.setrlimit(limit, (most, most))


def _import_decoders() -> None:
    """Imports what Pillow would otherwise import when it opens a file in one of our formats."""
    Image.preinit()
    for name in _LAZY_IMPORTS:
        import_module(f"PIL.{name}")


if __name__ == "__main__":
    main()
