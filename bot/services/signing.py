"""Signatures in custom ids, which prove that the bot wrote a part of one.

Most buttons need none: discord.py only accepts those on the message that Discord sends with the
press, and each press is checked again. Forms arrive without such a message.
"""

import hashlib
import hmac
from base64 import urlsafe_b64encode

from core.settings import Settings

LENGTH = 16  #: characters; 96 bits
PATTERN = rf"[A-Za-z0-9_-]{{{LENGTH}}}"


def sign(text: str, member_id: int, settings: Settings) -> str:
    """A signature that is valid only for this text and this member."""
    key = hashlib.sha256(b"custom ids of " + settings.token().encode()).digest()
    mac = hmac.digest(key, f"{member_id} {text}".encode(), "sha256")
    return urlsafe_b64encode(mac).decode()[:LENGTH]


def verify(text: str, signature: str, member_id: int, settings: Settings) -> bool:
    """Whether the signature is valid for this text and this member."""
    return hmac.compare_digest(sign(text, member_id, settings), signature)
