"""Who may ask for what."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import policy
from core.job import Job, State
from core.recipe import Recipe
from core.sizes import MAX_RATIO, fit_ratio
from engine.models.catalogue import CATALOGUE, Entry
from tests.queued_job import queued_job

GUILD, CHANNEL, ADA, BOB = 1, 2, 3, 4

ADA_HERE = policy.Actor(ADA, GUILD, CHANNEL, moderator=False)
BOB_HERE = policy.Actor(BOB, GUILD, CHANNEL, moderator=False)
MODERATOR = policy.Actor(BOB, GUILD, CHANNEL, moderator=True)


def recipe(*, width: int = 64, height: int = 64, steps: int = 150) -> Recipe:
    return Recipe.make("a red circle", width=width, height=height, steps=steps)


@pytest.fixture
def job() -> Job:
    return queued_job(guild_id=GUILD, channel_id=CHANNEL, member_id=ADA, member_name="Ada")


@pytest.mark.parametrize("pair", ["sketch", "imagenet", "another"])
def test_what_the_menu_offers_may_be_rendered(pair: str) -> None:
    menu = policy.menu(pair)
    for size in menu.suggested:
        requested = recipe(width=size.width, height=size.height, steps=menu.steps)
        assert policy.may_paint(requested, pair)


@pytest.mark.parametrize("side", [256, 1000])
def test_a_size_of_another_pair_is_refused_with_the_sizes_there_are(side: int) -> None:
    decision = policy.may_paint(recipe(width=side, height=side), "sketch")
    assert not decision
    assert f"{side}x{side}" in decision.refusal
    assert "64x64" in decision.refusal


@pytest.mark.parametrize("entry", CATALOGUE.values(), ids=CATALOGUE)
def test_sizes_on_the_menu_suit_the_model(entry: Entry) -> None:
    canvas = policy.menu(entry.name).canvas
    assert canvas.side == entry.side
    assert canvas.factor % entry.factor == 0


@pytest.mark.parametrize("pair", ["sketch", "imagenet"])
@given(ratio=st.floats(1 / MAX_RATIO, MAX_RATIO))
def test_any_aspect_ratio_may_be_rendered(pair: str, ratio: float) -> None:
    width, height = fit_ratio(ratio, policy.menu(pair).canvas)
    assert policy.may_paint(recipe(width=width, height=height), pair)


@pytest.mark.parametrize("steps", [policy.MIN_STEPS - 1, policy.MAX_STEPS + 1])
def test_steps_have_bounds(steps: int) -> None:
    assert "between 10 and 500" in policy.may_paint(recipe(steps=steps), "sketch").refusal


def test_missing_permissions_are_named() -> None:
    assert policy.may_post([])
    assert "Attach Files, Embed Links" in policy.may_post(["Attach Files", "Embed Links"]).refusal


def test_ones_own_job_and_as_moderator_anybodys_may_be_cancelled(job: Job) -> None:
    assert policy.may_cancel(job, ADA_HERE)
    assert policy.may_cancel(replace(job, state=State.RUNNING), ADA_HERE)
    assert policy.may_cancel(job, MODERATOR)


def test_a_stranger_may_not_cancel(job: Job) -> None:
    assert "Only the member who requested" in policy.may_cancel(job, BOB_HERE).refusal


def test_a_moderators_word_counts_in_their_own_channel(job: Job) -> None:
    assert not policy.may_cancel(job, replace(MODERATOR, channel_id=99))


@pytest.mark.parametrize("actor", [ADA_HERE, MODERATOR])
def test_nothing_is_told_of_other_servers(job: Job, actor: policy.Actor) -> None:
    elsewhere = policy.may_cancel(replace(job, guild_id=99), actor)
    assert elsewhere == policy.may_cancel(None, actor)
    assert not elsewhere


@pytest.mark.parametrize("state", [State.DONE, State.FAILED, State.CANCELLED])
def test_what_has_ended_cannot_be_cancelled(job: Job, state: State) -> None:
    assert str(state) in policy.may_cancel(replace(job, state=state), ADA_HERE).refusal
