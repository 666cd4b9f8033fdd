"""Logging: one format for all loggers, and never a token."""

import base64
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
def _restore_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def _settings(level: str = "INFO") -> Settings:
    return Settings.model_validate({"discord_token": TOKEN, "log_level": level})


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()], ids=["file", "terminal"])
def test_the_token_is_never_logged(stream: io.StringIO) -> None:
    configure_logging(_settings("DEBUG"), stream)
    logging.getLogger("discord.http").debug("headers: %s", {"Authorization": f"Bot {TOKEN}"})
    try:
        raise RuntimeError(f"login with {TOKEN} failed")
    except RuntimeError:
        structlog.get_logger("bot").exception("no login", used=TOKEN)
        logging.getLogger("bot").exception("no login")
    output = stream.getvalue()
    assert TOKEN not in output
    assert output.count("RuntimeError: login with [token] failed") == 2


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()], ids=["file", "terminal"])
def test_the_token_of_an_interaction_is_never_logged(stream: io.StringIO) -> None:
    configure_logging(_settings("DEBUG"), stream)
    token = "aW50ZXJhY3Rpb246MTIz-_" * 4
    log = logging.getLogger("discord")
    log.debug("PATCH https://discord.com/api/v10/webhooks/12/%s/messages/@original", token)
    log.warning("POST /interactions/12/%s/callback has failed", token)
    log.debug("event: %s", {"id": "12", "token": token, "type": 2})
    log.debug("raw: %s", json.dumps({"id": "12", "token": token, "type": 2}))
    output = stream.getvalue()
    assert token[:20] not in output
    assert output.count("[token]") == 4
    assert "/messages/@original" in output


@pytest.mark.parametrize("kind", [io.StringIO, Terminal])
@pytest.mark.parametrize("prefix", ["", "Bot ", "id:"])
def test_an_encoded_or_partial_token_is_never_logged(kind: type[io.StringIO], prefix: str) -> None:
    stream = kind()
    secret = "MTA1NjQzMjEwOTg3NjU0MzIx.GhIjKl.aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789_-"
    settings = Settings.model_validate({"discord_token": secret})
    encoded = base64.b64encode(f"{prefix}{secret}".encode()).decode()
    forms = [
        *(secret.upper(), secret.lower(), secret[:-1], secret[1:], secret[-16:], f"x{secret}x"),
        *(encoded, encoded.lower()),
        base64.urlsafe_b64encode(f"{prefix}{secret}!".encode()).decode(),
        f"{prefix}{secret}".encode().hex(),
    ]
    configure_logging(settings, stream)
    for form in forms:
        structlog.get_logger("bot").warning(f"login:\n{form}", used=form)
    output = stream.getvalue().lower()
    assert output.count("[token]") == 2 * len(forms)
    for form in forms:
        lowered = form.lower()
        # A few encoded characters of the text around the token may remain.
        inner = lowered[12:-4] if len(lowered) > 20 else lowered
        leaked = [inner[i : i + 12] for i in range(len(inner) - 11) if inner[i : i + 12] in output]
        assert not leaked
    if not stream.isatty():
        assert all(json.loads(line)["level"] == "warning" for line in output.splitlines())


@pytest.mark.parametrize("kind", [io.StringIO, Terminal])
def test_a_token_passed_by_name_is_never_logged(kind: type[io.StringIO]) -> None:
    stream = kind()
    configure_logging(_settings("DEBUG"), stream)
    token = "aW50ZXJhY3Rpb246MTIz-_" * 4
    log = logging.getLogger("discord")
    log.debug("GET /api/webhooks?token=%s&wait=true", token)
    log.debug("Webhook(id=12, token='%s')", token)
    log.debug("POST HTTPS://DISCORD.COM/API/WEBHOOKS/12/%s", token)
    structlog.get_logger("bot").debug("answered", token=token)
    output = stream.getvalue()
    assert token[:20] not in output
    assert output.count("[token]") == 4
    assert "&wait=true" in output


def test_log_lines_in_a_file_are_json() -> None:
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
