"""Malicious files, for tests, benchmarks and `tests.fuzz`."""

import io
import struct

from PIL import Image


def jpeg_of_scans(side: int, size: int) -> bytes:
    """A progressive JPEG of about `size` bytes, full of scans that each cover every block.

    A scan can skip up to 32,767 blocks with two bytes. So each scan takes a decoder some
    milliseconds, but only 64 bytes of the file.
    """

    def segment(marker: int, body: bytes) -> bytes:
        return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body

    def table(kind: int, symbol: int) -> bytes:  # a Huffman table with one code, a single 0 bit
        return segment(0xC4, bytes([kind, 1, *[0] * 15, symbol]))

    blocks = ((side + 7) // 8) ** 2
    head = b"\xff\xd8" + segment(0xDB, b"\0" + b"\1" * 64)
    head += segment(0xC2, struct.pack(">BHHB", 8, side, side, 1) + b"\1\x11\0")
    head += table(0x00, 0) + table(0x10, 0xE0)
    head += segment(0xDA, b"\1\1\0\0\0\0") + b"\0" * ((blocks + 7) // 8)
    runs = "0" + "1" * 14  # 2**14 + 2**14 - 1 blocks
    bits = runs * (blocks // (2**15 - 1) + 1)
    bits += "1" * (-len(bits) % 8)
    entropy = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
    scan = segment(0xDA, b"\1\1\0\1\x3f\0") + entropy
    return head + scan * ((size - len(head)) // len(scan)) + b"\xff\xd9"


def gif_beyond_its_screen(width: int, height: int) -> bytes:
    """A GIF with a logical screen of one pixel, whose only frame claims to be larger."""
    buffer = io.BytesIO()
    Image.new("P", (1, 1)).save(buffer, "GIF")
    data = bytearray(buffer.getvalue())
    frame = data.index(b",", 13)
    data[frame + 5 : frame + 9] = struct.pack("<HH", width, height)
    return bytes(data)


def polyglot(image: bytes) -> bytes:
    """An image file that is also an HTML page and a ZIP archive."""
    archive = b"PK\5\6" + b"\0" * 18
    return image + b"<html><script>alert(1)</script></html>" + archive
