"""The concepts that a job's images are checked for: the host's and the server's."""

from core.database.connection import Database
from core.database.guild_rules import GuildRules
from core.image_check import CheckAction, CheckPolicy, Concept, merged
from core.job import Job


class CheckedConcepts:
    """Combines the host's policy with the servers' current concepts."""

    def __init__(self, database: Database, policy: CheckPolicy) -> None:
        self._rules = GuildRules(database)
        self._policy = policy

    @property
    def threshold(self) -> float:
        return self._policy.threshold

    async def of(self, job: Job) -> tuple[Concept, ...]:
        """The concepts to check a job's images for. Raises StoreError."""
        if job.age_restricted and not self._policy.age_restricted:
            return ()
        concepts = merged(self._policy.concepts, await self._rules.concepts(job.guild_id))
        if job.guild_id is not None:
            return concepts
        # Outside servers, there is no moderator to review held images.
        return tuple(
            Concept(each.text, CheckAction.REFUSE) if each.action is CheckAction.HOLD else each
            for each in concepts
        )
