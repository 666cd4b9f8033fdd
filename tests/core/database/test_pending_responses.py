"""Pending responses: written down until Discord has taken them."""

from pathlib import Path

from core.database.jobs import Store
from core.database.members import Members
from core.database.pending_responses import PendingResponses
from core.recipe import Recipe

RECIPE = Recipe.make("a red circle", width=64, height=64, steps=9)


async def pending(store: Store, interaction_id: int) -> PendingResponses:
    rows = PendingResponses(store)
    await rows.insert(
        interaction_id, payload="{}", updates_message=False, token="token", locale="de"
    )
    return rows


async def queue(store: Store, interaction_id: int) -> int:
    job = await store.add(
        RECIPE,
        guild_id=1,
        channel_id=2,
        message_id=3,
        member_id=4,
        member_name="Ada",
        interaction_id=interaction_id,
    )
    return job.id


async def test_a_pending_response_outlives_its_process_with_its_job(path: Path) -> None:
    async with Store.open(path) as store:
        rows = await pending(store, 2**60)
        (row,) = await rows.all()
        assert (row.interaction_id, row.payload, row.token) == (2**60, "{}", "token")
        assert (row.locale, row.job_id) == ("de", None)
        job_id = await queue(store, 2**60)
    async with Store.open(path) as store:
        rows = PendingResponses(store)
        assert [row.job_id for row in await rows.all()] == [job_id]
        await rows.delete(2**60)
        assert not await rows.all()
        assert await store.job(job_id)


async def test_an_outcome_that_the_response_may_have_hidden_is_posted_again(store: Store) -> None:
    rows = await pending(store, 7)
    job_id, other = await queue(store, 7), await queue(store, 8)
    for each in (job_id, other):
        await store.cancel(each)
        await store.mark_posted(each)
    await rows.delete(7)
    assert [(job.id, job.redraws) for job in await store.unposted()] == [(job_id, 1)]


async def test_a_resumed_interaction_does_not_toggle_a_favourite_back(store: Store) -> None:
    await pending(store, 7)
    job_id = await queue(store, 7)
    members = Members(store)
    assert await members.toggle_favourite(4, job_id, 7)
    assert await members.toggle_favourite(4, job_id, 7)
    assert not await members.toggle_favourite(4, job_id, 8)
    assert await members.toggle_favourite(4, job_id, 9)
