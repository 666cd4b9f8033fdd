"""A server's rules, applied to wishes."""

from dataclasses import asdict, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as run
from hypothesis import strategies as st

from bot.limits import Place, limits_of, may_ask, pixels
from bot.policy import MAX_WAITING
from core.moderation import Block, Limits, Pause, Rules, Usage, WordRule
from core.recipe import Recipe

GUILD, CHANNEL, ROLE = 1, 2, 3
HERE = Place(frozenset({CHANNEL}), age_restricted=False)
DIRECT = Place(None, age_restricted=False)
NO_LIMITS = Limits()


def recipe(include: str = "a red circle", exclude: str = "", **changes: Any) -> Recipe:
    return Recipe.make(
        include, exclude, **{"width": 64, "height": 64, "steps": 100, "seed": 7} | changes
    )


def refusal(rules: Rules, wish: Recipe | None = None, place: Place = HERE) -> str:
    return may_ask(wish or recipe(), rules, NO_LIMITS, Usage(), place).refusal


def test_without_rules_everything_is_asked_for() -> None:
    assert may_ask(recipe(), Rules(), limits_of({}, [], GUILD), Usage(), HERE)
    assert may_ask(recipe(), Rules(), limits_of({}, [], None), Usage(), DIRECT)


def test_a_refusal_says_why_and_what_to_do() -> None:
    blocked = Rules(block=Block(4, until=1_700_000_000.0, reason="spam", by=9))
    assert "until <t:1700000000:f>. They say: “spam”. If you think" in refusal(blocked)
    paused = Rules(pause=Pause(0.0, 9, "a film evening"))
    assert "They say: “a film evening”." in refusal(paused)
    assert "ask again later" in refusal(paused)


def test_a_block_is_told_before_anything_else() -> None:
    rules = Rules(
        pause=Pause(0.0, 9, None), block=Block(4, None, None, 9), allowed_channels=frozenset({99})
    )
    assert "blocked you" in refusal(rules)
    assert "paused" in refusal(replace(rules, block=None))
    assert "Please go to <#99>" in refusal(replace(rules, block=None, pause=None))


def test_a_thread_counts_as_its_channel_and_a_direct_conversation_as_none() -> None:
    rules = Rules(allowed_channels=frozenset({CHANNEL}))
    assert not refusal(rules, place=Place(frozenset({7, CHANNEL}), age_restricted=False))
    assert not refusal(rules, place=DIRECT)
    assert refusal(rules, place=Place(frozenset({7}), age_restricted=False))


def test_words_for_adults_are_refused_elsewhere_unless_they_are_kept_away() -> None:
    rules = Rules(words=(WordRule("nude", age_restricted=True), WordRule("bad")))
    assert "age-restricted channels" in refusal(rules, recipe("a nude"))
    assert not refusal(rules, recipe(exclude="nude"))
    assert not refusal(rules, recipe("a nude"), Place(HERE.channels, age_restricted=True))
    assert "in other words" in refusal(rules, recipe(exclude="bad"))
    assert "in other words" in refusal(rules, recipe("b | a | d:2"))  # spread over the prompts


@pytest.mark.parametrize(
    ("limits", "usage", "wish", "words"),
    [
        (Limits(waiting=2), Usage(waiting=2), {}, "/cancel"),
        (Limits(per_hour=2), Usage(last_hour=2), {}, "come back later"),
        (Limits(size="64x32"), Usage(), {}, "64x32"),
        (Limits(steps=99), Usage(), {}, "99 steps"),
    ],
)
def test_limits(limits: Limits, usage: Usage, wish: dict[str, Any], words: str) -> None:
    assert words in may_ask(recipe(**wish), Rules(), limits, usage, HERE).refusal


def test_at_the_limit_is_within_it() -> None:
    limits = Limits(waiting=2, per_hour=3, size="64x64", steps=100)
    assert may_ask(recipe(), Rules(), limits, Usage(waiting=1, last_hour=2), HERE)


numbers = st.none() | st.integers(1, 50)
some_limits = st.builds(
    Limits,
    running=numbers,
    waiting=numbers,
    per_hour=numbers,
    size=st.sampled_from([None, "32x32", "64x64", "64x96", "128x16"]),
    steps=numbers,
)


@run(deadline=None)
@given(st.dictionaries(st.integers(GUILD, 6), some_limits), st.sets(st.integers(GUILD, 6)))
def test_the_most_generous_of_ones_own_roles_counts_then_everybodys(
    by_role: dict[int, Limits], roles: set[int]
) -> None:
    found = asdict(limits_of(by_role, roles, GUILD))
    own = [asdict(by_role[role]) for role in roles - {GUILD} if role in by_role]
    common = asdict(by_role.get(GUILD, NO_LIMITS))
    default = asdict(Limits(waiting=MAX_WAITING))
    for name, number in found.items():
        said = [each[name] for each in own if each[name] is not None]
        if said:
            size = pixels if name == "size" else int
            assert size(number) == max(map(size, said))
        else:
            assert number == (common[name] or default[name])


@given(some_limits, st.integers(1, 60), st.integers(0, 60), st.integers(0, 60))
def test_a_wish_beyond_any_limit_is_refused_and_no_other(
    limits: Limits, steps: int, waiting: int, last_hour: int
) -> None:
    wish, usage = recipe(steps=steps), Usage(waiting, last_hour)
    within = (
        (limits.steps is None or steps <= limits.steps)
        and (limits.size is None or wish.width * wish.height <= pixels(limits.size))
        and (limits.waiting is None or waiting < limits.waiting)
        and (limits.per_hour is None or last_hour < limits.per_hour)
    )
    assert bool(may_ask(wish, Rules(), limits, usage, HERE)) == within
