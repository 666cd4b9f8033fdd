"""Polls: votes, and how a poll ends."""

import asyncio
from collections.abc import Collection

from sandbox.discord import errors
from sandbox.discord.constants import MessageType
from sandbox.discord.models import Channel, Draft, Event, Message, Payload, Poll, User
from sandbox.discord.permissions import Permission
from sandbox.discord.state import World


def vote(
    world: World, channel: Channel, message: Message, user: User, answers: Collection[int]
) -> None:
    """Votes for these answers instead of any that the user has chosen before.

    Raises:
        DiscordError: 10008 without a poll, 50013 without the permissions, 50035 for an answer that
            is not in the poll or for too many, 520001 once it has ended.
    """
    poll = message.poll
    if poll is None or message.only_for is not None:
        raise errors.unknown_message()
    needed = Permission.VIEW_CHANNEL | Permission.READ_MESSAGE_HISTORY
    if needed & ~world.permissions(channel, user):
        raise errors.missing_permissions()
    if poll.ended:
        raise errors.poll_expired()
    if set(answers) - poll.answers.keys() or (len(answers) > 1 and not poll.multiple):
        raise errors.invalid_field("answer_ids", "BASE_TYPE_CHOICES", "Invalid poll answers.")
    for answer, voters in poll.votes.items():
        if user in voters and answer not in answers:
            voters.remove(user)
            _emit(world, "MESSAGE_POLL_VOTE_REMOVE", channel, message, user, answer)
    for answer in answers:
        if user not in poll.votes[answer]:
            poll.votes[answer].append(user)
            _emit(world, "MESSAGE_POLL_VOTE_ADD", channel, message, user, answer)


def end(world: World, channel: Channel, message: Message) -> None:
    """Ends a poll, and posts the result as a reply to it.

    Raises:
        DiscordError: 520006 without a poll, 520001 if it has ended already.
    """
    poll = message.poll
    if poll is None:
        raise errors.no_poll()
    if poll.ended:
        raise errors.poll_expired()
    poll.ended, poll.expiry = True, min(poll.expiry, world.clock.now())
    world.emit_message("MESSAGE_UPDATE", channel, message)
    result = Draft(embeds=[_result(poll)], reference=message.id)
    world.post(channel, message.author, result, kind=MessageType.POLL_RESULT)


class PollTimer:
    """Ends each poll when it expires."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._waiting: set[asyncio.Task[None]] = set()
        world.listen(self._on_event)

    async def close(self) -> None:
        """Stop waiting."""
        for task in self._waiting:
            task.cancel()
        await asyncio.gather(*self._waiting, return_exceptions=True)

    def _on_event(self, event: Event) -> None:
        if event.name != "MESSAGE_CREATE" or "poll" not in event.data:
            return
        channel = self._world.channel(event.channel_id or 0)
        message = channel.messages[int(event.data["id"])]
        if message.poll is not None:
            task = asyncio.create_task(self._end(channel, message, message.poll))
            self._waiting.add(task)
            task.add_done_callback(self._waiting.discard)

    async def _end(self, channel: Channel, message: Message, poll: Poll) -> None:
        await self._world.clock.sleep_until(poll.expiry)
        deleted = channel.id not in self._world.channels or message.id not in channel.messages
        if not deleted and not poll.ended:
            end(self._world, channel, message)


def _result(poll: Poll) -> Payload:
    """The embed of the result message; after a tie it names no winner."""
    counts = {answer: len(voters) for answer, voters in poll.votes.items()}
    most = max(counts.values())
    fields: dict[str, object] = {
        "poll_question_text": poll.question,
        "victor_answer_votes": most,
        "total_votes": sum(counts.values()),
    }
    winners = [answer for answer, count in counts.items() if count == most]
    if most and len(winners) == 1:
        fields["victor_answer_id"] = winners[0]
        fields["victor_answer_text"] = poll.answers[winners[0]]["text"]
    shown = [{"name": name, "value": str(value)} for name, value in fields.items()]
    return {"type": "poll_result", "fields": shown}


def _emit(
    world: World, name: str, channel: Channel, message: Message, user: User, answer: int
) -> None:
    data: Payload = {
        "user_id": str(user.id),
        "channel_id": str(channel.id),
        "message_id": str(message.id),
        "answer_id": answer,
    }
    if channel.guild_id is not None:
        data["guild_id"] = str(channel.guild_id)
    world.emit(Event(name, data, channel.id))
