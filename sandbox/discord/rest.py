"""Discord's REST API, version 10: the routes that the bot and the engine use."""

import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from sandbox.discord import errors
from sandbox.discord.clock import parse_snowflake
from sandbox.discord.command_permissions import CommandPermissions
from sandbox.discord.commands import Commands, without_localizations
from sandbox.discord.gateway import Gateway
from sandbox.discord.interactions import Interactions
from sandbox.discord.limits import OLD_MESSAGE_AGE, Limits
from sandbox.discord.message_body import is_empty, read_message
from sandbox.discord.models import Channel, Draft, Message, Payload, User
from sandbox.discord.payloads import member_payload, role_payload, user_payload
from sandbox.discord.permissions import Permission
from sandbox.discord.polls import end as end_poll
from sandbox.discord.reactions import react, unreact
from sandbox.discord.state import World
from sandbox.discord.uploads import Body

NO_TOKEN_NEEDED = ("/webhooks/{webhook_id}/{webhook_token}", "/interactions/", "/gateway")
"""Routes without a bot token: their path contains a secret, or they are public."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request that was read and matched to its route."""

    params: dict[str, str]
    query: dict[str, str]
    body: Body

    def id(self, name: str) -> int:
        """An id in the path. Raises DiscordError 50035 if it is invalid."""
        return snowflake(name, self.params[name])

    @property
    def json(self) -> Any:
        return {} if self.body.json is None else self.body.json


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and a JSON body; None for an empty body."""

    body: Any = None
    status: int = 200


NOTHING = Answer(None, 204)


Handler = Callable[["Rest", Call], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Route:
    """A method and a path with parameters."""

    method: str
    template: str
    pattern: re.Pattern[str]
    handler: Handler

    def needs_token(self) -> bool:
        return not self.template.startswith(NO_TOKEN_NEEDED) or self.template == "/gateway/bot"


ROUTES: list[Route] = []


def route(method: str, template: str) -> Callable[[Handler], Handler]:
    """Register a handler. Templates are those of Discord's OpenAPI description."""
    pattern = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template))

    def register(handler: Handler) -> Handler:
        ROUTES.append(Route(method, template, pattern, handler))
        return handler

    return register


def find_route(method: str, path: str) -> tuple[Route, dict[str, str]]:
    """The route for a path below the API's root.

    Raises:
        DiscordError: 404 if nothing matches, 405 if only another method does.
    """
    matches = [(each, m) for each in ROUTES if (m := each.pattern.fullmatch(path))]
    if not matches:
        raise errors.not_found()
    fitting = [(each, match) for each, match in matches if each.method == method]
    if not fitting:
        raise errors.method_not_allowed()
    # `@me` and `@original` also match an id parameter, so the more specific template wins.
    each, match = min(fitting, key=lambda pair: len(pair[1].groups()))
    return each, match.groupdict()


def snowflake(name: str, text: str) -> int:
    """An id as sent. Raises DiscordError 50035 if it is invalid."""
    value = parse_snowflake(text)
    if value is None:
        raise errors.invalid_field(name, "NUMBER_TYPE_COERCE", f'Value "{text}" is not snowflake.')
    return value


class Rest:
    """What the route handlers use."""

    def __init__(
        self,
        world: World,
        gateway: Gateway,
        commands: Commands,
        overrides: CommandPermissions,
        interactions: Interactions,
        limits: Limits,
    ) -> None:
        self.world = world
        self.gateway = gateway
        self.commands = commands
        self.overrides = overrides
        self.interactions = interactions
        self.limits = limits

    def channel(self, call: Call, needed: int = 0) -> Channel:
        """The channel in the path, if the bot has the permissions that it needs there.

        Raises:
            DiscordError: 10003 unknown, 50001 not visible, 50013 a permission is missing.
        """
        channel = self.world.channel(call.id("channel_id"))
        may = self.world.permissions(channel, self.world.application.bot)
        if channel.parent is not None and needed & Permission.SEND_MESSAGES:
            needed ^= Permission.SEND_MESSAGES | Permission.SEND_MESSAGES_IN_THREADS
        if Permission.VIEW_CHANNEL not in may:
            raise errors.missing_access()
        if needed & ~may:
            raise errors.missing_permissions()
        return channel

    def message(self, call: Call, channel: Channel) -> Message:
        """The message in the path. Ephemeral messages cannot be reached this way."""
        message = channel.messages.get(call.id("message_id"))
        if message is None or message.only_for is not None:
            raise errors.unknown_message()
        return message

    def check_recipient(self, channel: Channel) -> None:
        """Check whether a user accepts direct messages from the bot.

        Raises:
            DiscordError: 50278 without a common guild, 50007 if the user does not accept them.
        """
        user, bot = channel.recipient, self.world.application.bot
        if user is None:
            return
        guilds = self.world.guilds.values()
        if not any({user.id, bot.id} <= guild.members.keys() for guild in guilds):
            raise errors.no_common_guild()
        if user.id in self.world.closed:
            raise errors.cannot_message_user()

    def own_application(self, call: Call) -> None:
        if call.id("application_id") != self.world.application.id:
            raise errors.missing_access()

    def scope(self, call: Call) -> int | None:
        """The guild of the commands; None for the global ones."""
        self.own_application(call)
        if "guild_id" not in call.params:
            return None
        guild_id = call.id("guild_id")
        if guild_id not in self.world.guilds:
            raise errors.missing_access()
        return guild_id


# The application


@route("GET", "/users/@me")
async def get_me(rest: Rest, call: Call) -> Answer:
    own = {"verified": True, "mfa_enabled": True, "email": None, "locale": "en-US"}
    return Answer(user_payload(rest.world.application.bot) | own)


@route("GET", "/oauth2/applications/@me")
@route("GET", "/applications/@me")
async def get_application(rest: Rest, call: Call) -> Answer:
    application = rest.world.application
    return Answer(
        {
            "id": str(application.id),
            "name": application.name,
            "icon": None,
            "description": "",
            "type": None,
            "bot": user_payload(application.bot),
            "bot_public": True,
            "bot_require_code_grant": False,
            "verify_key": "0" * 64,
            "flags": 0,
            "flags_new": "0",
            "redirect_uris": [],
            "interactions_endpoint_url": None,
            "role_connections_verification_url": None,
            "owner": user_payload(application.owner),
            "approximate_guild_count": len(rest.world.guilds),
            "approximate_user_install_count": 0,
            "approximate_user_authorization_count": 0,
            "explicit_content_filter": 0,
            "team": None,
            "eligible_oauth2_scopes": [],
        }
    )


@route("GET", "/gateway")
async def get_gateway(rest: Rest, call: Call) -> Answer:
    return Answer({"url": rest.gateway.url})


@route("GET", "/gateway/bot")
async def get_gateway_bot(rest: Rest, call: Call) -> Answer:
    limit = rest.gateway.start_limit()
    return Answer({"url": rest.gateway.url, "shards": 1, "session_start_limit": limit})


# Guilds, channels, users


@route("GET", "/guilds/{guild_id}")
async def get_guild(rest: Rest, call: Call) -> Answer:
    return Answer(rest.world.payloads.guild(rest.world.guild(call.id("guild_id"))))


@route("GET", "/guilds/{guild_id}/channels")
async def get_guild_channels(rest: Rest, call: Call) -> Answer:
    guild = rest.world.guild(call.id("guild_id"))
    return Answer([rest.world.payloads.channel(channel) for channel in guild.channels.values()])


@route("GET", "/guilds/{guild_id}/threads/active")
async def get_active_threads(rest: Rest, call: Call) -> Answer:
    threads = rest.world.threads(rest.world.guild(call.id("guild_id")))
    shown = [rest.world.payloads.channel(thread) for thread in threads]
    return Answer({"threads": shown, "members": [], "has_more": False})


@route("GET", "/guilds/{guild_id}/roles")
async def get_roles(rest: Rest, call: Call) -> Answer:
    guild = rest.world.guild(call.id("guild_id"))
    return Answer([role_payload(role) for role in guild.roles.values()])


@route("GET", "/guilds/{guild_id}/members/{user_id}")
async def get_member(rest: Rest, call: Call) -> Answer:
    guild = rest.world.guild(call.id("guild_id"))
    member = guild.members.get(call.id("user_id"))
    if member is None:
        raise errors.unknown_member()
    return Answer(member_payload(member))


@route("GET", "/users/{user_id}")
async def get_user(rest: Rest, call: Call) -> Answer:
    user = rest.world.users.get(call.id("user_id"))
    if user is None:
        raise errors.unknown_user()
    return Answer(user_payload(user))


@route("POST", "/users/@me/channels")
async def create_dm(rest: Rest, call: Call) -> Answer:
    user = rest.world.users.get(snowflake("recipient_id", str(call.json.get("recipient_id", ""))))
    if user is None:
        raise errors.unknown_user()
    if user.bot:
        raise errors.cannot_message_user()
    return Answer(rest.world.payloads.channel(rest.world.direct_channel(user)))


@route("GET", "/channels/{channel_id}")
async def get_channel(rest: Rest, call: Call) -> Answer:
    return Answer(rest.world.payloads.channel(rest.channel(call)))


@route("POST", "/channels/{channel_id}/typing")
async def type_in_channel(rest: Rest, call: Call) -> Answer:
    rest.channel(call, Permission.SEND_MESSAGES)
    return NOTHING


# Messages


@route("GET", "/channels/{channel_id}/messages")
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


@route("POST", "/channels/{channel_id}/messages")
async def create_message(rest: Rest, call: Call) -> Answer:
    draft = read_message(call.json, call.body.files)
    needed = int(Permission.SEND_MESSAGES)
    if draft.uploads:
        needed |= Permission.ATTACH_FILES
    if draft.reference is not None:
        needed |= Permission.READ_MESSAGE_HISTORY
    if draft.poll is not None:
        needed |= Permission.SEND_POLLS
    channel = rest.channel(call, needed)
    rest.check_recipient(channel)
    if is_empty(draft):
        raise errors.empty_message()
    if draft.reference is not None and draft.reference not in channel.messages:
        raise errors.invalid_field(
            "message_reference", "REPLIES_UNKNOWN_MESSAGE", "Unknown message"
        )
    message = rest.world.post(channel, rest.world.application.bot, draft)
    return Answer(rest.world.payloads.message(message))


@route("GET", "/channels/{channel_id}/messages/{message_id}")
async def get_message(rest: Rest, call: Call) -> Answer:
    channel = rest.channel(call, Permission.READ_MESSAGE_HISTORY)
    return Answer(rest.world.payloads.message(rest.message(call, channel)))


@route("PATCH", "/channels/{channel_id}/messages/{message_id}")
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
    _check_not_emptied(message, draft)
    if rest.world.clock.now() - message.created > OLD_MESSAGE_AGE:
        retry_after = rest.limits.take_old_edit(channel.id)
        if retry_after is not None:
            raise errors.too_many_old_edits(retry_after)
    return Answer(rest.world.payloads.message(rest.world.edit(channel, message, draft)))


@route("DELETE", "/channels/{channel_id}/messages/{message_id}")
async def delete_message(rest: Rest, call: Call) -> Answer:
    channel = rest.channel(call)
    message = rest.message(call, channel)
    if message.author != rest.world.application.bot:
        rest.channel(call, Permission.MANAGE_MESSAGES)
    rest.world.delete(channel, message)
    return NOTHING


@route("GET", "/channels/{channel_id}/polls/{message_id}/answers/{answer_id}")
async def list_voters(rest: Rest, call: Call) -> Answer:
    channel = rest.channel(call, Permission.READ_MESSAGE_HISTORY)
    poll = rest.message(call, channel).poll
    found = poll.votes.get(call.id("answer_id"), []) if poll else []
    return Answer({"users": _page_of_users(call, found)})


@route("POST", "/channels/{channel_id}/polls/{message_id}/expire")
async def expire_poll(rest: Rest, call: Call) -> Answer:
    channel = rest.channel(call)
    message = rest.message(call, channel)
    if message.author != rest.world.application.bot:
        raise errors.cannot_edit_others()
    end_poll(rest.world, channel, message)
    return Answer(rest.world.payloads.message(message))


_REACTIONS = "/channels/{channel_id}/messages/{message_id}/reactions/{emoji_name}"


@route("GET", _REACTIONS)
async def list_reactions(rest: Rest, call: Call) -> Answer:
    channel = rest.channel(call, Permission.READ_MESSAGE_HISTORY)
    found = rest.message(call, channel).reactions.get(call.params["emoji_name"], [])
    return Answer(_page_of_users(call, found))


@route("PUT", _REACTIONS + "/@me")
async def add_reaction(rest: Rest, call: Call) -> Answer:
    channel = rest.channel(call)
    message, bot = rest.message(call, channel), rest.world.application.bot
    react(rest.world, channel, message, bot, call.params["emoji_name"])
    return NOTHING


@route("DELETE", _REACTIONS + "/@me")
async def remove_own_reaction(rest: Rest, call: Call) -> Answer:
    channel = rest.channel(call)
    message, bot = rest.message(call, channel), rest.world.application.bot
    unreact(rest.world, channel, message, bot, call.params["emoji_name"])
    return NOTHING


@route("DELETE", _REACTIONS + "/{user_id}")
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


def _check_not_emptied(message: Message, draft: Draft) -> None:
    """Refuse an edit that would leave an empty message."""
    kept = draft.kept_files
    files = [file for file in message.files if kept is None or file.id in kept]
    left = (
        message.content if draft.content is None else draft.content,
        message.embeds if draft.embeds is None else draft.embeds,
        message.components if draft.components is None else draft.components,
        files,
        draft.uploads,
    )
    if not any(left):
        raise errors.empty_message()


# Application commands


@route("GET", "/applications/{application_id}/commands")
@route("GET", "/applications/{application_id}/guilds/{guild_id}/commands")
async def list_commands(rest: Rest, call: Call) -> Answer:
    commands = rest.commands.listed(rest.scope(call))
    if call.query.get("with_localizations", "false").lower() not in ("1", "true"):
        commands = [without_localizations(each) for each in commands]
    return Answer(commands)


@route("PUT", "/applications/{application_id}/commands")
@route("PUT", "/applications/{application_id}/guilds/{guild_id}/commands")
async def overwrite_commands(rest: Rest, call: Call) -> Answer:
    return Answer(rest.commands.overwrite(rest.scope(call), call.json or []))


@route("POST", "/applications/{application_id}/commands")
@route("POST", "/applications/{application_id}/guilds/{guild_id}/commands")
async def create_command(rest: Rest, call: Call) -> Answer:
    return Answer(rest.commands.add(rest.scope(call), call.json), 201)


@route("GET", "/applications/{application_id}/commands/{command_id}")
@route("GET", "/applications/{application_id}/guilds/{guild_id}/commands/{command_id}")
async def get_command(rest: Rest, call: Call) -> Answer:
    return Answer(rest.commands.get(rest.scope(call), call.id("command_id")))


@route("DELETE", "/applications/{application_id}/commands/{command_id}")
@route("DELETE", "/applications/{application_id}/guilds/{guild_id}/commands/{command_id}")
async def delete_command(rest: Rest, call: Call) -> Answer:
    rest.commands.remove(rest.scope(call), call.id("command_id"))
    return NOTHING


@route("GET", "/applications/{application_id}/guilds/{guild_id}/commands/permissions")
async def list_overrides(rest: Rest, call: Call) -> Answer:
    return Answer(rest.overrides.listed(rest.scope(call) or 0))


_OVERRIDES = "/applications/{application_id}/guilds/{guild_id}/commands/{command_id}/permissions"


@route("GET", _OVERRIDES)
async def get_overrides(rest: Rest, call: Call) -> Answer:
    return Answer(rest.overrides.of_command(rest.scope(call) or 0, call.id("command_id")))


@route("PUT", _OVERRIDES)
async def set_overrides(rest: Rest, call: Call) -> Answer:
    raise errors.bots_not_allowed()


# Interactions


@route("POST", "/interactions/{interaction_id}/{interaction_token}/callback")
async def answer_interaction(rest: Rest, call: Call) -> Answer:
    token = call.params["interaction_token"]
    response = rest.interactions.respond(
        call.id("interaction_id"), token, call.json, call.body.files
    )
    wanted = call.query.get("with_response", "false").lower() in ("1", "true")
    return Answer(response) if wanted else NOTHING


@route("POST", "/webhooks/{webhook_id}/{webhook_token}")
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


@route("GET", "/webhooks/{webhook_id}/{webhook_token}/messages/@original")
@route("GET", "/webhooks/{webhook_id}/{webhook_token}/messages/{message_id}")
async def get_answer(rest: Rest, call: Call) -> Answer:
    _, message = _answered(rest, call)
    return Answer(rest.world.payloads.message(message))


@route("PATCH", "/webhooks/{webhook_id}/{webhook_token}/messages/@original")
@route("PATCH", "/webhooks/{webhook_id}/{webhook_token}/messages/{message_id}")
async def edit_answer(rest: Rest, call: Call) -> Answer:
    draft = read_message(call.json, call.body.files)
    channel, message = _answered(rest, call)
    _check_not_emptied(message, draft)
    return Answer(rest.world.payloads.message(rest.world.edit(channel, message, draft)))


@route("DELETE", "/webhooks/{webhook_id}/{webhook_token}/messages/@original")
@route("DELETE", "/webhooks/{webhook_id}/{webhook_token}/messages/{message_id}")
async def delete_answer(rest: Rest, call: Call) -> Answer:
    rest.world.delete(*_answered(rest, call))
    return NOTHING
