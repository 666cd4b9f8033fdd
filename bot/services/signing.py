"""Seals: what nobody but the bot can have written into a custom id.

Buttons need none: discord.py answers only those that stand on the message which Discord shows with
the press, and whoever presses is judged anew. A form has no such message.
"""

import hashlib
import hmac
from base64 import urlsafe_b64encode

from core.settings import Settings

LENGTH = 16  #: characters; 96 bits


def seal(text: str, member_id: int, settings: Settings) -> str:
    """Goes into the custom id of a form that this member alone is to send."""
    key = hashlib.sha256(b"custom ids of " + settings.token().encode()).digest()
    mac = hmac.digest(key, f"{member_id} {text}".encode(), "sha256")
    return urlsafe_b64encode(mac).decode()[:LENGTH]


def is_sealed(text: str, given: str, member_id: int, settings: Settings) -> bool:
    """Whether `given` is the seal of this text for this member."""
    return hmac.compare_digest(seal(text, member_id, settings), given)
