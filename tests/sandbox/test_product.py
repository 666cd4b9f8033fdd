"""What the playground knows about the bot."""

import pytest

from sandbox.discord.models import Message, Payload, User
from sandbox.product import is_pending

CANCEL = {"type": 2, "custom_id": "imagine:cancel:7"}
AGAIN = {"type": 2, "custom_id": "imagine:again:7"}
LINK = {"type": 2, "style": 5, "url": "https://example.com"}


@pytest.mark.parametrize(
    ("components", "pending"),
    [
        ([], False),
        ([{"type": 1, "components": [AGAIN, LINK]}], False),
        ([{"type": 1, "components": [AGAIN, CANCEL]}], True),
        ([{"type": 17, "components": [{"type": 9, "components": [], "accessory": CANCEL}]}], True),
    ],
)
def test_a_job_is_pending_while_it_can_be_cancelled(
    components: list[Payload], pending: bool
) -> None:
    message = Message(1, 2, User(3, "Imagine", bot=True), components=components)
    assert is_pending(message) is pending
