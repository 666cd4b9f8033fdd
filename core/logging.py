"""Logging for both processes: readable on a terminal, otherwise JSON lines, never with a token."""

import base64
import logging
import re
import sys
from collections.abc import Iterator
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from core.metrics import WarningCounter
from core.settings import OLD_NAMES, Settings

log = structlog.stdlib.get_logger(__name__)

REDACTED = "[token]"

_STYLE = r"(?:\x1b\[[\d;]*m)*"  #: a terminal's escape sequences for colours
_INTERACTION_TOKEN = re.compile(
    r"((?:webhooks|interactions)/\d+/"
    rf"""|token{_STYLE}\\?['"]?\ ?[:=]\ ?{_STYLE}\\?['"]?)[\w.-]{{20,}}""",
    re.ASCII | re.IGNORECASE,
)
"""Tokens of interactions and webhooks: anyone who has one can respond as the bot for 15 minutes."""

_LEAK = 12  #: this many consecutive characters of the bot's token are redacted
_RUN = re.compile(rf"[\w.+=-]{{{_LEAK},}}", re.ASCII)
"""Text that may contain a part of the token, in any encoding."""


def configure_logging(settings: Settings, stream: TextIO = sys.stderr) -> None:
    """Sends structlog and the standard library's logging to `stream` in one format.

    `settings.log_level` is the level. The bot's token and those of interactions are removed from
    complete lines, including tracebacks, so nothing bypasses the redaction. Warnings and errors are
    counted in the metrics.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_renderers(stream.isatty()),
                _Redact(settings),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler, WarningCounter()]
    root.setLevel(settings.log_level)
    for verbose in ("aiosqlite", "PIL", "asyncio"):
        logging.getLogger(verbose).setLevel(max(logging.INFO, root.level))
    for old, new in OLD_NAMES.items():
        if getattr(settings, old) is not None:
            log.warning(f"the setting {old.upper()} is deprecated: rename it to {new.upper()}")


def _renderers(terminal: bool) -> list[Processor]:
    if terminal:
        plain = structlog.dev.plain_traceback
        return [structlog.dev.ConsoleRenderer(exception_formatter=plain)]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]


class _Redact:
    """The last processor: removes tokens from a line.

    It finds all or part of the bot's token, in upper or lower case, in Base64 and in hexadecimal.
    """

    def __init__(self, settings: Settings) -> None:
        secret = settings.discord_token
        token = secret.get_secret_value() if secret else ""
        self._window = min(_LEAK, len(token))
        self._parts = {
            form[start : start + self._window]
            for form in (_forms(token) if token else ())
            for start in range(len(form) - self._window + 1)
        }
        self._token = token

    def __call__(self, logger: WrappedLogger, name: str, line: EventDict | str) -> str:
        text = str(line)
        if self._token:
            text = _RUN.sub(self._redact_run, text.replace(self._token, REDACTED))
        return _INTERACTION_TOKEN.sub(rf"\1{REDACTED}", text)

    def _redact_run(self, match: re.Match[str]) -> str:
        run, lowered = match[0], match[0].lower()
        starts = [
            start
            for start in range(len(run) - self._window + 1)
            if lowered[start : start + self._window] in self._parts
        ]
        if not starts:
            return run
        # Keep what comes before: it may be the end of an escape sequence such as \n.
        return run[: starts[0]] + REDACTED + run[starts[-1] + self._window :]


def _forms(token: str) -> Iterator[str]:
    """The token in lower case, plain and encoded."""
    content = token.encode()
    yield token.lower()
    yield content.hex()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for offset in range(3):  # the token may start at any offset of the encoded text
            encoded = encode(b"\0" * offset + content).decode().lower()
            yield encoded[4 if offset else 0 :].rstrip("=")[:-1]
