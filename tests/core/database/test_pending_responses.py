"""Answers stay open until they are given, with the job that they asked for."""

from pathlib import Path

from core.database.jobs import Store
from core.database.pending_responses import Answer, Answers
from core.job import Job
from core.recipe import Recipe

ANSWER = Answer(interaction_id=2**60, token="secret", locale="de")


async def ask(store: Store, interaction_id: int | None) -> Job:
    return await store.add(
        Recipe.make("a circle", width=64, height=64, steps=10),
        guild_id=1,
        channel_id=2,
        message_id=3,
        member_id=4,
        member_name="Ada",
        interaction_id=interaction_id,
    )


async def test_an_answer_outlives_its_process_with_its_job(path: Path) -> None:
    async with Store.open(path) as store:
        await Answers(store).begin(ANSWER)
        assert await Answers(store).left() == [ANSWER]
        job = await ask(store, ANSWER.interaction_id)
    async with Store.open(path) as store:
        (left,) = await Answers(store).left()
        assert left == Answer(ANSWER.interaction_id, "secret", "de", job.id)
        await Answers(store).end(left.interaction_id)
        assert await Answers(store).left() == []
        assert await store.job(job.id) == job


async def test_an_answer_that_ends_after_its_job_has_the_outcome_shown_again(store: Store) -> None:
    await Answers(store).begin(ANSWER)
    job, other = await ask(store, ANSWER.interaction_id), await ask(store, None)
    for each in (job, other):
        await store.cancel(each.id)
        await store.mark_posted(each.id)
    await Answers(store).end(ANSWER.interaction_id)
    assert [each.id for each in await store.unposted()] == [job.id]
