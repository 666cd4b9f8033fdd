"""Why a job ended, as everyone in the channel can read it."""

import pytest

from core.discord_ui.reasons import reason_text
from core.i18n import languages, use_locale
from core.job import Reason, ReasonCode

BLOCK_WORDS = (
    "block",
    "refus",
    "bann",
    "gesperrt",
    "blocki",
    "bloque",
    "bloqu",
    "refusé",
    "ブロック",
    "拒否",
)


@pytest.mark.parametrize(
    "code",
    [ReasonCode.MEMBER_BLOCKED, ReasonCode.QUEUE_CLEARED, ReasonCode.DELETED_BY_MODERATOR],
)
@pytest.mark.parametrize("locale", ["en", *languages()])
def test_a_public_reason_does_not_reveal_that_a_member_was_blocked(locale: str, code: str) -> None:
    with use_locale(locale):
        text = reason_text(Reason(code)).casefold()
    assert text
    assert not [word for word in BLOCK_WORDS if word in text]
