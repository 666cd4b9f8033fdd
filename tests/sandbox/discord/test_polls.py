"""Polls: what they may contain, who can vote, and how they end."""

import asyncio
from datetime import timedelta
from typing import Any

import discord
import pytest

from sandbox import Member, Sandbox
from sandbox.discord.client_errors import InteractionError
from sandbox.discord.constants import MessageType
from sandbox.discord.permissions import Permission
from tests import openapi
from tests.sandbox.conftest import Bot, with_timeout


def poll(*answers: str, hours: float = 1, multiple: bool = False) -> discord.Poll:
    created = discord.Poll("Which one?", timedelta(hours=hours), multiple=multiple)
    for answer in answers:
        created.add_answer(text=answer)
    return created


def counts(message: discord.Message) -> dict[str, int]:
    assert message.poll
    return {str(answer.text): answer.vote_count for answer in message.poll.answers}


async def error_of(request: Any) -> tuple[int, int]:
    with pytest.raises(discord.HTTPException) as error:
        await request
    return error.value.status, error.value.code


async def test_members_vote_until_the_poll_ends_and_its_result_is_posted(
    local: Sandbox, engine: Bot, ada: Member
) -> None:
    ben = await local.member("Ben")
    sent = await engine.channel().send(poll=poll("a cat", "a dog"))
    (shown,) = await ada.messages()
    await ada.vote(shown, "a dog")
    await ada.vote(shown, "a cat")  # changes her mind
    await ben.vote(shown, "a cat")
    open_poll = await engine.channel().fetch_message(sent.id)
    assert counts(open_poll) == {"a cat": 2, "a dog": 0}
    assert open_poll.poll
    assert not open_poll.poll.is_finalised()
    cat = open_poll.poll.answers[0]
    assert {voter.id async for voter in cat.voters()} == {ada.id, ben.id}

    local.clock.advance(3601)
    result = await ada.wait_for(lambda each: each.raw["type"] == MessageType.POLL_RESULT)
    assert result.raw["message_reference"]["message_id"] == str(sent.id)
    fields = {each["name"]: each["value"] for each in result.embeds[0]["fields"]}
    assert (fields["victor_answer_text"], fields["total_votes"]) == ("a cat", "2")
    ended = await engine.channel().fetch_message(sent.id)
    assert ended.poll
    assert ended.poll.is_finalised()
    with pytest.raises(InteractionError, match="Poll expired"):
        await ben.vote(shown)
    for transcript in (await ada.transcript(), await ada.transcript("html")):
        assert "a cat: 2" in transcript
        assert "The poll “Which one?” has closed: a cat" in transcript
    openapi.assert_valid(local.requests)
    faults = openapi.load_openapi().payload_errors("MessageResponse", result.raw)
    assert not faults


async def test_the_bot_can_end_its_own_poll_once_but_not_edit_it(engine: Bot, ada: Member) -> None:
    message = await engine.channel().send(poll=poll("yes", "no"))
    assert await error_of(message.edit(content="words")) == (400, 520003)
    ended = await message.end_poll()
    assert ended.poll
    assert ended.poll.is_finalised()
    assert await error_of(message.end_poll()) == (400, 520001)
    plain = await engine.channel().send("words")
    assert await error_of(plain.end_poll()) == (400, 520006)
    fields = {each["name"] for each in (await ada.messages())[1].embeds[0]["fields"]}
    assert "victor_answer_id" not in fields  # nobody voted


@pytest.mark.parametrize(
    "wrong",
    [
        poll(),
        poll(*map(str, range(11))),
        poll("x" * 56),
        poll("x", hours=0),
        poll("x", hours=769),
        poll("x", hours=1.5),
        discord.Poll("q" * 301, timedelta(hours=1)).add_answer(text="x"),
    ],
)
async def test_an_invalid_poll_is_refused(engine: Bot, wrong: discord.Poll) -> None:
    assert await error_of(engine.channel().send(poll=wrong)) == (400, 50035)


async def test_a_poll_needs_the_permission_to_send_polls(local: Sandbox, engine: Bot) -> None:
    bot = local.world.application.bot
    local.world.overwrite(local.channel, bot.id, deny=int(Permission.SEND_POLLS))
    assert await error_of(engine.channel().send(poll=poll("x"))) == (403, 50013)
    await engine.channel().send("words")


@pytest.mark.parametrize("polls", [True, False])
async def test_votes_reach_a_bot_only_with_the_intent_for_polls(
    local: Sandbox, bot: Bot, ada: Member, polls: bool
) -> None:
    received: asyncio.Queue[tuple[int, int, int]] = asyncio.Queue()

    @bot.event
    async def on_raw_poll_vote_add(vote: discord.RawPollVoteActionEvent) -> None:
        received.put_nowait((vote.message_id, vote.user_id, vote.answer_id))

    @bot.event
    async def on_raw_message_delete(deleted: discord.RawMessageDeleteEvent) -> None:
        received.put_nowait((deleted.message_id, 0, 0))

    bot._connection._intents.polls = polls
    await bot.go_online()
    message = await bot.channel().send(poll=poll("a", "b", multiple=True))
    await ada.vote((await ada.messages())[0], "a", "b")
    await message.delete()
    expected = [(message.id, ada.id, 1), (message.id, ada.id, 2)] if polls else []
    for each in (*expected, (message.id, 0, 0)):
        assert await with_timeout(received.get()) == each
