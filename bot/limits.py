"""A server's rules and limits, applied to a request: pure functions that return decisions."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from bot.decisions import YES, Decision, Reason, refuse
from bot.policy import MAX_FILM_FRAMES, MAX_WAITING
from core.film import MIN_FRAMES
from core.job import Provenance
from core.moderation import Limits, Rules, Usage, WordRule
from core.prompts import Prompt
from core.recipe import Recipe
from core.sizes import parse_size
from core.word_filter import first_hit

DEFAULT_LIMITS = Limits(waiting=MAX_WAITING, film_frames=MAX_FILM_FRAMES)
"""The limits of servers that have set none."""

MAX_NAMED = 10
"""How many channels a refusal lists at most."""


@dataclass(frozen=True, slots=True)
class ChannelContext:
    """Where a request is made."""

    channels: frozenset[int] | None
    """The channel, its category, and a thread's parent; None in direct messages."""
    age_restricted: bool


@dataclass(frozen=True, slots=True)
class Request:
    """A recipe that a member requests, with everything that decides whether it is admitted."""

    recipe: Recipe
    context: ChannelContext
    rules: Rules
    """The server's, for this member."""
    limits: Limits
    """The member's."""
    usage: Usage
    """The member's."""
    provenance: Provenance
    batch_size: int = 1
    """The number of requests made at once; all are admitted, or none."""


def limits_of(limits: Mapping[int, Limits], roles: Iterable[int], guild_id: int | None) -> Limits:
    """The limits of a member with these roles.

    For each limit, the most generous one among the member's roles; else that of @everyone (the role
    with the server's id); else the default.
    """
    own = [limits[role] for role in roles if role in limits and role != guild_id]
    everyone = limits.get(guild_id or 0, Limits())
    default = Limits(
        running=everyone.running or DEFAULT_LIMITS.running,
        waiting=everyone.waiting or DEFAULT_LIMITS.waiting,
        per_hour=everyone.per_hour,
        size=everyone.size,
        steps=everyone.steps,
        film_frames=everyone.film_frames or DEFAULT_LIMITS.film_frames,
    )
    return Limits(
        running=max((each.running for each in own if each.running), default=default.running),
        waiting=max((each.waiting for each in own if each.waiting), default=default.waiting),
        per_hour=max((each.per_hour for each in own if each.per_hour), default=default.per_hour),
        size=max((each.size for each in own if each.size), default=default.size, key=pixels),
        steps=max((each.steps for each in own if each.steps), default=default.steps),
        film_frames=max(
            (each.film_frames for each in own if each.film_frames), default=default.film_frames
        ),
    )


def pixels(size: str) -> int:
    """How many pixels a size such as `96x64` has."""
    width, height = parse_size(size)
    return width * height


def may_request(request: Request) -> Decision:
    """The first refusal of this request, or a yes."""
    return next((refusal for check in _CHECKS if not (refusal := check(request))), YES)


def is_age_restricted(request: Request) -> bool:
    """Whether the result may only be shown in age-restricted channels.

    Age-restricted words need no check: they are only admitted in such channels.
    """
    return request.context.age_restricted or request.provenance.age_restricted


def is_spoilered(request: Request) -> bool:
    """Whether the result is posted as a spoiler."""
    channels = request.context.channels or frozenset()
    return request.provenance.spoilered or bool(request.rules.spoilered_channels & channels)


def _check_block(request: Request) -> Decision:
    if block := request.rules.block:
        return refuse(Reason.BLOCKED, until=block.until, because=block.reason)
    return YES


def _check_pause(request: Request) -> Decision:
    if pause := request.rules.pause:
        return refuse(Reason.PAUSED, because=pause.reason, everywhere=pause.everywhere)
    return YES


def _check_channel(request: Request) -> Decision:
    here, allowed = request.context.channels, request.rules.allowed_channels
    if here is None or not allowed or allowed & here:
        return YES
    return refuse(Reason.WRONG_CHANNEL, channels=tuple(sorted(allowed)[:MAX_NAMED]))


def _check_size_and_steps(request: Request) -> Decision:
    recipe, limits = request.recipe, request.limits
    if limits.size is not None and recipe.width * recipe.height > pixels(limits.size):
        return refuse(Reason.SIZE_LIMIT, size=limits.size)
    if limits.steps is not None and recipe.steps > limits.steps:
        return refuse(Reason.STEPS_LIMIT, steps=limits.steps)
    film, frames = recipe.film, limits.film_frames
    if film and frames is not None and film.frames > frames:
        return refuse(Reason.NO_FILMS if frames < MIN_FRAMES else Reason.FILM_LIMIT, frames=frames)
    return YES


def _check_usage(request: Request) -> Decision:
    usage, limits, new = request.usage, request.limits, request.batch_size
    if limits.waiting is not None and usage.waiting + new > limits.waiting:
        if new > 1:
            return refuse(
                Reason.TOO_MANY_TOGETHER, n=new, waiting=usage.waiting, limit=limits.waiting
            )
        return refuse(Reason.QUEUE_LIMIT, waiting=usage.waiting, limit=limits.waiting)
    if limits.per_hour is not None and usage.last_hour + new > limits.per_hour:
        if new > 1:
            return refuse(
                Reason.TOO_MANY_THIS_HOUR, n=new, made=usage.last_hour, limit=limits.per_hour
            )
        return refuse(Reason.HOURLY_LIMIT, requests=usage.last_hour, limit=limits.per_hour)
    return YES


def _check_own_images(request: Request) -> Decision:
    return refuse(Reason.SOMEONE_ELSES_IMAGE) if request.provenance.foreign_images else YES


def _check_sources(request: Request) -> Decision:
    if request.provenance.age_restricted and not request.context.age_restricted:
        return refuse(Reason.AGE_RESTRICTED_SOURCE)
    return YES


def _check_words(request: Request) -> Decision:
    restricted = request.context.age_restricted
    return may_use_words(request.recipe, request.rules.words, age_restricted=restricted)


def may_use_words(recipe: Recipe, words: Sequence[WordRule], *, age_restricted: bool) -> Decision:
    """Whether a server's word rules permit a recipe's prompts in a channel.

    A word that is refused everywhere may be neither included nor excluded. One that is refused
    outside of age-restricted channels may be excluded anywhere.
    """
    everywhere = [rule for rule in words if not rule.age_restricted]
    if hit := first_hit(everywhere, _texts((*recipe.include, *recipe.exclude))):
        return refuse(Reason.FORBIDDEN_WORD, found=hit.found, rule=hit.rule.text)
    if age_restricted:
        return YES
    restricted = [rule for rule in words if rule.age_restricted]
    if hit := first_hit(restricted, _texts(recipe.include)):
        return refuse(Reason.AGE_RESTRICTED_WORD, found=hit.found, rule=hit.rule.text)
    return YES


def _texts(prompts: Iterable[Prompt]) -> str:
    return "\n".join(prompt.text for prompt in prompts)


_CHECKS: tuple[Callable[[Request], Decision], ...] = (
    _check_block,
    _check_pause,
    _check_channel,
    _check_own_images,
    _check_sources,
    _check_size_and_steps,
    _check_usage,
    _check_words,  # after the cheap checks, because it reads the whole text
)
"""Run in this order, up to the first that refuses."""
