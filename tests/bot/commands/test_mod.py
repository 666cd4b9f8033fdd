"""/mod and its buttons, used by moderators of the local Discord."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bot.client import ImagineBot
from bot.services import audit_log_feed
from bot.services.reports import report_job
from core.database.audit_log import AuditLog
from core.database.claims import Claims
from core.database.connection import Database
from core.database.guild_rules import GuildRules
from core.database.guild_settings import GuildSettings
from core.database.jobs import Jobs
from core.database.queue import JobQueue
from core.database.reports import Reports
from core.discord_ui.audit_log import entry_line
from core.image_check import CheckAction, Concept
from core.job import Job, Reason, ReasonCode, State
from core.moderation import AuditAction, Verdict
from core.settings import Settings
from core.storage.paths import folder_of
from sandbox import Member, MessageView, OptionError, Sandbox
from sandbox.discord.permissions import Permission
from tests.bot.conftest import ephemeral_message, press_button, running_bot, wait_for_deletions

LEASE = 30.0


@pytest.fixture(autouse=True)
def fast_polling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_log_feed, "POLL_SECONDS", 0.02)
    monkeypatch.setattr(audit_log_feed, "RETRY_SECONDS", 0.02)


async def request(member: Member, include: str = "a red circle", **options: Any) -> MessageView:
    return await member.wait_filled(await member.slash("imagine", include=include, **options))


async def run_mod(moderator: Member, command: str, /, **options: Any) -> MessageView:
    """Runs a /mod command; returns the reply, which only the moderator can see."""
    return await _only_reply(moderator, f"mod {command}", **options)


async def assert_refused(
    member: Member, words: str, include: str = "a red circle", **options: Any
) -> None:
    """Checks that a request is refused with these words, which only the member can see."""
    assert words in (await _only_reply(member, "imagine", include=include, **options)).text


async def _only_reply(member: Member, command: str, /, **options: Any) -> MessageView:
    before = {message.id for message in await member.messages()}
    await member.slash(command, **options)
    message = await member.wait_for(
        lambda each: each.id not in before and each.ephemeral and not each.loading
    )
    assert {each.id for each in await member.messages()} == before | {message.id}
    return message


async def waiting(database: Database) -> list[int]:
    return [job.id for job in await JobQueue(database).waiting()]


# -- who moderates -------------------------------------------------------------------------------


async def test_discords_permissions_decide_who_may_use_it(
    bot: ImagineBot, sandbox: Sandbox, ada: Member, mo: Member
) -> None:
    with pytest.raises(OptionError):
        await ada.slash("mod queue")
    await run_mod(mo, "queue")
    await sandbox.client.set_command_permissions("mod", {ada: True})  # as an administrator can
    assert "Nothing here." in (await run_mod(ada, "queue")).text


async def test_the_moderator_role_also_moderates_and_is_kept_across_restarts(
    sandbox: Sandbox, settings: Settings, database: Database, ada: Member, mo: Member
) -> None:
    role = await sandbox.client.role("Keepers")
    keeper = await sandbox.client.member("Kim", roles=[role])
    async with running_bot(sandbox, settings, database):
        first, second = await request(ada), await request(ada)
        await keeper.press(first, "imagine:cancel:1")
        await ephemeral_message(keeper, "Only the member who requested")
        await run_mod(mo, "role", role=role)
        await keeper.press(first, "imagine:cancel:1")
        await ada.wait_for(lambda each: each.id == first.id and "Cancelled by Kim" in each.text)
    async with running_bot(sandbox, settings, database):
        await keeper.press(second, "imagine:cancel:2")  # the role is stored
        await ada.wait_for(lambda each: each.id == second.id and "Cancelled by Kim" in each.text)


# -- the queue -----------------------------------------------------------------------------------


async def test_the_queue_shows_the_member_channel_and_prompt_of_each_job(
    bot: ImagineBot, database: Database, ada: Member, bob: Member, mo: Member
) -> None:
    await request(ada, "a *blue* square")
    await request(bob)
    await Claims(database).claim("engine", LEASE)
    shown = (await run_mod(mo, "queue")).text
    assert f"#1 · step 0/40 · <@{ada.id}> in <#{ada.channel_id}> · a \\*blue\\* square" in shown
    assert f"#2 · waiting · <@{bob.id}>" in shown


async def test_cancel_ends_running_jobs_and_remove_only_waiting_ones(
    bot: ImagineBot, database: Database, sandbox: Sandbox, ada: Member, mo: Member
) -> None:
    for _ in range(3):
        await request(ada)
    await Claims(database).claim("engine", LEASE)
    assert "no job #1" in (await run_mod(mo, "remove", job=1)).text
    await run_mod(mo, "cancel", job=1, why="not here")
    await run_mod(mo, "remove", job=2)
    assert "no job #2" in (await run_mod(mo, "cancel", job=2)).text
    assert await Claims(database).held("engine") == {}
    cancelled = await Jobs(database).get(1)
    assert cancelled
    assert cancelled.reason == Reason(
        ReasonCode.CANCELLED_BY_MODERATOR, {"name": "Mo", "why": "not here"}
    )
    assert await waiting(database) == [3]
    _, entries = await AuditLog(database).page(sandbox.guild.id)
    assert [(entry.action, entry.job_id, entry.actor_id, entry.target_id) for entry in entries] == [
        (AuditAction.REMOVE, 2, mo.id, ada.id),
        (AuditAction.CANCEL, 1, mo.id, ada.id),
    ]
    assert entries[1].reason == "not here"


async def test_up_moves_a_job_to_the_front(
    bot: ImagineBot, database: Database, ada: Member, bob: Member, mo: Member
) -> None:
    await request(ada)
    await request(ada)
    await request(bob)
    offered = await mo.complete("mod up", "job", job="bob")
    assert [choice["value"] for choice in offered] == [3]
    assert "position 1" in (await run_mod(mo, "up", job=3)).text
    assert "position 1" in (await run_mod(mo, "up", job=2)).text
    assert await waiting(database) == [2, 3, 1]
    assert "is not waiting" in (await run_mod(mo, "up", job=77)).text


async def test_clear_asks_for_confirmation_and_its_button_works_after_a_restart(
    sandbox: Sandbox, settings: Settings, database: Database, ada: Member, bob: Member, mo: Member
) -> None:
    async with running_bot(sandbox, settings, database):
        await request(ada)
        await request(bob)
        await request(ada)
        await Claims(database).claim("engine", LEASE)
        question = await run_mod(mo, "clear", member=ada)
        assert (
            f"Cancel all 2 jobs that are waiting or in progress?\nMember: <@{ada.id}>"
            in question.text
        )
        kept = await run_mod(mo, "clear")
        await mo.press(kept, kept.buttons[1].custom_id)
        await ephemeral_message(mo, "Nothing was cancelled")
    assert len(await JobQueue(database).running()) + len(await JobQueue(database).waiting()) == 3
    await sandbox.gateway.wait_connected(connected=False)
    async with running_bot(sandbox, settings, database):
        await mo.press(question, question.buttons[0].custom_id)
        await ephemeral_message(mo, "2 jobs cancelled.")
    assert await waiting(database) == [2]
    assert await JobQueue(database).running() == []


async def test_a_count_of_one_is_in_the_singular(
    bot: ImagineBot, database: Database, ada: Member, bob: Member, mo: Member
) -> None:
    await request(ada)
    question = await run_mod(mo, "clear")
    assert "Cancel 1 job that is waiting or in progress?" in question.text
    await mo.press(question, question.buttons[0].custom_id)
    await ephemeral_message(mo, "1 job cancelled.")
    await request(bob)
    assert "1 of their jobs was cancelled." in (await run_mod(mo, "block", member=bob)).text


async def test_a_pause_shows_members_the_reason_and_lasts_until_resume(
    bot: ImagineBot, database: Database, ada: Member, mo: Member
) -> None:
    await request(ada)
    await Claims(database).claim("engine", LEASE)
    await run_mod(mo, "pause", why="a film evening")
    assert await Claims(database).held("engine") == {}
    assert await Claims(database).claim("engine", LEASE) is None
    await assert_refused(ada, "Reason: a film evening.")
    await ada.slash("queue")
    await ephemeral_message(ada, "paused Imagine here**: a film evening")
    assert "a film evening" in (await run_mod(mo, "queue")).text
    await run_mod(mo, "resume")
    assert "not paused" in (await run_mod(mo, "resume")).text
    job = await Claims(database).claim("engine", LEASE)
    assert job
    assert job.id == 1
    await request(ada)


async def test_refusing_a_private_request_leaves_no_direct_message(
    bot: ImagineBot, ada: Member, mo: Member
) -> None:
    await run_mod(mo, "pause")
    await assert_refused(ada, "requests are paused", private=True)
    assert await (await ada.direct()).messages() == []


# -- members -------------------------------------------------------------------------------------


async def test_limits_depend_on_the_members_roles(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada: Member, mo: Member
) -> None:
    everyone, patrons = await sandbox.client.everyone(), await sandbox.client.role("Patrons")
    await run_mod(mo, "limits set", role=everyone, waiting=1, steps=50, size="64x64", running=1)
    await assert_refused(ada, "Your limit on this server is 50 steps", steps=51)
    await assert_refused(ada, "size limit on this server is 64x64", size="96x64", steps=50)
    await request(ada, steps=50)
    await assert_refused(ada, "1 request in the queue (limit: 1)", steps=50)
    await ada.add_role(patrons)
    await run_mod(mo, "limits set", role=patrons, waiting=3)
    await request(ada, steps=50)
    assert await Claims(database).claim("engine", LEASE)
    assert await Claims(database).claim("engine", LEASE) is None  # only one of her jobs at a time
    listed = (await run_mod(mo, "limits list")).text
    assert "@everyone: 1 in progress at a time · 1 waiting · up to 64x64" in listed
    await run_mod(mo, "limits clear", role=everyone)
    await request(ada)


async def test_failed_and_never_started_jobs_do_not_count_towards_the_hourly_limit(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada: Member, mo: Member
) -> None:
    everyone = await sandbox.client.everyone()
    await run_mod(mo, "limits set", role=everyone, per_hour=2)
    await request(ada)
    await request(ada)
    await assert_refused(ada, "made 2 requests in the last hour")
    await Claims(database).claim("engine", LEASE)
    await Claims(database).finish(1, "engine", State.FAILED, Reason(text="no memory"))
    await request(ada)
    await assert_refused(ada, "made 2 requests in the last hour")
    await Jobs(database).cancel(2)  # it was never started
    await request(ada)


async def test_a_block_cancels_the_members_jobs_and_expires(
    bot: ImagineBot, database: Database, ada: Member, bob: Member, mo: Member
) -> None:
    await request(ada)
    await request(ada)
    await request(bob)
    await Claims(database).claim("engine", LEASE)
    reply = await run_mod(mo, "block", member=ada, why="spam", **{"for": "2h"})
    assert "2 of their jobs were cancelled" in reply.text
    assert await Claims(database).held("engine") == {}
    assert await waiting(database) == [3]
    await assert_refused(ada, "Reason: spam.")
    public = "\n".join(message.text for message in await bob.messages())  # what others can read
    assert not [word for word in ("block", "spam", "refuse") if word in public.casefold()]
    assert f"<@{ada.id}> until" in (await run_mod(mo, "blocked")).text
    clock, database._clock = database._clock, lambda: clock() + 2 * 3600
    await request(ada)
    database._clock = clock
    await assert_refused(ada, "You've been blocked")
    await run_mod(mo, "unblock", member=ada)
    await request(ada)
    assert "30m, 12h" in (await run_mod(mo, "block", member=ada, **{"for": "soon"})).text


# -- words and channels --------------------------------------------------------------------------


async def test_words_are_refused_and_the_test_command_says_which(
    bot: ImagineBot, ada: Member, mo: Member
) -> None:
    await run_mod(mo, "words add", word="bad")
    await run_mod(mo, "words add", word="irl")
    await request(ada, "a girl, badly lit")
    await assert_refused(ada, "doesn't allow this prompt", "a b á d circle")
    await assert_refused(ada, "doesn't allow this prompt", "a circle", exclude="BÁD")
    tested = (await run_mod(mo, "words test", text="a B4D circle")).text
    assert "“B4D” matches the rule “bad”, which is refused everywhere" in tested
    assert "none of the refused words" in (await run_mod(mo, "words test", text="a girl")).text
    offered = await mo.complete("mod words remove", "word", word="b")
    assert [choice["value"] for choice in offered] == ["bad"]
    await run_mod(mo, "words remove", word="bad")
    assert "irl · everywhere" in (await run_mod(mo, "words list")).text
    await request(ada, "a bad circle")


async def test_age_restricted_prompts_are_only_allowed_in_age_restricted_channels(
    bot: ImagineBot, sandbox: Sandbox, ada: Member, mo: Member
) -> None:
    cellar = await sandbox.client.channel("cellar", nsfw=True)
    await run_mod(mo, "words add", word="nude", where="outside of age-restricted channels")
    await assert_refused(ada, "age-restricted channels", "a nude")
    await request(ada, "a circle", exclude="nude")  # members may exclude it
    await request(ada.at(cellar), "a nude")


async def test_requests_are_only_allowed_in_the_chosen_channels(
    bot: ImagineBot, sandbox: Sandbox, ada: Member, mo: Member
) -> None:
    studio = await sandbox.client.channel("studio")
    await run_mod(mo, "channels allow", channel=studio)
    await assert_refused(ada, f"Try <#{studio.id}>")
    await request(ada.at(studio))
    thread = await ada.at(studio).open_thread("sketches")
    await request(ada.at(thread))
    assert f"can be requested in** <#{studio.id}>" in (await run_mod(mo, "channels list")).text
    await run_mod(mo, "channels forget", channel=studio)
    await request(ada)


async def test_images_are_spoilered_in_the_chosen_channels(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada: Member, mo: Member
) -> None:
    surprises = ada.at(await sandbox.client.channel("surprises"))
    await run_mod(mo, "channels spoiler", channel=surprises.channel_id)
    await request(ada)
    await request(surprises)
    await request(surprises.at(await surprises.open_thread("more")))
    await run_mod(mo, "channels spoiler", channel=surprises.channel_id, hide=False)
    await request(surprises)
    assert [job.spoilered for job in await JobQueue(database).waiting()] == [
        False,
        True,
        True,
        False,
    ]


# -- the log -------------------------------------------------------------------------------------


async def test_actions_and_refusals_are_posted_to_the_log_channel_once_even_if_discord_fails(
    bot: ImagineBot, sandbox: Sandbox, ada: Member, mo: Member
) -> None:
    log_channel = await sandbox.client.channel("office")
    mo_in_log_channel = mo.at(log_channel)
    await run_mod(mo, "log channel", channel=log_channel)
    await mo_in_log_channel.wait_for(lambda each: "will be posted here" in each.text)
    sandbox.faults.fail("POST /channels/{channel_id}/messages", 503)
    await run_mod(mo, "words add", word="bad")
    await assert_refused(ada, "rephrase", "a bad circle")
    await mo_in_log_channel.wait_for(lambda each: "“bad” matches the rule “bad”" in each.text)
    lines = "\n".join(message.text for message in await mo_in_log_channel.messages()).splitlines()
    actions = [line for line in lines if "**word**" in line or "**refused**" in line]
    assert len(actions) == 2
    assert f"by <@{mo.id}>" in actions[0]
    assert f"<@{ada.id}>" in actions[1]
    shown = (await run_mod(mo, "log show", member=ada)).text
    assert "**refused**" in shown
    assert "**word**" not in shown


async def test_a_log_channel_that_the_bot_cannot_post_in_is_refused(
    bot: ImagineBot, sandbox: Sandbox, database: Database, mo: Member
) -> None:
    attic = await sandbox.client.channel("attic")
    everyone = await sandbox.client.everyone()
    await sandbox.client.set_overwrite(attic, everyone, deny=int(Permission.SEND_MESSAGES))
    assert "I can't post in" in (await run_mod(mo, "log channel", channel=attic)).text
    assert (await GuildSettings(database).get(sandbox.guild.id)).log_channel is None


# -- reports -------------------------------------------------------------------------------------


@pytest.fixture
async def finished_job(bot: ImagineBot, database: Database, ada: Member, settings: Settings) -> Job:
    """A finished job of Ada's, with its image."""
    await request(ada)
    await Claims(database).claim("engine", LEASE)
    await Claims(database).finish(1, "engine", State.DONE)
    await Jobs(database).mark_posted(1)
    folder = Path(settings.data_dir) / "pictures" / "1"
    folder.mkdir(parents=True)
    (folder / "final-0.png").write_bytes(b"a picture")
    job = await Jobs(database).get(1)
    assert job
    return job


@pytest.fixture
async def mo_in_log_channel(sandbox: Sandbox, finished_job: Job, mo: Member) -> Member:
    """Mo, in the log channel."""
    channel = await sandbox.client.channel("office")
    await run_mod(mo, "log channel", channel=channel)
    return mo.at(channel)


async def report(database: Database, moderator: Member, job: Job, by: Member) -> MessageView:
    assert await Reports(database).insert(job, by.id, "it is *rude*")
    return await moderator.wait_for(lambda each: "was reported" in each.text)


async def test_a_report_is_posted_with_buttons_and_its_image_can_be_deleted(
    database: Database,
    settings: Settings,
    finished_job: Job,
    mo_in_log_channel: Member,
    ada: Member,
    bob: Member,
) -> None:
    message = await report(database, mo_in_log_channel, finished_job, bob)
    for words in (f"<@{ada.id}>", f"<@{bob.id}>", "it is \\*rude\\*", "a red circle"):
        assert words in message.text
    await bob.at(mo_in_log_channel.channel_id).press(message, "imagine:report:1:delete")
    await ephemeral_message(bob.at(mo_in_log_channel.channel_id), "Only moderators")
    await mo_in_log_channel.press(message, "imagine:report:1:delete")
    closed = await mo_in_log_channel.wait_for(
        lambda each: each.id == message.id and not each.buttons
    )
    assert f"done by <@{mo_in_log_channel.id}>" in closed.text
    deleted = await Jobs(database).get(finished_job.id)
    assert deleted
    assert deleted.deleted_at
    assert finished_job.message_id
    await wait_for_deletions(database)
    assert await ada.message(finished_job.message_id) is None
    assert not (settings.data_dir / "pictures" / "1").exists()
    _, (entry, *_) = await AuditLog(database).page(finished_job.guild_id or 0)
    assert (entry.action, entry.details, entry.actor_id) == (
        AuditAction.CLOSE_REPORT,
        {"verdict": "delete"},
        mo_in_log_channel.id,
    )


async def test_a_block_closes_all_reports_of_the_image_and_each_is_closed_once(
    database: Database,
    finished_job: Job,
    mo_in_log_channel: Member,
    ada: Member,
    bob: Member,
    mo: Member,
) -> None:
    message = await report(database, mo_in_log_channel, finished_job, bob)
    await Reports(database).insert(finished_job, mo.id, None)
    await mo_in_log_channel.press(message, "imagine:report:1:block")
    await mo_in_log_channel.wait_for(
        lambda each: each.id == message.id and "for a week: done" in each.text
    )
    await assert_refused(ada, "You've been blocked")
    assert await Reports(database).open(finished_job.guild_id or 0) == (0, [])  # both are closed
    assert not await Reports(database).close(finished_job.guild_id or 0, 2, Verdict.DISMISS, mo.id)


async def test_without_a_log_channel_reports_are_listed_by_the_command(
    database: Database, finished_job: Job, bob: Member, mo: Member
) -> None:
    await Reports(database).insert(finished_job, bob.id, "it is *rude*")
    message = await run_mod(mo, "reports")
    assert "1 open report" in message.text
    assert "it is \\*rude\\*" in message.text
    await mo.press(message, "imagine:review:1:dismiss")
    await mo.wait_for(lambda each: each.id == message.id and "no open reports" in each.text)


async def test_the_review_queue_shows_thumbnails_and_can_close_all_of_a_page_at_once(
    bot: ImagineBot,
    sandbox: Sandbox,
    database: Database,
    mo: Member,
    bob: Member,
    rendered_job: Any,
) -> None:
    jobs = [(await rendered_job(bob, include=f"a blue star {n}"))[0] for n in range(6)]
    for job in jobs:
        await Reports(database).insert(job, bob.id, None)
    page = await run_mod(mo, "reports")
    assert "6 open reports" in page.text
    assert "… and 2 more" in page.text
    names = [file.filename for file in page.files]
    assert names == [f"SPOILER_thumbnail-{job.id}.webp" for job in jobs[:4]]
    await mo.press(page, "imagine:review:2:delete")
    page = await mo.wait_for(lambda each: each.id == page.id and "5 open reports" in each.text)
    ids = "-".join(str(number) for number in (1, 3, 4, 5))
    await mo.press(page, f"imagine:reviewall:{ids}:dismiss")
    page = await mo.wait_for(lambda each: each.id == page.id and "1 open report" in each.text)
    assert [file.filename for file in page.files] == ["SPOILER_thumbnail-6.webp"]
    found = [await Jobs(database).get(job.id) for job in jobs]
    assert [bool(job and job.deleted_at) for job in found] == [False, True, *[False] * 4]


@pytest.mark.parametrize(("verdict", "label"), [("dismiss", "Show"), ("delete", "Refuse")])
async def test_a_held_image_is_shown_or_refused_by_a_moderator(
    bot: ImagineBot,
    database: Database,
    settings: Settings,
    sandbox: Sandbox,
    ada: Member,
    mo: Member,
    verdict: str,
    label: str,
) -> None:
    """Until then it is in no history, and can't be varied."""
    job_message, folder = await held_image(ada, database, settings), folder_of(1, settings.data_dir)
    await press_button(sandbox, ada, job_message, "vary:1")
    await ephemeral_message(ada, "A moderator will look at the image of #1")
    assert await bot.members.history(ada.id, sandbox.guild.id) == (0, [])
    channel = await sandbox.client.channel("office")
    await run_mod(mo, "log channel", channel=channel)
    mo_in_log_channel = mo.at(channel)
    message = await mo_in_log_channel.wait_for(lambda each: "is waiting for review" in each.text)
    assert r"a \*gun\*" in message.text
    assert [file.filename for file in message.files] == ["SPOILER_final-0.png"]
    assert [button.label for button in message.buttons] == ["Show the image", "Refuse the image"]
    await mo_in_log_channel.press(message, f"imagine:report:1:{verdict}")
    await mo_in_log_channel.wait_for(
        lambda each: each.id == message.id and f"{label} the image: done" in each.text
    )
    job = await Jobs(database).get(1)
    assert job
    assert (job.held, job.posted) == (False, False)  # the engine will post the result
    assert job.state is (State.DONE if verdict == "dismiss" else State.FAILED)
    refused = Reason(ReasonCode.IMAGE_REFUSED)
    assert job.reason == (None if verdict == "dismiss" else refused)
    await wait_for_deletions(database)
    assert folder.exists() == (verdict == "dismiss")


async def test_blocking_after_a_members_report_also_refuses_a_held_image(
    bot: ImagineBot, database: Database, settings: Settings, sandbox: Sandbox, ada: Member
) -> None:
    await held_image(ada, database, settings)
    job = await Jobs(database).get(1)
    assert job
    report = await bot.reports.insert(job, 77, "rude")
    assert report
    await bot.reports.close(sandbox.guild.id, report.id, Verdict.BLOCK, 78)
    refused = await Jobs(database).get(1)
    assert refused
    assert (refused.state, refused.held) == (State.FAILED, False)
    assert refused.reason == Reason(ReasonCode.IMAGE_REFUSED)
    await wait_for_deletions(database)
    assert not folder_of(1, settings.data_dir).exists()
    assert (await bot.blocks.active(sandbox.guild.id))[0].member_id == ada.id


async def held_image(ada: Member, database: Database, settings: Settings) -> MessageView:
    """The job message of job 1, whose image is held for review."""
    message = await request(ada)
    await Claims(database).claim("engine", LEASE)
    folder = folder_of(1, settings.data_dir)
    folder.mkdir(parents=True)
    await asyncio.to_thread(Image.new("RGB", (8, 8), "red").save, folder / "final-0.png")
    match = Concept("a *gun*", CheckAction.HOLD)
    await Claims(database).finish(1, "engine", State.DONE, match=match)
    await Jobs(database).mark_posted(1)
    return message


async def test_concepts_are_added_listed_and_removed(
    bot: ImagineBot, database: Database, sandbox: Sandbox, mo: Member, ada: Member
) -> None:
    guild = sandbox.guild.id
    assert "Nothing here" in (await run_mod(mo, "images list")).text
    await run_mod(mo, "images add", concept="a  gun", action="refuse")
    await run_mod(mo, "images add", concept="blood")
    listed = (await run_mod(mo, "images list")).text
    assert "“a gun” · delete it\n“blood” · show it as a spoiler" in listed
    assert await GuildRules(database).concepts(guild) == (
        Concept("a gun", CheckAction.REFUSE),
        Concept("blood", CheckAction.SPOILER),
    )
    assert "without | and =" in (await run_mod(mo, "images add", concept="a|b")).text
    assert "not in the list" in (await run_mod(mo, "images remove", concept="a knife")).text
    await run_mod(mo, "images remove", concept="a gun")
    assert await GuildRules(database).concepts(guild) == (Concept("blood", CheckAction.SPOILER),)
    _, entries = await AuditLog(database).page(guild)
    assert [entry_line(each).split(" ", 1)[1] for each in entries[:2]] == [
        f"**image check** (“a gun”: no longer checked) by <@{mo.id}>",
        f"**image check** (“blood”: spoiler) by <@{mo.id}>",
    ]


async def test_a_member_can_report_an_image_once_and_is_thanked(
    sandbox: Sandbox, settings: Settings, database: Database, ada: Member, bob: Member
) -> None:
    from discord import Interaction, app_commands

    @app_commands.command(name="tell-on", description="Report job 1")
    async def tell_on(interaction: Interaction[ImagineBot]) -> None:
        job = await Jobs(database).get(1)
        assert job
        await report_job(interaction, job, "rude")

    async with running_bot(sandbox, settings, database, tell_on):
        await request(ada)
        thanks = await bob.wait_filled(await bob.slash("tell-on"))
        assert thanks.ephemeral
        assert "Thank you" in thanks.text
        await bob.slash("tell-on")
        await ephemeral_message(bob, "already reported #1")
