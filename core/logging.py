"""Logging of both processes: readable on a terminal, JSON lines otherwise, never a token."""

import logging
import re
import sys
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from core.metrics import CountTroubles
from core.settings import OLD_NAMES, Settings

log = structlog.stdlib.get_logger(__name__)

REDACTED = "[token]"

_PASSING = re.compile(
    r"""((?:webhooks|interactions)/\d+/|token\\?['"]: ?\\?['"])[\w.-]{20,}""", re.ASCII
)
"""Where tokens of interactions stand: for 15 minutes, whoever has one may answer in our name."""


def configure_logging(settings: Settings, stream: TextIO = sys.stderr) -> None:
    """Sends structlog and the standard library's logging to `stream` in one form.

    The level comes from the settings. The token is taken out of whole lines after they have
    been formed, tracebacks included, so that no path around it is left; and so are the tokens of
    interactions, since logs are shown around. Troubles are counted.
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
    root.handlers = [handler, CountTroubles()]
    root.setLevel(settings.log_level)
    for talkative in ("aiosqlite", "PIL", "asyncio"):
        logging.getLogger(talkative).setLevel(max(logging.INFO, root.level))
    for old, new in OLD_NAMES.items():
        if getattr(settings, old) is not None:
            log.warning(f"the setting {old.upper()} is deprecated: call it {new.upper()}")


def _renderers(terminal: bool) -> list[Processor]:
    if terminal:
        plain = structlog.dev.plain_traceback
        return [structlog.dev.ConsoleRenderer(exception_formatter=plain)]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]


class _Redact:
    """The last processor: takes tokens out of a line."""

    def __init__(self, settings: Settings) -> None:
        secret = settings.discord_token
        self._token = secret.get_secret_value() if secret else None

    def __call__(self, logger: WrappedLogger, name: str, line: EventDict | str) -> str:
        text = str(line)
        if self._token:
            text = text.replace(self._token, REDACTED)
        return _PASSING.sub(rf"\1{REDACTED}", text)
