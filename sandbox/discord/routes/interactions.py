"""Responses to interactions, and their follow-ups."""

from sandbox.discord import errors
from sandbox.discord.message_body import is_empty, read_message
from sandbox.discord.models import Channel, Message
from sandbox.discord.rest import NOTHING, Answer, Call, Rest, Routes, check_not_emptied

routes = Routes()


@routes.add("POST", "/interactions/{interaction_id}/{interaction_token}/callback")
async def answer_interaction(rest: Rest, call: Call) -> Answer:
    token = call.params["interaction_token"]
    response = rest.interactions.respond(
        call.id("interaction_id"), token, call.json, call.body.files
    )
    wanted = call.query.get("with_response", "false").lower() in ("1", "true")
    return Answer(response) if wanted else NOTHING


@routes.add("POST", "/webhooks/{webhook_id}/{webhook_token}")
async def follow_up(rest: Rest, call: Call) -> Answer:
    interaction = rest.interactions.owner(call.id("webhook_id"), call.params["webhook_token"])
    draft = read_message(call.json, call.body.files)
    if is_empty(draft):
        raise errors.empty_message()
    message = rest.interactions.follow_up(interaction, draft)
    return Answer(rest.world.payloads.message(message))


def _answered(rest: Rest, call: Call) -> tuple[Channel, Message]:
    interaction = rest.interactions.owner(call.id("webhook_id"), call.params["webhook_token"])
    followed = call.id("message_id") if "message_id" in call.params else None
    return interaction.channel, rest.interactions.answered_message(interaction, followed)


@routes.add("GET", "/webhooks/{webhook_id}/{webhook_token}/messages/@original")
@routes.add("GET", "/webhooks/{webhook_id}/{webhook_token}/messages/{message_id}")
async def get_answer(rest: Rest, call: Call) -> Answer:
    _, message = _answered(rest, call)
    return Answer(rest.world.payloads.message(message))


@routes.add("PATCH", "/webhooks/{webhook_id}/{webhook_token}/messages/@original")
@routes.add("PATCH", "/webhooks/{webhook_id}/{webhook_token}/messages/{message_id}")
async def edit_answer(rest: Rest, call: Call) -> Answer:
    draft = read_message(call.json, call.body.files)
    channel, message = _answered(rest, call)
    check_not_emptied(message, draft)
    return Answer(rest.world.payloads.message(rest.world.edit(channel, message, draft)))


@routes.add("DELETE", "/webhooks/{webhook_id}/{webhook_token}/messages/@original")
@routes.add("DELETE", "/webhooks/{webhook_id}/{webhook_token}/messages/{message_id}")
async def delete_answer(rest: Rest, call: Call) -> Answer:
    rest.world.delete(*_answered(rest, call))
    return NOTHING
