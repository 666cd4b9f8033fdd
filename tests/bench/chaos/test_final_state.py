"""The checker reads what the product writes: it knows the current tables and names."""

from pathlib import Path

from bench.chaos.checker import LOG_ACTIONS
from bench.chaos.final_state import final_state, marker, pending, snapshot, uploads_of
from core.database.connection import Database
from core.database.deletions import Deletions
from core.database.jobs import Jobs
from core.database.moderation_queue import ModerationQueue
from core.database.pending_responses import PendingResponses
from core.job import NewJob
from core.moderation import AuditAction
from core.recipe import Recipe

GUILD, CHANNEL, ADA, MO, SEED = 1, 2, 3, 4, 7
UPLOAD = "ab" * 32


async def test_the_final_state_is_read_from_the_database(tmp_path: Path) -> None:
    path = tmp_path / "imagine.db"
    recipe = Recipe.make(marker(SEED), width=64, height=64, steps=10, seed=SEED)
    recipe = recipe.with_images(UPLOAD, (), ())
    async with Database.open(path) as database:
        job = await Jobs(database).insert(
            NewJob(
                recipe=recipe,
                guild_id=GUILD,
                channel_id=CHANNEL,
                message_id=5,
                member_id=ADA,
                member_name="Ada",
            )
        )
        await ModerationQueue(database).clear(GUILD, actor_id=MO)
        await PendingResponses(database).insert(
            9, member_id=ADA, payload="{}", updates_message=False, token="t", locale="en-US"
        )
        assert pending(path) == 1
        assert snapshot(path, 0.0).states == {job.id: "cancelled"}
        assert uploads_of(path, SEED) == [UPLOAD]
        await Deletions(database).delete_job(job.id, ADA)

    state = final_state(path, tmp_path, [f"a circle {marker(SEED)}"])

    (row,) = state.rows
    assert (row.job, row.seed, row.member, row.guild) == (job.id, SEED, ADA, GUILD)
    assert (row.state, row.deleted, row.uploads) == ("cancelled", True, [UPLOAD])
    assert row.reason
    assert [(each.act, each.by, each.job) for each in state.log] == [("clear", MO, job.id)]
    assert (state.pending_answers, state.integrity) == (1, "ok")
    assert state.markers["the database's rows"] == [marker(SEED)]
    assert state.markers["a message"] == [marker(SEED)]


def test_the_actions_in_the_log_have_their_current_names() -> None:
    assert set(LOG_ACTIONS.values()) <= set(map(str, AuditAction))
