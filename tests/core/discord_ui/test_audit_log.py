"""Audit log entries in words, including those of other versions of the program."""

import pytest

from core.discord_ui.audit_log import entry_line
from core.moderation import AuditAction, AuditEntry

MALFORMED_DETAILS: list[dict[str, object]] = [
    {key: value}
    for key in (
        *("until", "role", "word", "channel", "concept", "style", "verdict", "defaults", "rule"),
        *("hall_of_fame", "weekly_theme", "weekly_digest", "moderator_role", "log_channel"),
    )
    for value in (None, "soon", 7, [], {"a": 1})
]


@pytest.mark.parametrize("action", AuditAction)
def test_malformed_details_leave_the_rest_of_an_entry_readable(action: AuditAction) -> None:
    for details in MALFORMED_DETAILS:
        line = entry_line(AuditEntry(1, 2, 1000.0, action, 3, 4, 5, details, "because"))
        assert "<@3>" in line
        assert line.endswith("because")
