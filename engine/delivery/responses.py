"""Shows jobs in servers without the bot, with the token of the interaction that requested them.

The token can edit the interaction's response for 15 minutes. After that, the job continues in the
member's direct messages, if they accept those.
"""

import discord
import structlog

from core.database.connection import Database
from core.database.jobs import Jobs
from core.database.response_tokens import ResponseTokens
from core.job import DeadLetter, Job, ResponseToken
from engine.delivery.posts import Post
from engine.delivery.rest import RestClient

log = structlog.stdlib.get_logger(__name__)

NO_FRAMES_SECONDS = 90.0
"""A response gets no frames this long before its token expires: the bot edits it then."""


class Responses:
    """Edits the interaction responses of jobs that have a token."""

    def __init__(self, client: RestClient, database: Database) -> None:
        self._client = client
        self._jobs = Jobs(database)
        self._tokens = ResponseTokens(database)

    async def token_of(self, job: Job | DeadLetter) -> ResponseToken | None:
        """The token of a job; None for a job in a channel that the bot can access."""
        return await self._tokens.get(job.id)

    async def show_frame(self, token: ResponseToken, post: Post) -> bool:
        """Returns whether the frame was shown."""
        if self._client.time.now() > token.expires_at - NO_FRAMES_SECONDS:
            return False
        return await self._edit(token, post)

    async def show_outcome(self, token: ResponseToken, post: Post) -> bool:
        """Returns whether the outcome was shown; False if the token or the response is gone."""
        return self._client.time.now() < token.expires_at and await self._edit(token, post)

    async def move_to_direct_messages(self, job: Job) -> None:
        """Shows a job in the direct messages of its member from now on."""
        direct = await self._client.create_dm(discord.Object(job.member_id))
        await self._jobs.move(job.id, direct.id)
        await self._tokens.delete(job.id)
        log.info("a job continues in direct messages", job=job.id)

    async def _edit(self, token: ResponseToken, post: Post) -> bool:
        """Returns False if Discord no longer knows the token or the response."""
        webhook = discord.Webhook.partial(token.application_id, token.token, client=self._client)
        try:
            await post.edit_response(webhook, token.message_id)
        except discord.HTTPException as error:
            # 401 is about this token, not the bot's.
            if error.status not in (401, 403, 404):
                raise
            log.warning("a response cannot be edited any more", error=str(error))
            return False
        return True
