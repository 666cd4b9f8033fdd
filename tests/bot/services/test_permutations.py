"""/imagine with alternatives in braces: asked, confirmed, queued all or none."""

from typing import Any

import pytest

from bot.client import ImagineBot
from core.database.connection import Database
from core.database.deletions import Deletions
from core.database.drafts import Drafts
from core.database.queue import JobQueue
from core.moderation import Limits, WordRule
from core.prompts import Prompt
from sandbox import Member, MessageView, Sandbox
from tests.bot.conftest import private_message, refusal, worked_off

# A card for each request, and one for all of them.
pytestmark = pytest.mark.usefixtures("short_rate_limits")

STARS = "a {red, green} star on {white:0.5, black}"


async def question(member: Member, **options: Any) -> MessageView:
    """What the bot asks before it queues."""
    return await member.wait_filled(
        await member.slash("imagine", **({"include": STARS, "seed": 7} | options))
    )


async def answer(member: Member, asked: MessageView, index: int) -> None:
    await member.press(asked, asked.buttons[index].custom_id)


async def public(member: Member) -> list[MessageView]:
    return [message for message in await member.messages() if not message.ephemeral]


async def test_alternatives_become_jobs_of_one_seed_once_the_member_says_yes(
    bot: ImagineBot, database: Database, ada: Member, bob: Member
) -> None:
    asked = await question(ada, exclude="fog")
    assert asked.ephemeral
    assert "4 requests (4 images), all with seed 7" in asked.text
    assert "a green star on black" in asked.text
    assert not await JobQueue(database).waiting()
    await answer(ada, asked, 0)
    await private_message(ada, "Your 4 requests are in the queue")

    jobs = await JobQueue(database).waiting()
    assert [job.recipe.include for job in jobs] == [
        (Prompt("a red star on white", 0.5),),
        (Prompt("a red star on black"),),
        (Prompt("a green star on white", 0.5),),
        (Prompt("a green star on black"),),
    ]
    assert {(job.recipe.seed, job.recipe.exclude) for job in jobs} == {(7, (Prompt("fog"),))}
    *cards, group = await public(bob)
    assert [card.id for card in cards] == [job.message_id for job in jobs]
    assert ["Position" in card.text for card in cards] == [True] * 4
    assert [f"[#{job.id}]" in group.text for job in jobs] == [True] * 4
    assert [f"/{job.message_id})" in group.text for job in jobs] == [True] * 4


async def test_a_request_that_was_answered_is_not_queued_again(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada: Member
) -> None:
    asked = await question(ada)
    yes = asked.buttons[0].custom_id
    kept = sandbox.channel.messages[asked.id].components
    await answer(ada, asked, 1)
    await private_message(ada, "Nothing was queued")
    sandbox.channel.messages[asked.id].components = kept
    await ada.press(asked, yes)
    await private_message(ada, "already answered")
    assert not await JobQueue(database).waiting()


async def test_nobody_else_can_confirm_a_request(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada: Member, bob: Member
) -> None:
    yes = (await question(ada)).buttons[0].custom_id
    forged = await bob.wait_filled(await bob.slash("imagine", include="a {blue, pink} circle"))
    part = {"type": 2, "style": 2, "label": "x", "custom_id": yes, "id": 2}
    sandbox.channel.messages[forged.id].components = [{"type": 1, "id": 1, "components": [part]}]
    await bob.press(forged, yes)
    await private_message(bob, "already answered")
    assert not await JobQueue(database).waiting()


async def test_what_is_beyond_a_limit_is_refused_with_its_number_before_the_question(
    bot: ImagineBot, database: Database, ada: Member
) -> None:
    await ada.slash("imagine", include="a {red, green} star on {white, black, blue}")
    assert "This makes 6 requests, and you can have 5 in the queue" in await refusal(ada)
    assert not await JobQueue(database).waiting()


async def test_alternatives_in_private_are_refused_before_anything_is_queued(
    bot: ImagineBot, database: Database, ada: Member
) -> None:
    await ada.slash("imagine", include=STARS, private=True)
    assert "leave out the braces, or `private`" in await refusal(ada)
    assert not await JobQueue(database).waiting()
    assert not await Drafts(database).get(1, ada.id)


async def test_limits_are_counted_again_when_the_member_says_yes(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada: Member
) -> None:
    asked = await question(ada)
    guild_id = sandbox.guild.id
    await bot.guild_rules.set_limits(guild_id, guild_id, Limits(per_hour=3), actor_id=1)
    await answer(ada, asked, 0)
    await private_message(ada, "This makes 4 requests. You can make 3 within an hour")
    assert not await JobQueue(database).waiting()
    await bot.guild_rules.set_limits(guild_id, guild_id, Limits(per_hour=4), actor_id=1)
    await answer(ada, asked, 0)
    await private_message(ada, "Your 4 requests are in the queue")


async def test_the_word_filter_judges_every_combination(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada: Member
) -> None:
    await bot.guild_rules.add_word(sandbox.guild.id, WordRule("green star"), actor_id=1)
    await ada.slash("imagine", include=STARS)
    assert "doesn't allow this prompt" in await refusal(ada)
    assert not await JobQueue(database).waiting()


async def test_the_group_message_goes_with_its_jobs(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada: Member
) -> None:
    await answer(ada, await question(ada), 0)
    await private_message(ada, "Your 4 requests are in the queue")
    assert len(await public(ada)) == 5
    await Deletions(database).delete_member(ada.id)
    await worked_off(database)
    assert not await public(ada)
    await question(ada)
    await Deletions(database).delete_member(ada.id)
    assert not await Drafts(database).get(2, ada.id)


async def test_messages_that_discord_refuses_cost_no_job(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada: Member
) -> None:
    asked = await question(ada)
    sandbox.faults.fail("POST /channels/{channel_id}/messages", 403, times=1)
    await answer(ada, asked, 0)
    await private_message(ada, "Your 4 requests are in the queue")
    assert len(await JobQueue(database).waiting()) == 4
    assert not await public(ada)
