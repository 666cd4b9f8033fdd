"""The choices that a bot offers while a member types into an option."""

from sandbox.discord.command_schema import fits_choice
from sandbox.discord.errors import FormErrors
from sandbox.discord.models import Payload

CHOICES_LIMIT = 25


def check_choices(data: Payload, kind: int) -> list[Payload]:
    """Check the autocomplete choices for an option of this type.

    Raises:
        DiscordError: 50035 with every error at its path.
    """
    choices: list[Payload] = data.get("choices") or []
    wrong = FormErrors("data")
    if len(choices) > CHOICES_LIMIT:
        wrong.too_long("choices", CHOICES_LIMIT)
    for index, choice in enumerate(choices):
        name = choice.get("name")
        if not isinstance(name, str) or not 1 <= len(name) <= 100:
            wrong.add(
                f"choices.{index}.name",
                "BASE_TYPE_BAD_LENGTH",
                "Must be between 1 and 100 in length.",
            )
        if not fits_choice(kind, choice.get("value")):
            wrong.add(
                f"choices.{index}.value",
                "APPLICATION_COMMAND_OPTIONS_CHOICE_VALUE_INVALID",
                "The value does not fit the type of the option",
            )
    wrong.raise_if_any()
    return choices


def focused_type(data: Payload) -> int:
    """The type of the option that the member types into."""
    waiting = list(data["options"])
    while waiting:
        option = waiting.pop()
        if option.get("focused"):
            return int(option["type"])
        waiting += option.get("options", [])
    raise ValueError("Nothing is being typed.")
