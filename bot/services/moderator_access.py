"""Who may press moderators' buttons: checked at every press.

Moderators are known by their permissions and roles, which Discord sends with every interaction. An
administrator may also show `/mod` to anyone else (Server Settings, Integrations). Only using the
command proves that to the bot, so the command gives such a member a pass: a signed part of the
custom ids in its response, valid for that member and server for 15 minutes.
"""

import time

from bot.errors import RefusedError
from bot.services.admission import is_moderator
from bot.services.signing import PATTERN, sign, verify
from bot.types import Interaction
from core.discord_ui.limits import TOKEN_SECONDS
from core.i18n import gettext, gettext_noop

PASS = rf"(?:[0-9a-f]{{1,12}}\.{PATTERN})?"
"""Matches a pass; empty for moderators."""

MODERATORS_ONLY = gettext_noop("Only moderators of this server can do this.")


def issue_pass(interaction: Interaction) -> str:
    """The pass of a member whom Discord has let use `/mod`; empty for moderators."""
    if is_moderator(interaction):
        return ""
    until = f"{int(time.time() + TOKEN_SECONDS):x}"
    settings = interaction.client.settings
    return f"{until}.{sign(_signed(interaction, until), interaction.user.id, settings)}"


def check_moderator(interaction: Interaction, access_pass: str = "") -> int:
    """The server in which this member moderates. Raises RefusedError."""
    if interaction.guild_id is None:
        raise RefusedError(gettext(MODERATORS_ONLY))
    if not is_moderator(interaction) and not _is_valid(interaction, access_pass):
        raise RefusedError(gettext(MODERATORS_ONLY))
    return interaction.guild_id


def _is_valid(interaction: Interaction, access_pass: str) -> bool:
    until, _, signature = access_pass.partition(".")
    settings, member_id = interaction.client.settings, interaction.user.id
    signed = verify(_signed(interaction, until), signature, member_id, settings)
    return signed and int(until, 16) > time.time()


def _signed(interaction: Interaction, until: str) -> str:
    return f"/mod {interaction.guild_id} {until}"
