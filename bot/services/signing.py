"""Signatures in custom ids: proof that the bot, and nobody else, wrote a part of one.

Most buttons need none: discord.py answers only those on the message that Discord shows with the
press, and whoever presses is checked anew. A form comes with no such message.
"""

import hashlib
import hmac
from base64 import urlsafe_b64encode

from core.settings import Settings

LENGTH = 16  #: characters; 96 bits
PATTERN = rf"[A-Za-z0-9_-]{{{LENGTH}}}"


def sign(text: str, member_id: int, settings: Settings) -> str:
    """A signature that is good for this text and this member alone."""
    key = hashlib.sha256(b"custom ids of " + settings.token().encode()).digest()
    mac = hmac.digest(key, f"{member_id} {text}".encode(), "sha256")
    return urlsafe_b64encode(mac).decode()[:LENGTH]


def verify(text: str, signature: str, member_id: int, settings: Settings) -> bool:
    """Whether the signature is of this text for this member."""
    return hmac.compare_digest(sign(text, member_id, settings), signature)
