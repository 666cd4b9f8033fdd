"""Messages and command descriptions are in the language of each member's Discord client."""

import re
from collections.abc import Iterator
from typing import Any

import discord
import pytest

from bot.client import ImagineBot
from bot.commands.help import TEXT
from bot.services import audit_log_feed
from core.database.connection import Database
from core.database.jobs import Jobs
from core.database.queue import JobQueue
from core.discord_ui.job_buttons import LABELS
from core.i18n import gettext, languages, use_locale
from core.settings import Settings
from sandbox import Sandbox
from sandbox.discord.permissions import Permission
from tests.bot.conftest import ephemeral_message, press_button, request_image, running_bot

LONGEST = {"name": 32, "description": 100}
CHOICE = 100


def parts(part: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A command and everything in it: groups, options, choices."""
    yield part
    for inner in (*part.get("options", ()), *part.get("choices", ())):
        yield from parts(inner)


async def test_the_command_tree_is_translated_into_all_languages_within_discords_limits(
    bot: ImagineBot,
) -> None:
    assert bot.tree.translator
    for command in bot.tree.get_commands():
        payload: dict[str, Any] = await command.get_translated_payload(
            bot.tree, bot.tree.translator
        )
        for part in parts(payload):
            described = part.get("description_localizations", {})
            if part.get("description"):
                assert {locale.partition("-")[0] for locale in described} == {*languages()}, part
            assert all(0 < len(text) <= LONGEST["description"] for text in described.values())
            longest = CHOICE if "value" in part else LONGEST["name"]
            names = part.get("name_localizations", {})
            assert all(0 < len(name) <= longest for name in names.values())
            typed = payload.get("type", 1) == discord.AppCommandType.chat_input.value
            # Names that members type are not translated.
            assert not (names and typed and "value" not in part)


async def test_each_member_reads_their_own_language(
    bot: ImagineBot, sandbox: Sandbox, database: Database
) -> None:
    ada, bob = await sandbox.member("Ada", locale="de"), await sandbox.member("Bob")
    for member, described, not_found, queued in (
        (ada, "Ein Bild aus", "Auftrag gibt es hier nicht", "In der Warteschlange"),
        (bob, "Create an image from a description", "That job doesn't exist here", "In the queue"),
    ):
        commands = {command["name"]: command for command in await member.commands()}
        assert described in commands["imagine"]["description"]
        job_message = await request_image(member)
        assert job_message.title == queued
        await member.slash("cancel", job=77)
        refused = await member.wait_for(lambda message: message.ephemeral and not message.loading)
        assert not_found in refused.content
    assert [job.locale for job in await JobQueue(database).waiting()] == ["de", "en-US"]


async def test_a_job_message_is_in_its_members_language_and_a_response_in_that_of_whoever_pressed(
    bot: ImagineBot, sandbox: Sandbox, database: Database
) -> None:
    ada = await sandbox.member("Ada", locale="de")
    mo = await sandbox.member("Mo", permissions=int(Permission.MANAGE_MESSAGES), locale="fr")
    bob = await sandbox.member("Bob", locale="ja")
    job_message = await request_image(ada)
    await press_button(sandbox, bob, job_message, "cancel:1")
    answer = await bob.wait_for(lambda message: message.ephemeral and not message.loading)
    assert "モデレーター" in answer.content
    await press_button(sandbox, mo, job_message, "cancel:1")
    cancelled = await mo.wait_for(lambda message: "Abgebrochen von Mo." in message.text)
    assert cancelled.id == job_message.id
    assert [button.label for button in cancelled.buttons] == ["Nochmal", "Bearbeiten"]


async def test_a_report_is_in_the_language_of_its_server_and_the_log_in_english(
    sandbox: Sandbox, settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_log_feed, "POLL_SECONDS", 0.02)
    await sandbox.client.set_guild_locale("de")
    ada = await sandbox.member("Ada", locale="ja")
    mo = await sandbox.member("Mo", permissions=int(Permission.MANAGE_MESSAGES))
    office = await sandbox.client.channel("office")
    async with running_bot(sandbox, settings, database) as bot:
        await request_image(ada)
        await mo.slash("mod log channel", channel=office)
        job = await Jobs(database).get(1)
        assert job
        await bot.reports.insert(job, mo.id, None)
        report = await mo.at(office).wait_for(lambda message: "wurde gemeldet" in message.text)
        assert report.buttons[0].label == "Bild löschen"
        await mo.slash("mod block", member=ada)
        await ada.slash("imagine", include="a red circle")
        await ephemeral_message(ada, "ブロックされています")
        _, (refused, *_) = await bot.audit_log.page(sandbox.guild.id)
        assert (refused.reason or "").startswith("You've been blocked")


def test_help_names_the_buttons_by_their_labels() -> None:
    for locale in languages():
        with use_locale(locale):
            _, _, named = gettext(TEXT).partition("\n\n")
            labels = {gettext(label) for label in LABELS.values()}
            assert {*re.findall(r"\*\*(.+?)\*\*", named)} <= labels
