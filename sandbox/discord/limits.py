"""Rate limits: a bucket for each route and major parameter, and a global one.

Discord publishes few of its limits. These are the commonly observed ones; where they are unknown,
the stricter guess is used.
"""

import hashlib
import math
from dataclasses import dataclass

from sandbox.discord.clock import Clock

GLOBAL_LIMIT = 50
"""Requests a second over all routes except those of interactions."""

OLD_MESSAGE_AGE = 60 * 60
OLD_MESSAGE_EDITS = 3
"""Edits an hour, in one channel, of messages over an hour old (error 30046)."""

DAY = 24 * 60 * 60

_MESSAGE = "/channels/{channel_id}/messages/{message_id}"
_WEBHOOK = "/webhooks/{webhook_id}/{webhook_token}"
_RULES: dict[tuple[str, str], tuple[int, float]] = {
    ("POST", "/channels/{channel_id}/messages"): (5, 5.0),
    ("PATCH", _MESSAGE): (5, 5.0),
    ("DELETE", _MESSAGE): (5, 1.0),
    ("GET", "/channels/{channel_id}/messages"): (5, 5.0),
    ("POST", "/channels/{channel_id}/typing"): (5, 5.0),
    ("POST", _WEBHOOK): (5, 2.0),
    ("PATCH", f"{_WEBHOOK}/messages/@original"): (5, 5.0),
    ("PATCH", f"{_WEBHOOK}/messages/{{message_id}}"): (5, 5.0),
    ("POST", "/users/@me/channels"): (10, 60.0),
    ("PUT", f"{_MESSAGE}/reactions/{{emoji_name}}/@me"): (1, 0.25),
    ("DELETE", f"{_MESSAGE}/reactions/{{emoji_name}}/@me"): (1, 0.25),
}
_DEFAULT = (50, 1.0)
_UNLIMITED = "/interactions/{interaction_id}/{interaction_token}/callback"


@dataclass(slots=True)
class Window:
    """A number of requests allowed until a point in time."""

    limit: int
    used: int
    ends: float
    name: str = ""
    """Method and route, for the bucket of a route."""


@dataclass(frozen=True, slots=True)
class RateLimitResult:
    """Whether one request is allowed, and the headers of its response."""

    headers: dict[str, str]
    retry_after: float | None = None
    is_global: bool = False


class Limits:
    """Counts requests and refuses those over a limit."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._windows: dict[str, Window] = {}
        self.refused = 0

    def take(self, method: str, route: str, major: str) -> RateLimitResult:
        """Count a request against its bucket.

        Args:
            route: the route's template.
            major: the channel, guild or webhook that has its own bucket.
        """
        if route == _UNLIMITED:
            return RateLimitResult({})
        of_interaction = route.startswith(_WEBHOOK)
        everyone = Window(1, 0, 0.0) if of_interaction else self._window("global", GLOBAL_LIMIT, 1)
        limit, per = _RULES.get((method, route), _DEFAULT)
        bucket = hashlib.sha256(f"{method} {route}".encode()).hexdigest()[:32]
        window = self._window(f"{bucket}:{major}", limit, per)
        window.name = f"{method} {route}"
        exhausted = next((w for w in (everyone, window) if w.used >= w.limit), None)
        if exhausted is None:
            everyone.used += 1
            window.used += 1
            return RateLimitResult(self._headers(window, bucket))
        self.refused += 1
        retry_after = round(max(exhausted.ends - self._clock.now(), 0.0) + 0.001, 3)
        is_global = exhausted is everyone
        headers = self._headers(window, bucket) | {
            "Retry-After": str(math.ceil(retry_after)),
            "X-RateLimit-Scope": "global" if is_global else "user",
            "Via": "1.1 google",
        }
        if is_global:
            headers["X-RateLimit-Global"] = "true"
        return RateLimitResult(headers, retry_after, is_global)

    def take_old_edit(self, channel_id: int) -> float | None:
        """Count an edit of an old message. Returns the seconds to wait if it is one too many."""
        window = self._window(f"old-edits:{channel_id}", OLD_MESSAGE_EDITS, OLD_MESSAGE_AGE)
        if window.used >= window.limit:
            return window.ends - self._clock.now()
        window.used += 1
        return None

    def take_new_commands(self, scope: str, count: int, limit: int) -> bool:
        """Count new commands of a day. False if they are too many."""
        window = self._window(f"commands:{scope}", limit, DAY)
        if window.used + count > window.limit:
            return False
        window.used += count
        return True

    def buckets(self) -> list[dict[str, str | int | float]]:
        """The route buckets in use, fullest first."""
        now = self._clock.now()
        running = [w for w in self._windows.values() if w.name and w.ends > now]
        running.sort(key=lambda window: window.used / window.limit, reverse=True)
        return [{"name": w.name, "limit": w.limit, "used": w.used, "ends": w.ends} for w in running]

    def _window(self, key: str, limit: int, per: float) -> Window:
        window = self._windows.get(key)
        if window is None or window.ends <= self._clock.now():
            window = self._windows[key] = Window(limit, 0, self._clock.now() + per)
        if len(self._windows) > 10_000:
            self._forget_ended()
        return window

    def _forget_ended(self) -> None:
        now = self._clock.now()
        self._windows = {key: w for key, w in self._windows.items() if w.ends > now}

    def _headers(self, window: Window, bucket: str) -> dict[str, str]:
        left = max(window.ends - self._clock.now(), 0.0)
        return {
            "X-RateLimit-Limit": str(window.limit),
            "X-RateLimit-Remaining": str(window.limit - window.used),
            "X-RateLimit-Reset": f"{window.ends:.3f}",
            "X-RateLimit-Reset-After": f"{left:.3f}",
            "X-RateLimit-Bucket": bucket,
        }
