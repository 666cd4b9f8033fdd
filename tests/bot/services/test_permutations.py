"""/imagine with alternatives in braces: once confirmed, all of the requests are queued or none."""

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
from tests.bot.conftest import ephemeral_message, refusal, wait_for_deletions

# Each request has a message, and so has the group.
pytestmark = pytest.mark.usefixtures("short_rate_limits")

STARS = "a {red, green} star on {white:0.5, black}"


async def request_stars(member: Member, **options: Any) -> MessageView:
    """Requests alternatives; returns the bot's question whether to queue them."""
    return await member.wait_filled(
        await member.slash("imagine", **({"include": STARS, "seed": 7} | options))
    )


async def answer(member: Member, question: MessageView, index: int) -> None:
    await member.press(question, question.buttons[index].custom_id)


async def public_messages(member: Member) -> list[MessageView]:
    return [message for message in await member.messages() if not message.ephemeral]


async def test_alternatives_become_jobs_with_one_seed_once_the_member_confirms(
    bot: ImagineBot, database: Database, ada: Member, bob: Member
) -> None:
    question = await request_stars(ada, exclude="fog")
    assert question.ephemeral
    assert "4 requests (4 images), all with seed 7" in question.text
    assert "a green star on black" in question.text
    assert not await JobQueue(database).waiting()
    await answer(ada, question, 0)
    await ephemeral_message(ada, "Your 4 requests are in the queue")

    jobs = await JobQueue(database).waiting()
    assert [job.recipe.include for job in jobs] == [
        (Prompt("a red star on white", 0.5),),
        (Prompt("a red star on black"),),
        (Prompt("a green star on white", 0.5),),
        (Prompt("a green star on black"),),
    ]
    assert {(job.recipe.seed, job.recipe.exclude) for job in jobs} == {(7, (Prompt("fog"),))}
    *messages, group = await public_messages(bob)
    assert [message.id for message in messages] == [job.message_id for job in jobs]
    assert ["Position" in message.text for message in messages] == [True] * 4
    assert [f"[#{job.id}]" in group.text for job in jobs] == [True] * 4
    assert [f"/{job.message_id})" in group.text for job in jobs] == [True] * 4


async def test_a_question_cannot_be_answered_twice(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada: Member
) -> None:
    question = await request_stars(ada)
    yes = question.buttons[0].custom_id
    components = sandbox.channel.messages[question.id].components
    await answer(ada, question, 1)
    await ephemeral_message(ada, "Nothing was queued")
    sandbox.channel.messages[question.id].components = components
    await ada.press(question, yes)
    await ephemeral_message(ada, "already answered")
    assert not await JobQueue(database).waiting()


async def test_nobody_else_can_confirm_a_request(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada: Member, bob: Member
) -> None:
    yes = (await request_stars(ada)).buttons[0].custom_id
    forged = await bob.wait_filled(await bob.slash("imagine", include="a {blue, pink} circle"))
    part = {"type": 2, "style": 2, "label": "x", "custom_id": yes, "id": 2}
    sandbox.channel.messages[forged.id].components = [{"type": 1, "id": 1, "components": [part]}]
    await bob.press(forged, yes)
    await ephemeral_message(bob, "already answered")
    assert not await JobQueue(database).waiting()


async def test_a_request_over_a_limit_is_refused_with_the_limit_before_the_question(
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


async def test_limits_are_checked_again_when_the_member_confirms(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada: Member
) -> None:
    question = await request_stars(ada)
    guild_id = sandbox.guild.id
    await bot.guild_rules.set_limits(guild_id, guild_id, Limits(per_hour=3), actor_id=1)
    await answer(ada, question, 0)
    await ephemeral_message(ada, "This makes 4 requests. You can make 3 within an hour")
    assert not await JobQueue(database).waiting()
    await bot.guild_rules.set_limits(guild_id, guild_id, Limits(per_hour=4), actor_id=1)
    await answer(ada, question, 0)
    await ephemeral_message(ada, "Your 4 requests are in the queue")


async def test_the_word_filter_checks_every_combination(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada: Member
) -> None:
    await bot.guild_rules.add_word(sandbox.guild.id, WordRule("green star"), actor_id=1)
    await ada.slash("imagine", include=STARS)
    assert "doesn't allow this prompt" in await refusal(ada)
    assert not await JobQueue(database).waiting()


async def test_the_group_message_is_deleted_with_its_jobs(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada: Member
) -> None:
    await answer(ada, await request_stars(ada), 0)
    await ephemeral_message(ada, "Your 4 requests are in the queue")
    assert len(await public_messages(ada)) == 5
    await Deletions(database).delete_member(ada.id)
    await wait_for_deletions(database)
    assert not await public_messages(ada)
    await request_stars(ada)
    await Deletions(database).delete_member(ada.id)
    assert not await Drafts(database).get(2, ada.id)


@pytest.mark.slow
async def test_the_group_message_of_25_long_requests_fits_discords_limit(
    bot: ImagineBot, sandbox: Sandbox, ada: Member
) -> None:
    limits = Limits(waiting=25)
    await bot.guild_rules.set_limits(sandbox.guild.id, sandbox.guild.id, limits, actor_id=9)
    colours = ", ".join(f"*c_{number}*" for number in range(25))
    question = await request_stars(
        ada, include=f"a {{{colours}}} ~~star~~ | **a**_moon_ | _f_**o**`g`~~~~"
    )
    await answer(ada, question, 0)
    await ephemeral_message(ada, "Your 25 requests are in the queue")
    group = (await public_messages(ada))[-1]
    assert "**25 requests by Ada**" in group.text
    assert all(f"[#{number}](" in group.text for number in range(1, 26))


async def test_jobs_are_queued_even_if_discord_refuses_their_messages(
    bot: ImagineBot, sandbox: Sandbox, database: Database, ada: Member
) -> None:
    question = await request_stars(ada)
    sandbox.faults.fail("POST /channels/{channel_id}/messages", 403, times=1)
    await answer(ada, question, 0)
    await ephemeral_message(ada, "Your 4 requests are in the queue")
    assert len(await JobQueue(database).waiting()) == 4
    assert not await public_messages(ada)
