"""What a server's moderators have settled, applied to a wish; free of Discord's objects."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bot.policy import MAX_WAITING, YES, Decision
from bot.word_filter import first_hit
from core.discord_ui.job_message import escaped
from core.i18n import counted, say
from core.moderation import Limits, Rules, Usage
from core.recipe import Recipe, parse_size

DEFAULT_LIMITS = Limits(waiting=MAX_WAITING)
"""What holds where a server has settled nothing."""

MAX_NAMED = 10
"""Channels that a refusal names."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a member asks."""

    channels: frozenset[int] | None
    """The channel, its category, and of a thread its channel; None in a direct conversation."""
    age_restricted: bool


def limits_of(limits: Mapping[int, Limits], roles: Iterable[int], guild_id: int | None) -> Limits:
    """What a member with these roles may have.

    For each number: the most generous of the member's own roles that say something; else what
    everybody has (the role with the server's number); else the default.
    """
    own = [limits[role] for role in roles if role in limits and role != guild_id]
    everybody = limits.get(guild_id or 0, Limits())
    common = Limits(
        running=everybody.running or DEFAULT_LIMITS.running,
        waiting=everybody.waiting or DEFAULT_LIMITS.waiting,
        per_hour=everybody.per_hour,
        size=everybody.size,
        steps=everybody.steps,
    )
    return Limits(
        running=max((each.running for each in own if each.running), default=common.running),
        waiting=max((each.waiting for each in own if each.waiting), default=common.waiting),
        per_hour=max((each.per_hour for each in own if each.per_hour), default=common.per_hour),
        size=max((each.size for each in own if each.size), default=common.size, key=pixels),
        steps=max((each.steps for each in own if each.steps), default=common.steps),
    )


def pixels(size: str) -> int:
    """How many pixels a size such as `96x64` has."""
    width, height = parse_size(size)
    return width * height


def may_ask(recipe: Recipe, rules: Rules, limits: Limits, usage: Usage, place: Place) -> Decision:
    """Whether a member may have this wish here and now; `limits` are theirs."""
    decisions = (
        _not_blocked(rules),
        _not_paused(rules),
        _in_its_place(rules, place),
        _in_good_words(recipe, rules, place),
        _small_enough(recipe, limits),
        _few_enough(usage, limits),
    )
    return next((decision for decision in decisions if not decision), YES)


def _not_blocked(rules: Rules) -> Decision:
    if rules.block is None:
        return YES
    until = rules.block.until
    told = say("The moderators have blocked you from asking for pictures here.")
    if until is not None:
        told = say(
            "The moderators have blocked you from asking for pictures here until {time}.",
            time=f"<t:{int(until)}:f>",
        )
    advice = say("If you think that this is a mistake, talk to them.")
    return Decision(f"{told}{_because(rules.block.reason)} {advice}")


def _not_paused(rules: Rules) -> Decision:
    if rules.pause is None:
        return YES
    told = say("The moderators have paused painting on this server.")
    advice = say("What waits keeps its place. Please ask again later.")
    return Decision(f"{told}{_because(rules.pause.reason)} {advice}")


def _in_its_place(rules: Rules, place: Place) -> Decision:
    if place.channels is None or not rules.allowed_channels:
        return YES
    if rules.allowed_channels & place.channels:
        return YES
    channels = [f"<#{channel}>" for channel in sorted(rules.allowed_channels)[:MAX_NAMED]]
    return Decision(
        say(
            "Pictures are not asked for in this channel. Please go to {channels}.",
            channels=say(" or ").join(channels),
        )
    )


def _in_good_words(recipe: Recipe, rules: Rules, place: Place) -> Decision:
    """What is refused everywhere may not be shown at all; what is for adults may be excluded."""
    wanted = "\n".join(prompt.text for prompt in recipe.include)
    shown = "\n".join([wanted, *(prompt.text for prompt in recipe.exclude)])
    if hit := first_hit((rule for rule in rules.words if not rule.age_restricted), shown):
        return Decision(
            say(
                "The moderators of this server do not want “{found}” in wishes (their rule:"
                " “{rule}”). Please say it in other words.",
                found=escaped(hit.found),
                rule=hit.rule.text,
            )
        )
    if place.age_restricted:
        return YES
    if hit := first_hit((rule for rule in rules.words if rule.age_restricted), wanted):
        return Decision(
            say(
                "On this server, wishes with “{found}” belong into age-restricted channels (the"
                " rule: “{rule}”). Please ask there, or in other words.",
                found=escaped(hit.found),
                rule=hit.rule.text,
            )
        )
    return YES


def _small_enough(recipe: Recipe, limits: Limits) -> Decision:
    if limits.size is not None and recipe.width * recipe.height > pixels(limits.size):
        return Decision(
            say(
                "Your largest picture on this server is {size}: please choose a smaller size.",
                size=limits.size,
            )
        )
    if limits.steps is not None and recipe.steps > limits.steps:
        return Decision(
            say("You may ask for {steps} steps at most on this server.", steps=limits.steps)
        )
    return YES


def _few_enough(usage: Usage, limits: Limits) -> Decision:
    if limits.waiting is not None and usage.waiting >= limits.waiting:
        return Decision(
            counted(
                "You already have 1 wish waiting, and {most} is the most: wait for it, or cancel it"
                " with `/cancel`.",
                "You already have {n} wishes waiting, and {most} is the most: wait for one of them,"
                " or cancel one with `/cancel`.",
                usage.waiting,
                most=limits.waiting,
            )
        )
    if limits.per_hour is not None and usage.last_hour >= limits.per_hour:
        return Decision(
            counted(
                "You asked for 1 wish within the last hour, and {most} is the most (what failed is"
                " not counted): please come back later.",
                "You asked for {n} wishes within the last hour, and {most} is the most (what failed"
                " is not counted): please come back later.",
                usage.last_hour,
                most=limits.per_hour,
            )
        )
    return YES


def _because(reason: str | None) -> str:
    return " " + say("They say: “{reason}”.", reason=escaped(reason)) if reason else ""
