"""The limit on direct messages that a member can trigger."""

from bot.state.recent_messages import MAX_MESSAGES, WINDOW_SECONDS, RecentMessages


def test_each_member_has_a_limit_per_minute() -> None:
    now = 0.0
    recent = RecentMessages(lambda: now)
    assert all(recent.take(1) for _ in range(MAX_MESSAGES))
    assert not recent.take(1)
    assert recent.take(2)
    now = WINDOW_SECONDS
    assert recent.take(1)
