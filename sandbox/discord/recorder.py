"""Records the requests of the bot and the engine, without tokens."""

import re
from collections import deque
from dataclasses import dataclass
from typing import Any

MAX_REQUESTS = 20_000
"""Older requests are forgotten."""

_TOKEN_IN_PATH = re.compile(r"^(/(?:webhooks|interactions)/\d+/)[^/]+")


@dataclass(frozen=True, slots=True)
class FilePart:
    """A file in a multipart form."""

    part: str
    filename: str
    size: int


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """A request and its response.

    Attributes:
        route: the path's template, such as `/channels/{channel_id}`; None if none matched.
        path: the path below the API's root, without an interaction's token.
        status: None if the connection was reset instead of a response.
        json: the JSON body, or the `payload_json` part of a form.
    """

    method: str
    route: str | None
    path: str
    query: dict[str, str]
    status: int | None
    json: Any
    files: tuple[FilePart, ...]
    multipart: bool
    response: Any
    moment: float

    @property
    def name(self) -> str:
        """Method and template, as `Faults` names a route."""
        return f"{self.method} {self.route or self.path}"


class Recorder:
    """The requests so far, oldest first."""

    def __init__(self) -> None:
        self._requests: deque[RecordedRequest] = deque(maxlen=MAX_REQUESTS)

    def add(self, request: RecordedRequest) -> None:
        self._requests.append(request)

    @property
    def requests(self) -> list[RecordedRequest]:
        """All recorded requests."""
        return list(self._requests)

    @property
    def unhandled(self) -> list[RecordedRequest]:
        """Requests that matched no route."""
        return [request for request in self._requests if request.route is None]


def without_token(path: str) -> str:
    """A path with the token of a webhook or interaction replaced."""
    return _TOKEN_IN_PATH.sub(r"\1token", path)
