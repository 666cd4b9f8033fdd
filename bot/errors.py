"""What a member is told when something cannot be done, or went wrong.

A member always gets a plain sentence. Of what nobody foresaw they also get a short code, and the
log has the traceback under the same code.
"""

import secrets
from contextlib import suppress

import aiohttp
import discord
import structlog
from discord import app_commands

from core.database.jobs import StoreError
from core.i18n import say

log = structlog.stdlib.get_logger(__name__)

ACKNOWLEDGED = 40060
"""Discord's code for a second answer to the same interaction."""

GONE = frozenset({10015, 10062, ACKNOWLEDGED, 50027})
"""Discord's codes for an interaction that can no longer be answered: unknown webhook, unknown
interaction, already acknowledged, invalid token."""


BROKEN = (aiohttp.ClientError, OSError, TimeoutError)
"""What is raised when a connection to Discord breaks."""


class RefusedError(Exception):
    """Raised where a member asks for what cannot be; `str(error)` is a sentence for them."""


async def tell(interaction: discord.Interaction, sentence: str) -> None:
    """Says something to this member alone. A public "is thinking…" is taken back for it.

    Raises discord.HTTPException.
    """
    response = interaction.response
    if not response.is_done():
        await response.send_message(sentence, ephemeral=True)
        return
    if response.type is discord.InteractionResponseType.deferred_channel_message:
        # A follow-up would otherwise fill the deferred message, for everybody to see.
        with suppress(discord.NotFound):
            await interaction.delete_original_response()
    await interaction.followup.send(sentence, ephemeral=True)


async def report(interaction: discord.Interaction, error: Exception) -> bool:
    """Turns what a handler raised into an answer and a line of the log. Never raises.

    False if the member may still wait for an answer.
    """
    if isinstance(error, app_commands.CommandInvokeError):
        error = error.original
    try:
        if not is_gone(error):
            await tell(interaction, _sentence(error))
            return True
    except Exception as failure:
        if not is_gone(failure):
            log.exception("a member could not be told what went wrong")
            return False
        error = failure
    log.warning("an interaction was gone before it could be answered", error=str(error))
    return True


def is_gone(error: Exception) -> bool:
    """Whether this says that the interaction can no longer be answered."""
    return isinstance(error, discord.HTTPException) and error.code in GONE


def _sentence(error: Exception) -> str:
    """What the member reads; what the host should know goes into the log."""
    match error:
        case RefusedError():
            return str(error)
        case app_commands.CommandNotFound() | app_commands.CommandSignatureMismatch():
            return say("This command has changed: restart Discord to see it as it is now.")
    incident = secrets.token_hex(3)
    if isinstance(error, StoreError):
        log.error(str(error), incident=incident, exc_info=error)
        return say(
            "The queue cannot be reached just now, so nothing was queued or changed. Please try"
            " again in a few minutes. (Incident `{incident}`)",
            incident=incident,
        )
    log.error("a handler failed", incident=incident, exc_info=error)
    return say(
        "Something went wrong here, and it has been noted. If it happens again, tell whoever runs"
        " this bot about incident `{incident}`.",
        incident=incident,
    )
