"""Interactions: a member runs a command or presses a button, and the bot has 3 s to respond.

An interaction is created by a member, with a secret token, and sent to the bot. The bot responds
once within 3 s, or the member reads "The application did not respond". For 15 minutes the token
can edit and delete the response and send follow-ups.
"""

import asyncio
import secrets
from typing import Any

from sandbox.discord import errors
from sandbox.discord.autocomplete import check_choices, focused_type
from sandbox.discord.client_errors import InteractionError
from sandbox.discord.command_input import check_values, find_command, find_menu, typed_so_far
from sandbox.discord.commands import Commands
from sandbox.discord.constants import (
    ButtonStyle,
    CallbackType,
    CommandType,
    ComponentType,
    InteractionType,
    MessageFlag,
    MessageType,
    OptionType,
)
from sandbox.discord.errors import FormErrors
from sandbox.discord.interaction_payloads import (
    Interaction,
    callback_response,
    interaction_payload,
    message_kind,
    origin_of,
)
from sandbox.discord.message_body import is_empty, read_message
from sandbox.discord.modals import check_choice, check_modal, fields, fill
from sandbox.discord.models import Channel, Draft, Event, Message, Payload, Upload, User
from sandbox.discord.permissions import Permission
from sandbox.discord.resolved import ResolvedData, resolve_options, resolve_values
from sandbox.discord.state import World, number_components

RESPONSE_SECONDS = 3.0
TOKEN_LIFETIME = 15 * 60.0

_CALLBACKS = {
    InteractionType.COMMAND: (
        CallbackType.MESSAGE,
        CallbackType.DEFERRED_MESSAGE,
        CallbackType.MODAL,
    ),
    InteractionType.COMPONENT: (
        CallbackType.MESSAGE,
        CallbackType.DEFERRED_MESSAGE,
        CallbackType.DEFERRED_UPDATE,
        CallbackType.UPDATE,
        CallbackType.MODAL,
    ),
    InteractionType.AUTOCOMPLETE: (CallbackType.AUTOCOMPLETE,),
    InteractionType.MODAL_SUBMIT: (
        CallbackType.MESSAGE,
        CallbackType.DEFERRED_MESSAGE,
        CallbackType.DEFERRED_UPDATE,
        CallbackType.UPDATE,
    ),
}


class Interactions:
    """All interactions with valid tokens."""

    def __init__(self, world: World, commands: Commands) -> None:
        self._world = world
        self._commands = commands
        self._by_token: dict[str, Interaction] = {}
        self._timers: set[asyncio.Task[None]] = set()

    # What members do

    def run_command(self, user: User, channel: Channel, path: str, values: Payload) -> Interaction:
        """A member sends a slash command.

        Raises:
            OptionError: Discord's client would not send it.
        """
        command, subcommands, options = self._command(user, channel, path)
        sent = check_values(options, values)
        resolved = resolve_options(self._world, user, channel, options, sent)
        data = self._command_data(command, subcommands, sent, resolved)
        return self._announce(InteractionType.COMMAND, user, channel, data)

    def use_menu(
        self, user: User, channel: Channel, name: str, target: Message | User
    ) -> Interaction:
        """A member uses an entry in the context menu of a message or a user.

        Raises:
            OptionError: the member has no such entry.
            InteractionError: the target has no menu for the member.
        """
        self._may_interact(user, channel)
        kind = CommandType.USER if isinstance(target, User) else CommandType.MESSAGE
        command = find_menu(self._commands.offered_in(channel, user), kind, name)
        self._commands.check_use(command, user, channel)
        chosen = ResolvedData(self._world, user, channel)
        if isinstance(target, User):
            chosen.add(OptionType.USER, str(target.id))
        else:
            if target not in self._world.visible_messages(channel, user):
                raise InteractionError("The member cannot see this message.")
            if target.only_for is not None:
                raise InteractionError(
                    "A message that is visible to one member only has no app menu."
                )
            chosen.add_message(target)
        data = self._command_data(command, [], [], chosen.payload)
        return self._announce(
            InteractionType.COMMAND, user, channel, data | {"target_id": str(target.id)}
        )

    def autocomplete(
        self, user: User, channel: Channel, path: str, values: Payload, focused: str
    ) -> Interaction:
        """A member types into an option with autocomplete."""
        command, subcommands, options = self._command(user, channel, path)
        sent = typed_so_far(options, values, focused)
        data = self._command_data(command, subcommands, sent, {})
        return self._announce(InteractionType.AUTOCOMPLETE, user, channel, data)

    def use_component(
        self, user: User, channel: Channel, message: Message, custom_id: str, values: list[str]
    ) -> Interaction:
        """A member presses a button or chooses in a select.

        Raises:
            InteractionError: it does not exist or cannot be used.
        """
        self._may_interact(user, channel)
        if message not in self._world.visible_messages(channel, user):
            raise InteractionError("The member cannot see this message.")
        part = _find(message.components, custom_id)
        if part is None:
            raise InteractionError(f"The message has no component {custom_id!r}.")
        if part.get("disabled"):
            raise InteractionError("The component is disabled.")
        if part["type"] == ComponentType.BUTTON and part["style"] == ButtonStyle.LINK:
            raise InteractionError("A link opens in the browser, without an interaction.")
        data: Payload = {
            "custom_id": custom_id,
            "component_type": part["type"],
            "id": part["id"],
        }
        if part["type"] != ComponentType.BUTTON:
            answer = {"values": check_choice(part, values)}
            data |= answer | resolve_values(self._world, user, channel, [(part, answer)])
        return self._announce(InteractionType.COMPONENT, user, channel, data, message)

    def submit_modal(self, opened: Interaction, values: Payload) -> Interaction:
        """A member submits the modal that an earlier interaction opened."""
        modal = opened.modal
        if modal is None:
            raise InteractionError("No modal is open.")
        components = fill(modal, values)
        answers = zip(fields(modal), fields({"components": components}), strict=True)
        data = {"custom_id": modal["custom_id"], "components": components}
        data |= resolve_values(self._world, opened.user, opened.channel, answers)
        user, channel = opened.user, opened.channel
        return self._announce(
            InteractionType.MODAL_SUBMIT, user, channel, data, opened.message, opened
        )

    def find(self, interaction_id: int) -> Interaction:
        """The interaction with this id."""
        for interaction in self._by_token.values():
            if interaction.id == interaction_id:
                return interaction
        raise InteractionError("There is no such interaction.")

    def _command(
        self, user: User, channel: Channel, path: str
    ) -> tuple[Payload, list[Payload], list[Payload]]:
        """A command that the member may use, its chosen subcommands, and their options."""
        self._may_interact(user, channel)
        command, subcommands = find_command(self._commands.offered_in(channel, user), path)
        self._commands.check_use(command, user, channel)
        return (
            command,
            subcommands,
            (subcommands[-1] if subcommands else command).get("options", []),
        )

    def _may_interact(self, user: User, channel: Channel) -> None:
        if Permission.VIEW_CHANNEL not in self._world.permissions(channel, user):
            raise InteractionError("The member cannot see this channel.")

    def _command_data(
        self,
        command: Payload,
        subcommands: list[Payload],
        options: list[Payload],
        resolved: Payload,
    ) -> Payload:
        for level in reversed(subcommands):
            options = [{"name": level["name"], "type": level["type"], "options": options}]
        data: Payload = {"id": command["id"], "name": command["name"], "type": command["type"]}
        if "guild_id" in command:
            data["guild_id"] = command["guild_id"]
        if options:
            data["options"] = options
        return data | ({"resolved": resolved} if resolved else {})

    # Sending interactions to the bot

    def _announce(
        self,
        kind: InteractionType,
        user: User,
        channel: Channel,
        data: Payload,
        message: Message | None = None,
        opened: Interaction | None = None,
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
            trigger=origin_of(self._world, opened) if opened is not None else None,
        )
        self._by_token[interaction.token] = interaction
        bot = frozenset({self._world.application.bot.id})
        payload = interaction_payload(self._world, interaction)
        self._world.emit(Event("INTERACTION_CREATE", payload, channel.id, bot))
        timer = asyncio.create_task(self._expire(interaction))
        self._timers.add(timer)
        timer.add_done_callback(self._timers.discard)
        return interaction

    async def _expire(self, interaction: Interaction) -> None:
        await self._world.clock.sleep_until(interaction.created + RESPONSE_SECONDS)
        if interaction.answer is not None:
            return
        self._by_token.pop(interaction.token, None)
        error = "The application did not respond"
        data = {"id": str(interaction.id), "message": error}
        member = frozenset({interaction.user.id})
        self._world.emit(Event("INTERACTION_FAILURE", data, interaction.channel.id, member))
        self._settle(interaction, {"kind": "failed", "error": error})

    def _settle(self, interaction: Interaction, outcome: Payload) -> None:
        if not interaction.outcome.done():
            interaction.outcome.set_result({"interaction_id": str(interaction.id), **outcome})

    def _forget_expired(self) -> None:
        """Remove old interactions. Recent ones stay, so that late requests get the right error."""
        oldest = self._world.clock.now() - 4 * TOKEN_LIFETIME
        gone = [token for token, one in self._by_token.items() if one.created < oldest]
        for token in gone:
            del self._by_token[token]

    # The bot's response

    def respond(
        self, interaction_id: int, token: str, body: Any, files: tuple[Upload, ...]
    ) -> Payload:
        """The first and only callback.

        Returns:
            the InteractionCallbackResponse.

        Raises:
            DiscordError: 10062 after 3 s, 40060 for a second callback, 50035 for an invalid form,
                10003 if the channel was deleted.
        """
        interaction = self._by_token.get(token)
        if interaction is None or interaction.id != interaction_id:
            raise errors.unknown_interaction()
        self._world.channel(interaction.channel.id)
        if interaction.answer is not None:
            raise errors.already_acknowledged()
        if self._world.clock.now() > interaction.created + RESPONSE_SECONDS:
            raise errors.unknown_interaction()
        answer = body.get("type")
        if answer not in _CALLBACKS[interaction.kind]:
            wrong = FormErrors()
            allowed = ", ".join(map(str, _CALLBACKS[interaction.kind]))
            wrong.add("type", "BASE_TYPE_CHOICES", f"Value must be one of {{{allowed}}}.")
            wrong.raise_if_any()
        self._answer(interaction, answer, body.get("data") or {}, files)
        return callback_response(self._world, interaction)

    def _answer(
        self, interaction: Interaction, answer: int, data: Payload, files: tuple[Upload, ...]
    ) -> None:
        match answer:
            case CallbackType.MESSAGE | CallbackType.DEFERRED_MESSAGE:
                draft = read_message(data, files, root="data")
                if answer == CallbackType.MESSAGE and is_empty(draft):
                    raise errors.empty_message()
                self._send_original(
                    interaction, draft, loading=answer == CallbackType.DEFERRED_MESSAGE
                )
                outcome = "message" if answer == CallbackType.MESSAGE else "deferred"
            case CallbackType.DEFERRED_UPDATE:
                interaction.original = self._component_message(interaction).id
                outcome = "deferred_update"
            case CallbackType.UPDATE:
                message = self._component_message(interaction)
                self._world.edit(
                    interaction.channel, message, read_message(data, files, root="data")
                )
                interaction.original = message.id
                outcome = "update"
            case CallbackType.AUTOCOMPLETE:
                choices = check_choices(data, focused_type(interaction.data))
                interaction.answer = answer
                return self._settle(interaction, {"kind": "choices", "choices": choices})
            case _:
                check_modal(data)
                interaction.modal = data
                number_components(data["components"])
                interaction.answer = answer
                return self._settle(interaction, {"kind": "modal", "modal": data})
        interaction.answer = answer
        self._settle(interaction, {"kind": outcome, "message_id": str(interaction.original)})

    def _component_message(self, interaction: Interaction) -> Message:
        if interaction.message is None:
            raise errors.unknown_message()
        return interaction.message

    def _send_original(self, interaction: Interaction, draft: Draft, *, loading: bool) -> None:
        flags = draft.flags or 0
        message = self._world.post(
            interaction.channel,
            self._world.application.bot,
            draft if not loading else Draft(),
            kind=message_kind(interaction),
            flags=MessageFlag.LOADING if loading else 0,
            origin=origin_of(self._world, interaction),
            only_for=interaction.user.id if flags & MessageFlag.EPHEMERAL else None,
        )
        interaction.original = message.id

    # The fifteen minutes after the response

    def owner(self, application_id: int, token: str) -> Interaction:
        """The interaction of a webhook URL, which must have a response.

        Raises:
            DiscordError: 10015 for an unknown one, 50027 for an expired token, 10003 if the
                channel was deleted.
        """
        interaction = self._by_token.get(token)
        if interaction is None or application_id != self._world.application.id:
            raise errors.unknown_webhook()
        if self._world.clock.now() > interaction.created + TOKEN_LIFETIME:
            raise errors.invalid_webhook_token()
        if interaction.answer is None:
            raise errors.unknown_webhook()
        self._world.channel(interaction.channel.id)
        return interaction

    def answered_message(self, interaction: Interaction, message_id: int | None) -> Message:
        """A message of this interaction: the original response, or a follow-up by its id.

        Raises:
            DiscordError: 10008 if it does not exist or belongs to another interaction.
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
        """Post a follow-up. The first one after a deferral fills in the deferred response."""
        original = interaction.channel.messages.get(interaction.original or 0)
        if original is not None and original.flags & MessageFlag.LOADING:
            return self._world.edit(interaction.channel, original, draft)
        flags = draft.flags or 0
        return self._world.post(
            interaction.channel,
            self._world.application.bot,
            draft,
            kind=MessageType.REPLY,
            origin=origin_of(self._world, interaction),
            only_for=interaction.user.id if flags & MessageFlag.EPHEMERAL else None,
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
