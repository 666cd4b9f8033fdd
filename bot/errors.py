"""Error handling: what a member reads when a request is refused or fails.

A member always gets a plain sentence. For an unexpected error, it contains a short incident code,
which the log gives with the traceback.
"""

import secrets
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import aiohttp
import discord
import structlog
from discord import app_commands

from core.database.errors import StoreError
from core.discord_ui.views import static_view
from core.i18n import gettext
from core.prompts import RecipeError

log = structlog.stdlib.get_logger(__name__)

ALREADY_ACKNOWLEDGED = 40060
UNKNOWN_WEBHOOK, UNKNOWN_INTERACTION, INVALID_TOKEN = 10015, 10062, 50027
"""Discord's codes for an interaction that can no longer be responded to."""

GONE = frozenset({UNKNOWN_WEBHOOK, UNKNOWN_INTERACTION, ALREADY_ACKNOWLEDGED, INVALID_TOKEN})

CONNECTION_ERRORS = (aiohttp.ClientError, OSError, TimeoutError)
"""Errors that are raised when a connection to Discord breaks."""


class RefusedError(Exception):
    """A request that is refused; `str(error)` is a sentence for the member.

    `view` holds buttons below it, with alternatives.
    """

    def __init__(self, sentence: str, view: discord.ui.View | None = None) -> None:
        super().__init__(sentence)
        self.view = view


class UndeliveredError(Exception):
    """Discord did not accept a response; it is retried (see `bot.services.responses`)."""


@dataclass(frozen=True, slots=True)
class TypedText:
    """What a member typed into a form: shown below its error, with a button to edit it again."""

    embed: discord.Embed
    button: discord.ui.Button[Any]


TYPED = "typed"
"""The key of the `TypedText` among the extras of an interaction."""


async def send_error(
    interaction: discord.Interaction,
    text: str,
    view: discord.ui.View | None = None,
    embed: discord.Embed | None = None,
) -> None:
    """Sends a message that only this member sees; a public "is thinking…" is deleted first.

    Raises discord.HTTPException.
    """
    response, missing = interaction.response, discord.utils.MISSING
    sent_view, sent_embed = view or missing, embed or missing
    if not response.is_done():
        await response.send_message(text, ephemeral=True, view=sent_view, embed=sent_embed)
        return
    if response.type is discord.InteractionResponseType.deferred_channel_message:
        # Otherwise the follow-up would fill in the deferred message, visible to everyone.
        with suppress(discord.NotFound):
            await interaction.delete_original_response()
    await interaction.followup.send(text, ephemeral=True, view=sent_view, embed=sent_embed)


async def handle_error(interaction: discord.Interaction, error: Exception) -> bool:
    """Sends the member an error message for a handler's error, and logs it. Never raises.

    Returns False if the member may still be waiting for a response.
    """
    if isinstance(error, app_commands.CommandInvokeError):
        error = error.original
    if isinstance(error, UndeliveredError):
        log.warning("response not delivered, retrying", error=str(error))
        return False
    if is_gone(error):
        log.warning("interaction gone before the response", error=str(error))
        return True
    incident = None if _is_expected(error) else secrets.token_hex(3)
    try:
        view = error.view if isinstance(error, RefusedError) else None
        typed: TypedText | None = None if incident else interaction.extras.get(TYPED)
        if typed:
            view = static_view([*(view.children if view else ()), typed.button])
        embed = typed.embed if typed else None
        await send_error(interaction, _text(error, incident), view, embed)
        return True
    except Exception as failure:
        if not is_gone(failure):
            log.exception("error message not sent")
            return False
        log.warning("interaction gone before the response", error=str(failure))
        return True
    finally:
        if incident:  # after the response, because formatting a traceback takes time
            event = str(error) if isinstance(error, StoreError) else "handler failed"
            log.error(event, incident=incident, exc_info=error)


def is_gone(error: Exception) -> bool:
    """Whether this error means that the interaction can no longer be responded to."""
    return isinstance(error, discord.HTTPException) and error.code in GONE


_CHANGED = (app_commands.CommandNotFound, app_commands.CommandSignatureMismatch)


def _is_expected(error: Exception) -> bool:
    """Whether the request is at fault, not the bot."""
    return isinstance(error, (RefusedError, RecipeError, *_CHANGED))


def _text(error: Exception, incident: str | None) -> str:
    """The error message for the member."""
    match error:
        case RefusedError() | RecipeError():
            return str(error)
        case app_commands.CommandNotFound() | app_commands.CommandSignatureMismatch():
            return gettext("This command has changed. Restart Discord to get the current version.")
        case StoreError():
            return gettext(
                "The queue is unavailable right now, so nothing was queued or changed. Please try"
                " again in a few minutes. (Incident `{incident}`)",
                incident=incident,
            )
    return gettext(
        "Something went wrong, and it has been logged. If it happens again, give incident"
        " `{incident}` to whoever runs this bot.",
        incident=incident,
    )
