"""Messages, polls and reactions."""

from collections.abc import Iterable
from dataclasses import replace

from sandbox.discord import errors
from sandbox.discord.clock import parse_snowflake
from sandbox.discord.limits import OLD_MESSAGE_AGE
from sandbox.discord.message_body import is_empty, read_message
from sandbox.discord.models import Channel, Draft, Payload, User
from sandbox.discord.payloads import user_payload
from sandbox.discord.permissions import Permission
from sandbox.discord.polls import end as end_poll
from sandbox.discord.reactions import react, unreact
from sandbox.discord.rest import NOTHING, Answer, Call, Rest, Routes, check_not_emptied, snowflake

routes = Routes()


@routes.add("GET", "/channels/{channel_id}/messages")
async def list_messages(rest: Rest, call: Call) -> Answer:
    channel = rest.channel(call, Permission.READ_MESSAGE_HISTORY)
    limit = parse_snowflake(call.query.get("limit", "50")) or 0
    if not 1 <= limit <= 100:
        raise errors.invalid_field(
            "limit", "NUMBER_TYPE_MAX", "int value should be between 1 and 100."
        )
    found = [m for _, m in sorted(channel.messages.items()) if m.only_for is None]
    if "after" in call.query:
        after = snowflake("after", call.query["after"])
        found = [message for message in found if message.id > after][:limit]
    if "before" in call.query:
        before = snowflake("before", call.query["before"])
        found = [message for message in found if message.id < before]
    return Answer([rest.world.payloads.message(m) for m in reversed(found[-limit:])])


@routes.add("POST", "/channels/{channel_id}/messages")
async def create_message(rest: Rest, call: Call) -> Answer:
    draft = read_message(call.json, call.body.files)
    needed = int(Permission.SEND_MESSAGES)
    if draft.uploads:
        needed |= Permission.ATTACH_FILES
    if draft.poll is not None:
        needed |= Permission.SEND_POLLS
    channel = rest.channel(call, needed)
    rest.check_recipient(channel)
    if is_empty(draft):
        raise errors.empty_message()
    if draft.reference is not None:
        draft = _checked_reply(rest, channel, draft)
    message = rest.world.post(channel, rest.world.application.bot, draft)
    return Answer(rest.world.payloads.message(message))


def _checked_reply(rest: Rest, channel: Channel, draft: Draft) -> Draft:
    """The reply; an ordinary message if what it replies to is gone and need not exist.

    Raises:
        DiscordError: 160002 without the permission to read the history; 50035.
    """
    may = rest.world.permissions(channel, rest.world.application.bot)
    if Permission.READ_MESSAGE_HISTORY not in may:
        raise errors.cannot_reply()
    if draft.reference in channel.messages:
        return draft
    if draft.reference_must_exist:
        raise errors.invalid_field(
            "message_reference", "REPLIES_UNKNOWN_MESSAGE", "Unknown message"
        )
    return replace(draft, reference=None)


@routes.add("GET", "/channels/{channel_id}/messages/{message_id}")
async def get_message(rest: Rest, call: Call) -> Answer:
    channel = rest.channel(call, Permission.READ_MESSAGE_HISTORY)
    return Answer(rest.world.payloads.message(rest.message(call, channel)))


@routes.add("PATCH", "/channels/{channel_id}/messages/{message_id}")
async def update_message(rest: Rest, call: Call) -> Answer:
    draft = read_message(call.json, call.body.files)
    channel = rest.channel(call)
    message = rest.message(call, channel)
    if message.author != rest.world.application.bot:
        raise errors.cannot_edit_others()
    if message.poll is not None:
        raise errors.cannot_edit_poll()
    if draft.uploads:
        rest.channel(call, Permission.ATTACH_FILES)
    check_not_emptied(message, draft)
    if rest.world.clock.now() - message.created > OLD_MESSAGE_AGE:
        retry_after = rest.limits.take_old_edit(channel.id)
        if retry_after is not None:
            raise errors.too_many_old_edits(retry_after)
    return Answer(rest.world.payloads.message(rest.world.edit(channel, message, draft)))


@routes.add("DELETE", "/channels/{channel_id}/messages/{message_id}")
async def delete_message(rest: Rest, call: Call) -> Answer:
    channel = rest.channel(call)
    message = rest.message(call, channel)
    if message.author != rest.world.application.bot:
        rest.channel(call, Permission.MANAGE_MESSAGES)
    rest.world.delete(channel, message)
    return NOTHING


@routes.add("GET", "/channels/{channel_id}/polls/{message_id}/answers/{answer_id}")
async def list_voters(rest: Rest, call: Call) -> Answer:
    channel = rest.channel(call, Permission.READ_MESSAGE_HISTORY)
    poll = rest.message(call, channel).poll
    found = poll.votes.get(call.id("answer_id"), []) if poll else []
    return Answer({"users": _page_of_users(call, found)})


@routes.add("POST", "/channels/{channel_id}/polls/{message_id}/expire")
async def expire_poll(rest: Rest, call: Call) -> Answer:
    channel = rest.channel(call)
    message = rest.message(call, channel)
    if message.author != rest.world.application.bot:
        raise errors.cannot_edit_others()
    end_poll(rest.world, channel, message)
    return Answer(rest.world.payloads.message(message))


_REACTIONS = "/channels/{channel_id}/messages/{message_id}/reactions/{emoji_name}"


@routes.add("GET", _REACTIONS)
async def list_reactions(rest: Rest, call: Call) -> Answer:
    channel = rest.channel(call, Permission.READ_MESSAGE_HISTORY)
    found = rest.message(call, channel).reactions.get(call.params["emoji_name"], [])
    return Answer(_page_of_users(call, found))


@routes.add("PUT", _REACTIONS + "/@me")
async def add_reaction(rest: Rest, call: Call) -> Answer:
    channel = rest.channel(call)
    message, bot = rest.message(call, channel), rest.world.application.bot
    react(rest.world, channel, message, bot, call.params["emoji_name"])
    return NOTHING


@routes.add("DELETE", _REACTIONS + "/@me")
async def remove_own_reaction(rest: Rest, call: Call) -> Answer:
    channel = rest.channel(call)
    message, bot = rest.message(call, channel), rest.world.application.bot
    unreact(rest.world, channel, message, bot, call.params["emoji_name"])
    return NOTHING


@routes.add("DELETE", _REACTIONS + "/{user_id}")
async def remove_reaction(rest: Rest, call: Call) -> Answer:
    channel = rest.channel(call, Permission.MANAGE_MESSAGES)
    message, user = rest.message(call, channel), rest.world.users.get(call.id("user_id"))
    if user is None:
        raise errors.unknown_user()
    unreact(rest.world, channel, message, user, call.params["emoji_name"])
    return NOTHING


def _page_of_users(call: Call, found: Iterable[User]) -> list[Payload]:
    after = parse_snowflake(call.query.get("after", "0")) or 0
    limit = parse_snowflake(call.query.get("limit", "25")) or 0
    users = sorted((user for user in found if user.id > after), key=lambda user: user.id)
    return [user_payload(user) for user in users[:limit]]
