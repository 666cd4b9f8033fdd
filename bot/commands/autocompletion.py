"""Suggestions while a member types: those that match, in time, or none."""

import asyncio
from collections.abc import Awaitable, Iterable
from typing import TypeVar

from discord.app_commands import Choice

from core.database.errors import StoreError
from core.discord_ui.limits import INITIAL_RESPONSE_SECONDS, MAX_CHOICE_NAME, MAX_CHOICES
from core.discord_ui.text import truncate

T = TypeVar("T")

AUTOCOMPLETE_SECONDS = INITIAL_RESPONSE_SECONDS - 1.0
"""The rest is for reaching Discord."""


async def in_time(reading: Awaitable[T]) -> T | None:
    """What the database answers, None if it is too slow or fails: then nothing is suggested."""
    try:
        async with asyncio.timeout(AUTOCOMPLETE_SECONDS):
            return await reading
    except (TimeoutError, StoreError):
        return None


def matching_jobs(typed: str, named: Iterable[tuple[str, int]]) -> list[Choice[int]]:
    """Names and numbers of jobs, those whose name contains what was typed."""
    wanted = typed.strip().casefold()
    names = ((truncate(name, MAX_CHOICE_NAME), job_id) for name, job_id in named)
    found = [Choice(name=name, value=job_id) for name, job_id in names if wanted in name.casefold()]
    return found[:MAX_CHOICES]


def matching_texts(typed: str, texts: Iterable[str]) -> list[Choice[str]]:
    """Texts that contain what was typed, and that fit into a choice as they are."""
    wanted = typed.strip().casefold()
    fitting = (
        text for text in texts if 0 < len(text) <= MAX_CHOICE_NAME and wanted in text.casefold()
    )
    return [Choice(name=text, value=text) for text in fitting][:MAX_CHOICES]
