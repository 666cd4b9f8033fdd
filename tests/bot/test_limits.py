"""A server's rules, applied to requests."""

from dataclasses import asdict, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot import limits as limits_module
from bot.decisions import Decision, Reason
from bot.limits import ChannelContext, Request, is_spoilered, limits_of, may_request, pixels
from bot.policy import MAX_FILM_FRAMES, MAX_WAITING
from core.film import Film, Motion
from core.i18n import use_locale
from core.job import Provenance
from core.moderation import Block, Limits, Pause, Rules, Usage, WordRule
from core.recipe import Recipe

GUILD, CHANNEL, ROLE = 1, 2, 3
HERE = ChannelContext(frozenset({CHANNEL}), age_restricted=False)
DIRECT = ChannelContext(None, age_restricted=False)
NO_LIMITS = Limits()


def recipe(include: str = "a red circle", exclude: str = "", **changes: Any) -> Recipe:
    film = changes.pop("film", None)
    plain = Recipe.make(
        include, exclude, **{"width": 64, "height": 64, "steps": 100, "seed": 7} | changes
    )
    return plain.with_film(film) if film else plain


def request(requested: Recipe | None = None, **changes: Any) -> Request:
    plain = Request(requested or recipe(), HERE, Rules(), NO_LIMITS, Usage(), Provenance())
    return replace(plain, **changes)


def refusal(rules: Rules, requested: Recipe | None = None, context: ChannelContext = HERE) -> str:
    return may_request(request(requested, rules=rules, context=context)).refusal


def test_without_rules_every_request_is_admitted() -> None:
    assert may_request(request(limits=limits_of({}, [], GUILD)))
    assert may_request(request(limits=limits_of({}, [], None), context=DIRECT))


def test_a_refusal_says_why_and_what_to_do() -> None:
    blocked = Rules(block=Block(4, until=1_700_000_000.0, reason="spam", by=9))
    assert "until <t:1700000000:f>. Reason: spam. If you think" in refusal(blocked)
    paused = Rules(pause=Pause(0.0, 9, "a film evening"))
    assert "Reason: a film evening." in refusal(paused)
    assert "Try again later" in refusal(paused)


def test_a_block_is_reported_before_anything_else() -> None:
    rules = Rules(
        pause=Pause(0.0, 9, None), block=Block(4, None, None, 9), allowed_channels=frozenset({99})
    )
    assert "been blocked" in refusal(rules)
    assert "paused" in refusal(replace(rules, block=None))
    assert "Try <#99>" in refusal(replace(rules, block=None, pause=None))


def test_a_channel_rule_covers_threads_and_ignores_direct_messages() -> None:
    rules = Rules(allowed_channels=frozenset({CHANNEL}))
    assert not refusal(rules, context=ChannelContext(frozenset({7, CHANNEL}), age_restricted=False))
    assert not refusal(rules, context=DIRECT)
    assert refusal(rules, context=ChannelContext(frozenset({7}), age_restricted=False))


def test_age_restricted_words_are_refused_in_other_channels_unless_excluded() -> None:
    rules = Rules(words=(WordRule("nude", age_restricted=True), WordRule("bad")))
    assert "only allowed in age-restricted channels" in refusal(rules, recipe("a nude"))
    assert not refusal(rules, recipe(exclude="nude"))
    assert not refusal(rules, recipe("a nude"), ChannelContext(HERE.channels, age_restricted=True))
    assert "rephrase" in refusal(rules, recipe(exclude="bad"))
    assert "rephrase" in refusal(rules, recipe("b | a | d:2"))  # spread over the prompts


def test_no_check_runs_after_one_that_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The word filter is the slowest check: a blocked member can't make it run."""

    def first_hit(*_: object) -> None:
        raise AssertionError("the word filter ran")

    monkeypatch.setattr(limits_module, "first_hit", first_hit)
    rules = Rules(block=Block(4, None, None, 9), words=(WordRule("bad"),))
    assert may_request(request(rules=rules)).reason is Reason.BLOCKED
    full = request(limits=Limits(waiting=1), usage=Usage(waiting=1))
    assert may_request(full).reason is Reason.QUEUE_LIMIT


def test_a_decision_is_rendered_in_the_current_language() -> None:
    decision = may_request(request(rules=Rules(pause=Pause(0.0, 9, None))))
    assert decision == Decision(Reason.PAUSED, {"because": None, "everywhere": False})
    english = decision.refusal
    with use_locale("de"):
        assert decision.refusal != english
    assert decision.refusal == english


def test_a_job_from_an_age_restricted_channel_stays_in_such_channels() -> None:
    restricted = request(provenance=Provenance(age_restricted=True))
    assert may_request(restricted).reason is Reason.AGE_RESTRICTED_SOURCE
    assert may_request(replace(restricted, context=DIRECT)).reason is Reason.AGE_RESTRICTED_SOURCE
    assert may_request(
        replace(restricted, context=ChannelContext(HERE.channels, age_restricted=True))
    )


def test_an_image_uploaded_by_someone_else_is_refused() -> None:
    uploaded = request(provenance=Provenance(foreign_images=("0" * 64,)))
    assert may_request(uploaded).reason is Reason.SOMEONE_ELSES_IMAGE


def test_a_spoiler_is_inherited_or_comes_from_the_channel() -> None:
    assert not is_spoilered(request())
    assert is_spoilered(request(provenance=Provenance(spoilered=True), context=DIRECT))
    assert is_spoilered(request(rules=Rules(spoilered_channels=frozenset({CHANNEL}))))
    assert not is_spoilered(request(rules=Rules(spoilered_channels=frozenset({99}))))


@pytest.mark.parametrize(
    ("limits", "usage", "requested", "expected"),
    [
        (Limits(waiting=2), Usage(waiting=2), {}, "/cancel"),
        (Limits(per_hour=2), Usage(last_hour=2), {}, "Try again later"),
        (Limits(size="64x32"), Usage(), {}, "64x32"),
        (Limits(steps=99), Usage(), {}, "99 steps"),
        (Limits(film_frames=59), Usage(), {"film": Film(Motion.LEFT, 60)}, "59 film frames"),
        (Limits(film_frames=1), Usage(), {"film": Film(Motion.LEFT, 10)}, "can't make films"),
    ],
)
def test_a_request_over_a_limit_is_refused_with_the_limit_or_what_to_do(
    limits: Limits, usage: Usage, requested: dict[str, Any], expected: str
) -> None:
    assert expected in may_request(request(recipe(**requested), limits=limits, usage=usage)).refusal


def test_a_request_at_the_limit_is_admitted() -> None:
    limits = Limits(waiting=2, per_hour=3, size="64x64", steps=100)
    assert may_request(request(limits=limits, usage=Usage(waiting=1, last_hour=2)))


numbers = st.none() | st.integers(1, 50)
some_limits = st.builds(
    Limits,
    running=numbers,
    waiting=numbers,
    per_hour=numbers,
    size=st.sampled_from([None, "32x32", "64x64", "64x96", "128x16"]),
    steps=numbers,
    film_frames=numbers,
)


@settings(deadline=None)
@given(st.dictionaries(st.integers(GUILD, 6), some_limits), st.sets(st.integers(GUILD, 6)))
def test_the_most_generous_of_a_members_roles_applies_before_that_of_everyone(
    by_role: dict[int, Limits], roles: set[int]
) -> None:
    result = asdict(limits_of(by_role, roles, GUILD))
    own = [asdict(by_role[role]) for role in roles - {GUILD} if role in by_role]
    everyone = asdict(by_role.get(GUILD, NO_LIMITS))
    default = asdict(Limits(waiting=MAX_WAITING, film_frames=MAX_FILM_FRAMES))
    for name, number in result.items():
        values = [each[name] for each in own if each[name] is not None]
        if values:
            size = pixels if name == "size" else int
            assert size(number) == max(map(size, values))
        else:
            assert number == (everyone[name] or default[name])


@given(some_limits, st.integers(1, 60), st.integers(0, 60), st.integers(0, 60))
def test_a_request_is_refused_if_and_only_if_it_exceeds_a_limit(
    limits: Limits, steps: int, waiting: int, last_hour: int
) -> None:
    requested, usage = recipe(steps=steps), Usage(waiting, last_hour)
    within = (
        (limits.steps is None or steps <= limits.steps)
        and (limits.size is None or requested.width * requested.height <= pixels(limits.size))
        and (limits.waiting is None or waiting < limits.waiting)
        and (limits.per_hour is None or last_hour < limits.per_hour)
    )
    assert bool(may_request(request(requested, limits=limits, usage=usage))) == within
