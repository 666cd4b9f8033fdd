"""How many direct messages a member can cause."""

from bot.state.recent_messages import MOST, SECONDS, RecentMessages


def test_so_many_a_minute_for_each_member() -> None:
    now = 0.0
    recent = RecentMessages(lambda: now)
    assert all(recent.take(1) for _ in range(MOST))
    assert not recent.take(1)
    assert recent.take(2)
    now = SECONDS
    assert recent.take(1)
