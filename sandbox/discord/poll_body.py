"""Validates the poll in the body of a message, as Discord does."""

from typing import Any

from sandbox.discord.errors import FormErrors

QUESTION_LIMIT = 300
ANSWER_LIMIT = 55
ANSWERS_LIMIT = 10
DEFAULT_HOURS = 24
HOURS_LIMIT = 32 * 24


def check_poll(wrong: FormErrors, poll: Any) -> None:
    """Collects the errors of a poll."""
    if not isinstance(poll, dict):
        wrong.add("poll", "MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType")
        return
    _check_text(wrong, "poll.question.text", poll.get("question"), QUESTION_LIMIT)
    answers = poll.get("answers")
    if not isinstance(answers, list):
        wrong.missing("poll.answers")
    elif not 1 <= len(answers) <= ANSWERS_LIMIT:
        many = f"Must be between 1 and {ANSWERS_LIMIT} in length."
        wrong.add("poll.answers", "BASE_TYPE_BAD_LENGTH", many)
    else:
        for index, answer in enumerate(answers):
            media = answer.get("poll_media") if isinstance(answer, dict) else None
            _check_text(wrong, f"poll.answers.{index}.poll_media.text", media, ANSWER_LIMIT)
    _check_duration(wrong, poll.get("duration"))
    if poll.get("layout_type") not in (None, 1):
        wrong.add("poll.layout_type", "BASE_TYPE_CHOICES", "Value must be one of (1,).")


def _check_text(wrong: FormErrors, place: str, media: Any, limit: int) -> None:
    text = media.get("text") if isinstance(media, dict) else None
    if not isinstance(text, str) or not text.strip():
        wrong.missing(place)
    elif len(text) > limit:
        wrong.too_long(place, limit)


def _check_duration(wrong: FormErrors, hours: Any) -> None:
    """A whole number of hours; discord.py writes it as 24.0."""
    if hours is None:
        return
    if isinstance(hours, bool) or not isinstance(hours, int | float) or hours != int(hours):
        wrong.add("poll.duration", "NUMBER_TYPE_COERCE", f'Value "{hours}" is not int.')
    elif hours < 1:
        least = "int value should be greater than or equal to 1."
        wrong.add("poll.duration", "NUMBER_TYPE_MIN", least)
    elif hours > HOURS_LIMIT:
        most = f"int value should be less than or equal to {HOURS_LIMIT}."
        wrong.add("poll.duration", "NUMBER_TYPE_MAX", most)
