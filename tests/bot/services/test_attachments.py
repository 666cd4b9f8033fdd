"""Attachments are fetched from Discord only."""

import pytest

from bot.services.attachments import trusted_url

API = "https://discord.com/api/v10"
LOCAL = "http://127.0.0.1:8123/api/v10"


@pytest.mark.parametrize(
    ("url", "api", "expected"),
    [
        ("https://cdn.discordapp.com/attachments/1/2/a.png?ex=1", API, True),
        ("https://media.discordapp.net/attachments/1/2/a.png", API, True),
        ("http://cdn.discordapp.com/attachments/1/2/a.png", API, False),
        ("https://cdn.discordapp.com.example.org/a.png", API, False),
        ("https://cdn.discordapp.com@example.org/a.png", API, False),
        ("http://169.254.169.254/latest", API, False),
        ("file:///etc/passwd", API, False),
        ("http://127.0.0.1:8123/cdn/attachments/1/2/a.png", LOCAL, True),
        ("http://127.0.0.1:9/cdn/attachments/1/2/a.png", LOCAL, False),
        ("http://127.0.0.1:8123/cdn/a.png", API, False),
        ("https://cdn.discordapp.com:8443/a.png", API, False),
        ("https://ada:secret@cdn.discordapp.com/a.png", API, True),
        ("https://[::1/a.png", API, False),
        ("https:///a.png", API, False),
        ("/attachments/1/2/a.png", API, False),
        ("https://cdn.discordapp.com\\@example.org/a.png", API, False),
        ("https://example.org\\@cdn.discordapp.com/a.png", API, False),
        ("https://cdn.discordapp.com%2eexample.org/a.png", API, False),
    ],
)
def test_only_discords_hosts_are_trusted(url: str, api: str, expected: bool) -> None:
    assert (trusted_url(url, api) is not None) is expected
