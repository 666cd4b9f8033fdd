"""Logging: one form for all, and never a token."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from core.logging import configure_logging
from core.settings import Settings

TOKEN = "MTA.very.secret"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def _settings(level: str = "INFO") -> Settings:
    return Settings.model_validate({"discord_token": TOKEN, "log_level": level})


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()], ids=["file", "terminal"])
def test_no_line_holds_the_token(stream: io.StringIO) -> None:
    configure_logging(_settings("DEBUG"), stream)
    logging.getLogger("discord.http").debug("headers: %s", {"Authorization": f"Bot {TOKEN}"})
    try:
        raise RuntimeError(f"login with {TOKEN} failed")
    except RuntimeError:
        structlog.get_logger("bot").exception("no login", used=TOKEN)
        logging.getLogger("bot").exception("no login")
    written = stream.getvalue()
    assert TOKEN not in written
    assert written.count("RuntimeError: login with [token] failed") == 2


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()], ids=["file", "terminal"])
def test_no_line_holds_the_token_of_an_interaction(stream: io.StringIO) -> None:
    configure_logging(_settings("DEBUG"), stream)
    passing = "aW50ZXJhY3Rpb246MTIz-_" * 4
    log = logging.getLogger("discord")
    log.debug("PATCH https://discord.com/api/v10/webhooks/12/%s/messages/@original", passing)
    log.warning("POST /interactions/12/%s/callback has failed", passing)
    log.debug("event: %s", {"id": "12", "token": passing, "type": 2})
    log.debug("raw: %s", json.dumps({"id": "12", "token": passing, "type": 2}))
    written = stream.getvalue()
    assert passing[:20] not in written
    assert written.count("[token]") == 4
    assert "/messages/@original" in written


def test_lines_for_machines_are_json() -> None:
    stream = io.StringIO()
    configure_logging(_settings(), stream)
    structlog.get_logger("engine").info("claimed", job=7)
    logging.getLogger("discord").warning("rate limited for %d s", 3)
    structlog.get_logger("engine").debug("not shown")
    ours, theirs = map(json.loads, stream.getvalue().splitlines())
    assert (ours["event"], ours["job"], ours["level"], ours["logger"]) == (
        "claimed",
        7,
        "info",
        "engine",
    )
    assert theirs["event"] == "rate limited for 3 s"
