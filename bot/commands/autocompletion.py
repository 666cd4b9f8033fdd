"""Autocompletion: suggestions that match what a member types, or none if they take too long."""

import asyncio
from collections.abc import Awaitable, Iterable
from typing import TypeVar

from discord.app_commands import Choice

from core.database.errors import StoreError
from core.discord_ui.limits import INITIAL_RESPONSE_SECONDS, MAX_CHOICE_NAME, MAX_CHOICES
from core.discord_ui.text import truncate

T = TypeVar("T")

AUTOCOMPLETE_SECONDS = INITIAL_RESPONSE_SECONDS - 1.0
"""Leaves a second for reaching Discord."""


async def in_time(query: Awaitable[T]) -> T | None:
    """The result of a query; None if the database is too slow or fails."""
    try:
        async with asyncio.timeout(AUTOCOMPLETE_SECONDS):
            return await query
    except (TimeoutError, StoreError):
        return None


def matching_jobs(typed: str, named: Iterable[tuple[str, int]]) -> list[Choice[int]]:
    """Choices for the jobs whose name contains what was typed; each value is the job's id."""
    wanted = typed.strip().casefold()
    names = ((truncate(name, MAX_CHOICE_NAME), job_id) for name, job_id in named)
    found = [Choice(name=name, value=job_id) for name, job_id in names if wanted in name.casefold()]
    return found[:MAX_CHOICES]


def matching_texts(typed: str, texts: Iterable[str]) -> list[Choice[str]]:
    """Choices for the texts that contain what was typed and fit into a choice."""
    wanted = typed.strip().casefold()
    fitting = (
        text for text in texts if 0 < len(text) <= MAX_CHOICE_NAME and wanted in text.casefold()
    )
    return [Choice(name=text, value=text) for text in fitting][:MAX_CHOICES]
