"""Remembers each request of the bot and the engine, for tests to look at. No token is kept."""

import re
from collections import deque
from dataclasses import dataclass
from typing import Any

KEPT = 20_000
"""How many requests are remembered; older ones are forgotten."""

_TOKEN_IN_PATH = re.compile(r"^(/(?:webhooks|interactions)/\d+/)[^/]+")


@dataclass(frozen=True, slots=True)
class FilePart:
    """A file of a form: its place, name and size."""

    part: str
    filename: str
    size: int


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """A request and what was answered.

    Attributes:
        route: the path's template, such as `/channels/{channel_id}`; None where none matched.
        path: the path below the API's root, with an interaction's token left out.
        status: None where the connection was reset instead of an answer.
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
        """Method and template, as faults name a route."""
        return f"{self.method} {self.route or self.path}"


class Recorder:
    """The requests so far, oldest first."""

    def __init__(self) -> None:
        self._requests: deque[RecordedRequest] = deque(maxlen=KEPT)

    def add(self, request: RecordedRequest) -> None:
        self._requests.append(request)

    @property
    def requests(self) -> list[RecordedRequest]:
        """All that are remembered."""
        return list(self._requests)

    @property
    def unhandled(self) -> list[RecordedRequest]:
        """Requests for which the sandbox has no route."""
        return [request for request in self._requests if request.route is None]


def without_token(path: str) -> str:
    """The path of a webhook or interaction, its secret part hidden."""
    return _TOKEN_IN_PATH.sub(r"\1token", path)
