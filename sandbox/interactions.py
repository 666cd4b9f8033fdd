"""Interactions: a member runs a command or presses a button, and the bot has 3 s to answer.

The life of one: created by a member with a secret token → announced to the bot → answered once
within 3 s, else it fails and the member reads "The application did not respond" → for 15 minutes
its token edits and deletes the answer and adds follow-ups.
"""

import asyncio
import secrets
from dataclasses import dataclass, field
from typing import Any

from sandbox import errors
from sandbox.commands import (
    ATTACHMENT,
    USER,
    Commands,
    OptionError,
    check_use,
    check_values,
    find_command,
)
from sandbox.errors import FormErrors
from sandbox.forms import BUTTON, LINK_STYLE, is_empty, read_message
from sandbox.permissions import Permission
from sandbox.world import (
    CHAT_INPUT_COMMAND,
    EPHEMERAL,
    FILE_LIMIT,
    LOADING,
    LOCALE,
    REPLY,
    Channel,
    Draft,
    Event,
    Message,
    Origin,
    Payload,
    Upload,
    User,
    World,
)

ANSWER_WITHIN = 3.0
TOKEN_LIFETIME = 15 * 60.0

COMMAND, COMPONENT, AUTOCOMPLETE, MODAL_SUBMIT = 2, 3, 4, 5
SEND, DEFER, DEFER_UPDATE, UPDATE, CHOICES, MODAL = 4, 5, 6, 7, 8, 9

_ANSWERS = {
    COMMAND: (SEND, DEFER, MODAL),
    COMPONENT: (SEND, DEFER, DEFER_UPDATE, UPDATE, MODAL),
    AUTOCOMPLETE: (CHOICES,),
    MODAL_SUBMIT: (SEND, DEFER, DEFER_UPDATE, UPDATE),
}
_TEXT_INPUT, _LABEL = 4, 18


class InteractionError(ValueError):
    """Discord's client would not let the member do this."""


@dataclass(slots=True)
class Interaction:
    """One wish of a member, and what became of it."""

    id: int
    token: str
    kind: int
    user: User
    channel: Channel
    created: float
    data: Payload
    message: Message | None = None
    """The message whose component was used."""
    answer: int | None = None
    original: int | None = None
    """The id of the message that is the answer."""
    modal: Payload | None = None
    outcome: asyncio.Future[Payload] = field(default_factory=asyncio.Future)
    """What the member saw first."""


class Interactions:
    """All interactions whose tokens may still be used."""

    def __init__(self, world: World, commands: Commands) -> None:
        self._world = world
        self._commands = commands
        self._by_token: dict[str, Interaction] = {}
        self._timers: set[asyncio.Task[None]] = set()

    # What members do

    def run_command(self, user: User, channel: Channel, path: str, values: Payload) -> Interaction:
        """A member sends a slash command.

        Raises:
            OptionError: Discord's client would not send it so.
        """
        permissions = self._may_interact(user, channel)
        command, way = find_command(self._commands.offered(channel.guild_id), path)
        check_use(command, permissions)
        target = way[-1] if way else command
        options = check_values(target.get("options", []), values)
        data = self._command_data(command, way, options)
        return self._announce(COMMAND, user, channel, data)

    def autocomplete(
        self, user: User, channel: Channel, path: str, values: Payload, focused: str
    ) -> Interaction:
        """A member types into an option that asks the bot for choices."""
        self._may_interact(user, channel)
        command, way = find_command(self._commands.offered(channel.guild_id), path)
        options = []
        for option in (way[-1] if way else command).get("options", []):
            if option["name"] in values:
                sent = {"name": option["name"], "type": option["type"]}
                sent["value"] = values[option["name"]]
                if option["name"] == focused:
                    if not option.get("autocomplete"):
                        raise OptionError(focused, "This option has no autocomplete.")
                    sent["focused"] = True
                options.append(sent)
        data = self._command_data(command, way, options)
        return self._announce(AUTOCOMPLETE, user, channel, data)

    def use_component(
        self, user: User, channel: Channel, message: Message, custom_id: str, values: list[str]
    ) -> Interaction:
        """A member presses a button or chooses in a select.

        Raises:
            InteractionError: it is not there, or not to be used.
        """
        self._may_interact(user, channel)
        if message not in self._world.visible_messages(channel, user):
            raise InteractionError("The member does not see this message.")
        part = _find(message.components, custom_id)
        if part is None:
            raise InteractionError(f"The message has no component {custom_id!r}.")
        if part.get("disabled"):
            raise InteractionError("The component is disabled.")
        if part["type"] == BUTTON and part["style"] == LINK_STYLE:
            raise InteractionError("A link opens in the browser; the bot hears nothing of it.")
        data: Payload = {
            "custom_id": custom_id,
            "component_type": part["type"],
            "id": part["id"],
        }
        if part["type"] != BUTTON:
            data |= {"values": values, "resolved": self._resolved_users(values, channel)}
        return self._announce(COMPONENT, user, channel, data, message)

    def submit_modal(self, opened: Interaction, values: dict[str, str]) -> Interaction:
        """A member fills in the form that an earlier interaction opened, and sends it."""
        modal = opened.modal
        if modal is None:
            raise InteractionError("No form is open.")
        components = [_filled(row, values) for row in modal["components"]]
        data = {"custom_id": modal["custom_id"], "components": components}
        return self._announce(MODAL_SUBMIT, opened.user, opened.channel, data, opened.message)

    def find(self, interaction_id: int) -> Interaction:
        """The interaction with this id."""
        for interaction in self._by_token.values():
            if interaction.id == interaction_id:
                return interaction
        raise InteractionError("There is no such interaction.")

    def _may_interact(self, user: User, channel: Channel) -> Permission:
        permissions = self._world.permissions(channel, user)
        if Permission.VIEW_CHANNEL not in permissions:
            raise InteractionError("The member does not see this channel.")
        return permissions

    def _command_data(
        self, command: Payload, way: list[Payload], options: list[Payload]
    ) -> Payload:
        for level in reversed(way):
            options = [{"name": level["name"], "type": level["type"], "options": options}]
        data: Payload = {"id": command["id"], "name": command["name"], "type": command["type"]}
        if "guild_id" in command:
            data["guild_id"] = command["guild_id"]
        if options:
            data["options"] = options
        resolved = self._resolved(options)
        return data | ({"resolved": resolved} if resolved else {})

    def _resolved(self, options: list[Payload]) -> Payload:
        """The attachments and users that the options name by id."""
        resolved: Payload = {}
        for option in options:
            if option["type"] == ATTACHMENT:
                attachment = self._world.cdn.find(int(option["value"]))
                if attachment is None:
                    raise OptionError(option["name"], "The file was not uploaded.")
                payload = self._world.attachment_payload(attachment)
                resolved.setdefault("attachments", {})[option["value"]] = payload
            elif option["type"] == USER:
                user = self._world.users.get(int(option["value"]))
                if user is None:
                    raise OptionError(option["name"], "There is no such member.")
                resolved.setdefault("users", {})[option["value"]] = user.payload()
            resolved |= self._resolved(option.get("options", []))
        return resolved

    def _resolved_users(self, values: list[str], channel: Channel) -> Payload:
        users = {
            v: self._world.users[int(v)]
            for v in values
            if v.isdigit() and int(v) in self._world.users
        }
        return {"users": {key: user.payload() for key, user in users.items()}} if users else {}

    # The way to the bot

    def _announce(
        self,
        kind: int,
        user: User,
        channel: Channel,
        data: Payload,
        message: Message | None = None,
    ) -> Interaction:
        self._forget_expired()
        interaction = Interaction(
            id=self._world.ids.new(),
            token=secrets.token_urlsafe(96),
            kind=kind,
            user=user,
            channel=channel,
            created=self._world.clock.now(),
            data=data,
            message=message,
        )
        self._by_token[interaction.token] = interaction
        bot = frozenset({self._world.application.bot.id})
        payload = self._payload(interaction)
        self._world.emit(Event("INTERACTION_CREATE", payload, channel.id, bot))
        timer = asyncio.create_task(self._expire(interaction))
        self._timers.add(timer)
        timer.add_done_callback(self._timers.discard)
        return interaction

    def _payload(self, interaction: Interaction) -> Payload:
        world, channel, user = self._world, interaction.channel, interaction.user
        payload: Payload = {
            "id": str(interaction.id),
            "application_id": str(world.application.id),
            "type": interaction.kind,
            "token": interaction.token,
            "version": 1,
            "data": interaction.data,
            "channel_id": str(channel.id),
            "channel": world.channel_payload(channel),
            "locale": LOCALE,
            "app_permissions": str(int(world.permissions(channel, world.application.bot))),
            "entitlements": [],
            "entitlement_sku_ids": [],
            "attachment_size_limit": FILE_LIMIT,
            "authorizing_integration_owners": {"0": str(channel.guild_id or 0)},
            "context": 1 if channel.guild_id is None else 0,
        }
        if channel.guild_id is None:
            payload["user"] = user.payload()
        else:
            member = world.guilds[channel.guild_id].members[user.id]
            permissions = str(int(world.permissions(channel, user)))
            payload |= {
                "guild_id": str(channel.guild_id),
                "guild": {"id": str(channel.guild_id), "locale": LOCALE, "features": []},
                "guild_locale": LOCALE,
                "member": {**member.payload(), "permissions": permissions},
            }
        if interaction.message is not None:
            payload["message"] = world.message_payload(interaction.message)
        return payload

    async def _expire(self, interaction: Interaction) -> None:
        await self._world.clock.sleep_until(interaction.created + ANSWER_WITHIN)
        if interaction.answer is not None:
            return
        self._by_token.pop(interaction.token, None)
        seen = "The application did not respond"
        data = {"id": str(interaction.id), "message": seen}
        member = frozenset({interaction.user.id})
        self._world.emit(Event("INTERACTION_FAILURE", data, interaction.channel.id, member))
        self._settle(interaction, {"kind": "failed", "error": seen})

    def _settle(self, interaction: Interaction, outcome: Payload) -> None:
        if not interaction.outcome.done():
            interaction.outcome.set_result({"interaction_id": str(interaction.id), **outcome})

    def _forget_expired(self) -> None:
        """Drop what nobody can use any more; kept a while so that the error is the right one."""
        oldest = self._world.clock.now() - 4 * TOKEN_LIFETIME
        gone = [token for token, one in self._by_token.items() if one.created < oldest]
        for token in gone:
            del self._by_token[token]

    # What the bot answers

    def respond(
        self, interaction_id: int, token: str, body: Any, files: tuple[Upload, ...]
    ) -> Payload:
        """The one first answer.

        Returns:
            the InteractionCallbackResponse.

        Raises:
            DiscordError: 10062 after 3 s, 40060 for a second answer, 50035 for a wrong form.
        """
        interaction = self._by_token.get(token)
        if interaction is None or interaction.id != interaction_id:
            raise errors.unknown_interaction()
        if interaction.answer is not None:
            raise errors.already_acknowledged()
        if self._world.clock.now() > interaction.created + ANSWER_WITHIN:
            raise errors.unknown_interaction()
        answer = body.get("type")
        if answer not in _ANSWERS[interaction.kind]:
            wrong = FormErrors()
            allowed = ", ".join(map(str, _ANSWERS[interaction.kind]))
            wrong.add("type", "BASE_TYPE_CHOICES", f"Value must be one of {{{allowed}}}.")
            wrong.raise_if_any()
        self._answer(interaction, answer, body.get("data") or {}, files)
        return self._callback_response(interaction)

    def _answer(
        self, interaction: Interaction, answer: int, data: Payload, files: tuple[Upload, ...]
    ) -> None:
        match answer:
            case 4 | 5:
                draft = read_message(data, files, root="data")
                if answer == SEND and is_empty(draft):
                    raise errors.empty_message()
                self._send_original(interaction, draft, loading=answer == DEFER)
                outcome = "message" if answer == SEND else "deferred"
            case 6:
                interaction.original = self._component_message(interaction).id
                outcome = "deferred_update"
            case 7:
                message = self._component_message(interaction)
                self._world.edit(
                    interaction.channel, message, read_message(data, files, root="data")
                )
                interaction.original = message.id
                outcome = "update"
            case 8:
                choices = _checked_choices(data)
                interaction.answer = answer
                return self._settle(interaction, {"kind": "choices", "choices": choices})
            case _:
                interaction.modal = _checked_modal(data)
                interaction.answer = answer
                return self._settle(interaction, {"kind": "modal", "modal": data})
        interaction.answer = answer
        self._settle(interaction, {"kind": outcome, "message_id": str(interaction.original)})

    def _component_message(self, interaction: Interaction) -> Message:
        if interaction.message is None:
            raise errors.unknown_message()
        return interaction.message

    def _send_original(self, interaction: Interaction, draft: Draft, *, loading: bool) -> None:
        asked = draft.flags or 0
        message = self._world.post(
            interaction.channel,
            self._world.application.bot,
            draft if not loading else Draft(),
            kind=CHAT_INPUT_COMMAND if interaction.kind == COMMAND else REPLY,
            flags=LOADING if loading else 0,
            origin=self._origin(interaction),
            only_for=interaction.user.id if asked & EPHEMERAL else None,
        )
        interaction.original = message.id

    def _origin(self, interaction: Interaction) -> Origin:
        return Origin(
            interaction.id,
            interaction.kind,
            interaction.user,
            command=interaction.data["name"] if interaction.kind == COMMAND else None,
            message_id=interaction.message.id if interaction.message else None,
        )

    def _callback_response(self, interaction: Interaction) -> Payload:
        response: Payload = {
            "interaction": {
                "id": str(interaction.id),
                "type": interaction.kind,
                "channel_id": str(interaction.channel.id),
            }
        }
        if interaction.channel.guild_id is not None:
            response["interaction"]["guild_id"] = str(interaction.channel.guild_id)
        message = interaction.channel.messages.get(interaction.original or 0)
        if message is not None:
            response["interaction"] |= {
                "response_message_id": str(message.id),
                "response_message_loading": bool(message.flags & LOADING),
                "response_message_ephemeral": message.only_for is not None,
            }
            if interaction.answer in (SEND, DEFER, UPDATE):
                kind = UPDATE if interaction.answer == UPDATE else SEND
                response["resource"] = {
                    "type": kind,
                    "message": self._world.message_payload(message),
                }
        return response

    # The fifteen minutes after

    def owner(self, application_id: int, token: str) -> Interaction:
        """The answered interaction behind a webhook's address.

        Raises:
            DiscordError: 10015 where there is none, 50027 once the token has expired.
        """
        interaction = self._by_token.get(token)
        if interaction is None or application_id != self._world.application.id:
            raise errors.unknown_webhook()
        if self._world.clock.now() > interaction.created + TOKEN_LIFETIME:
            raise errors.invalid_webhook_token()
        if interaction.answer is None:
            raise errors.unknown_webhook()
        return interaction

    def answered_message(self, interaction: Interaction, message_id: int | None) -> Message:
        """A message of this interaction: the original, or a follow-up by its id.

        Raises:
            DiscordError: 10008 where it is not there, or not this interaction's.
        """
        wanted = interaction.original if message_id is None else message_id
        message = interaction.channel.messages.get(wanted or 0)
        if message is None:
            raise errors.unknown_message()
        own = message.origin is not None and message.origin.interaction_id == interaction.id
        if not own and message.id != interaction.original:
            raise errors.unknown_message()
        return message

    def follow_up(self, interaction: Interaction, draft: Draft) -> Message:
        """A further message; the first one after a deferral takes the deferred one's place."""
        original = interaction.channel.messages.get(interaction.original or 0)
        if original is not None and original.flags & LOADING:
            return self._world.edit(interaction.channel, original, draft)
        asked = draft.flags or 0
        return self._world.post(
            interaction.channel,
            self._world.application.bot,
            draft,
            kind=REPLY,
            origin=self._origin(interaction),
            only_for=interaction.user.id if asked & EPHEMERAL else None,
        )


def _find(components: list[Payload], custom_id: str) -> Payload | None:
    for component in components:
        if component.get("custom_id") == custom_id:
            return component
        inner = list(component.get("components") or ())
        if isinstance(component.get("accessory"), dict):
            inner.append(component["accessory"])
        found = _find(inner, custom_id)
        if found is not None:
            return found
    return None


def _checked_choices(data: Payload) -> list[Payload]:
    choices: list[Payload] = data.get("choices") or []
    wrong = FormErrors("data")
    if len(choices) > 25:
        wrong.too_long("choices", 25)
    for index, choice in enumerate(choices):
        for key in ("name", "value"):
            if isinstance(choice.get(key), str) and not 1 <= len(choice[key]) <= 100:
                wrong.too_long(f"choices.{index}.{key}", 100)
    wrong.raise_if_any()
    return choices


def _checked_modal(data: Payload) -> Payload:
    wrong = FormErrors("data")
    for key, limit in (("custom_id", 100), ("title", 45)):
        if not data.get(key):
            wrong.missing(key)
        elif len(data[key]) > limit:
            wrong.too_long(key, limit)
    rows = data.get("components") or []
    if not 1 <= len(rows) <= 5:
        wrong.add("components", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length.")
    for index, row in enumerate(rows):
        for part in _inputs(row):
            if len(part.get("value") or "") > part.get("max_length", 4000):
                wrong.too_long(f"components.{index}.value", part.get("max_length", 4000))
    wrong.raise_if_any()
    return data


def _inputs(row: Payload) -> list[Payload]:
    """The fields of a modal's row: an action row of the old kind, or a label around one."""
    return [row["component"]] if row["type"] == _LABEL else list(row.get("components") or ())


def _filled(row: Payload, values: dict[str, str]) -> Payload:
    """A row of a modal as it is sent, with what the member wrote or what stood there before."""
    sent = []
    for part in _inputs(row):
        if part["type"] != _TEXT_INPUT:
            raise InteractionError("The scripted member fills in text fields only.")
        text = values.get(part["custom_id"], part.get("value") or "")
        low = part.get("min_length", 0) or (1 if part.get("required", True) else 0)
        if not low <= len(text) <= part.get("max_length", 4000):
            raise InteractionError(f"{part['custom_id']}: the text is too short or too long.")
        sent.append({"type": part["type"], "id": 0, "custom_id": part["custom_id"], "value": text})
    if row["type"] == _LABEL:
        return {"type": _LABEL, "id": 0, "component": sent[0]}
    return {"type": row["type"], "id": 0, "components": sent}
