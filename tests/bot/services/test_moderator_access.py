"""Permissions are checked at every press, whatever the custom id says."""

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest

from bot.client import ImagineBot
from bot.components import BUTTONS
from bot.services import moderator_access
from core.database.connection import Database
from core.database.queue import JobQueue
from sandbox import Member, MessageView, Sandbox
from sandbox.discord.permissions import Permission
from tests.bot.conftest import ephemeral_message, press_button, request_image
from tests.bot.forging import forgery_scene

SAMPLES = {
    "job_id": ["1", "2", "3", "999999999999999999", "8999999999999999999"],
    "row": ["0", "3"],
    "page": ["0", "999999"],
    "filter": ["", "7"],
    "by": ["{own}", "1"],
    "member": ["{own}", "1", "0"],
    "channel": ["0"],
    "number": ["2"],
    "report": ["1", "8999999999999999999"],
    "draft": ["1", "8999999999999999999"],
    "verdict": ["delete", "block", "dismiss"],
    "access": ["", "ffffffffff." + "A" * 16],
    "include": ["a circle"],
    "reports": ["1-2", "1-999999999"],
    "setting": ["size"],
    "form": ["recipe:1", "report:1", "remixed:3:0"],
}
"""What a forger may put into each part of a custom id."""


def forged_ids(own: int) -> Iterator[str]:
    """The custom ids of every button, with all samples of their parts."""
    for button in BUTTONS:
        template = button.__discord_ui_compiled_template__
        prefix = template.pattern.partition("(")[0]
        names = list(template.groupindex)
        for values in itertools.product(*(SAMPLES[name] for name in names)):
            whole = ":".join((prefix.rstrip(":"), *values)).replace("{own}", str(own))
            for custom_id in {whole, whole.rpartition(":")[0]}:
                if template.fullmatch(custom_id):
                    yield custom_id


@pytest.mark.slow
async def test_forging_every_button_reaches_nothing_of_other_members() -> None:
    async with forgery_scene() as scene:
        guild_id = scene.sandbox.guild.id
        await scene.bot.blocks.block(guild_id, 77, actor_id=1, reason="SECRET REASON", until=None)
        await scene.bot.reports.insert(scene.victims[0], 5, "SECRET REPORT")
        recipe = scene.victims[0].recipe
        assert await scene.bot.drafts.insert(scene.victims[0].member_id, [recipe]) == 1
        pressed = list(forged_ids(scene.mallory.id))
        kinds = {custom_id.split(":")[1] for custom_id in pressed}
        assert len(kinds) >= 18  # a new button needs its samples above
        assert len(pressed) > 100
        for custom_id in pressed:
            await scene.forge("press", custom_id.removeprefix("imagine:"), {})
            shown = json.dumps([each.raw for each in await scene.mallory.messages()])
            assert "SECRET" not in shown, custom_id
        assert len(await scene.bot.blocks.active(guild_id)) == 1
        count, _ = await scene.bot.reports.open(guild_id)
        assert count == 1
        assert await scene.bot.drafts.get(1, scene.victims[0].member_id) == (recipe,)


@pytest.fixture
async def role(sandbox: Sandbox) -> Any:
    return await sandbox.client.role("Keepers", permissions=int(Permission.MANAGE_MESSAGES))


@pytest.fixture
async def mo(sandbox: Sandbox, role: Any) -> Member:
    return await sandbox.client.member("Mo", roles=[role])


async def mod_command(moderator: Member, command: str, **options: Any) -> MessageView:
    return await moderator.wait_filled(await moderator.slash(f"mod {command}", **options))


async def test_a_former_moderator_can_neither_turn_pages_nor_clear_the_queue(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada: Member, mo: Member, role: Any
) -> None:
    for _ in range(3):
        await request_image(ada)
    shown, question = await mod_command(mo, "queue"), await mod_command(mo, "clear")
    await mo.remove_role(role)
    await press_button(sandbox, mo, shown, "page:modqueue:0:")
    await ephemeral_message(mo, "Only moderators of this server")
    await mo.press(question, question.buttons[0].custom_id)
    assert len(await JobQueue(database).waiting()) == 3
    assert not [each for each in await mo.messages() if "cancelled" in each.text]


async def test_a_member_allowed_to_use_mod_can_press_its_buttons_for_a_while(
    bot: ImagineBot,
    sandbox: Sandbox,
    database: Database,
    ada: Member,
    bob: Member,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await request_image(ada)
    await sandbox.client.set_command_permissions("mod", {bob: True})
    question = await mod_command(bob, "clear")
    custom_id = question.buttons[0].custom_id
    late = moderator_access.time.time() + 16 * 60
    with monkeypatch.context() as patch:
        patch.setattr(moderator_access.time, "time", lambda: late)
        await bob.press(question, custom_id)
        await ephemeral_message(bob, "Only moderators of this server")
    await bob.press(question, custom_id)
    await ephemeral_message(bob, "1 job cancelled.")
    assert not await JobQueue(database).waiting()
