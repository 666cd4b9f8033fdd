"""What may be rendered, posted and cancelled, and by whom."""

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


@pytest.mark.parametrize("model", ["sketch", "imagenet", "another"])
def test_everything_on_the_menu_may_be_rendered(model: str) -> None:
    menu = policy.menu(model)
    for size in menu.suggested:
        requested = recipe(width=size.width, height=size.height, steps=menu.steps)
        assert policy.may_paint(requested, model)


@pytest.mark.parametrize("side", [256, 1000])
def test_a_size_of_another_model_is_refused_with_the_available_sizes(side: int) -> None:
    decision = policy.may_paint(recipe(width=side, height=side), "sketch")
    assert not decision
    assert f"{side}x{side}" in decision.refusal
    assert "64x64" in decision.refusal


@pytest.mark.parametrize("entry", CATALOGUE.values(), ids=CATALOGUE)
def test_the_menu_suits_the_model_and_its_defaults_are_those_of_the_command_line(
    entry: Entry,
) -> None:
    menu = policy.menu(entry.name)
    assert menu.canvas.side == entry.side
    assert menu.canvas.factor % entry.factor == 0
    assert menu.steps == entry.steps


@pytest.mark.parametrize("model", ["sketch", "imagenet"])
@given(ratio=st.floats(1 / MAX_RATIO, MAX_RATIO))
def test_any_aspect_ratio_may_be_rendered(model: str, ratio: float) -> None:
    width, height = fit_ratio(ratio, policy.menu(model).canvas)
    assert policy.may_paint(recipe(width=width, height=height), model)


@pytest.mark.parametrize("steps", [policy.MIN_STEPS - 1, policy.MAX_STEPS + 1])
def test_steps_have_bounds(steps: int) -> None:
    assert "between 10 and 500" in policy.may_paint(recipe(steps=steps), "sketch").refusal


def test_missing_permissions_are_named() -> None:
    assert policy.may_post([])
    assert "Attach Files, Embed Links" in policy.may_post(["Attach Files", "Embed Links"]).refusal


def test_members_may_cancel_their_own_jobs_and_moderators_any_job(job: Job) -> None:
    assert policy.may_cancel(job, ADA_HERE)
    assert policy.may_cancel(replace(job, state=State.RUNNING), ADA_HERE)
    assert policy.may_cancel(job, MODERATOR)


def test_other_members_may_not_cancel_a_job(job: Job) -> None:
    assert "Only the member who requested" in policy.may_cancel(job, BOB_HERE).refusal


def test_a_moderator_may_not_cancel_from_another_channel(job: Job) -> None:
    assert not policy.may_cancel(job, replace(MODERATOR, channel_id=99))


@pytest.mark.parametrize("actor", [ADA_HERE, MODERATOR])
def test_a_job_in_another_server_looks_like_one_that_does_not_exist(
    job: Job, actor: policy.Actor
) -> None:
    decision = policy.may_cancel(replace(job, guild_id=99), actor)
    assert decision == policy.may_cancel(None, actor)
    assert not decision


@pytest.mark.parametrize("state", [State.DONE, State.FAILED, State.CANCELLED])
def test_an_ended_job_cannot_be_cancelled(job: Job, state: State) -> None:
    assert str(state) in policy.may_cancel(replace(job, state=state), ADA_HERE).refusal
