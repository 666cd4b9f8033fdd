"""Applies a server's word rules to texts that the engine would show there."""

import asyncio
from collections.abc import Sequence

from core.database.connection import Database
from core.database.guild_rules import GuildRules
from core.job import Job
from core.word_filter import first_hit


class RefusedWords:
    """The current rules of each server."""

    def __init__(self, database: Database) -> None:
        self._rules = GuildRules(database)

    async def among(self, job: Job, texts: Sequence[str]) -> frozenset[str]:
        """The texts that the job's server does not allow in its channel. Raises StoreError."""
        rules = (await self._rules.for_member(job.guild_id, job.member_id)).words
        if job.age_restricted:
            rules = tuple(rule for rule in rules if not rule.age_restricted)
        if not rules:
            return frozenset()
        return await asyncio.to_thread(
            lambda: frozenset(text for text in texts if first_hit(rules, text))
        )
