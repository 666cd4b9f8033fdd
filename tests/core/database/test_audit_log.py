"""What moderators do is recorded in the same transaction, and mirrored once."""

from typing import Any

import pytest

from core.database import audit_log
from core.database.audit_log import AuditLog
from core.database.claims import Claims
from core.database.connection import Database
from core.database.guild_settings import GuildSettings
from core.database.jobs import Jobs
from core.job import State
from core.moderation import AuditAction
from tests.core.database.moderated import GUILD, MODERATOR, insert_job


async def test_only_entries_after_the_log_channel_was_set_are_mirrored_and_only_once(
    database: Database, clock: Any
) -> None:
    await AuditLog(database).record_refusal(GUILD, 1, "before")
    await GuildSettings(database).set_log_channel(GUILD, 77, MODERATOR)
    await AuditLog(database).record_refusal(GUILD, 1, "after")
    unmirrored = await AuditLog(database).unmirrored()
    assert [(channel, entry.reason) for channel, entry in unmirrored] == [(77, None), (77, "after")]
    assert unmirrored[1][1].created_at == clock.now
    await AuditLog(database).mark_mirrored(entry for _, entry in unmirrored[:1])
    assert [entry.reason for _, entry in await AuditLog(database).unmirrored()] == ["after"]
    await GuildSettings(database).set_log_channel(GUILD, None, MODERATOR)
    await GuildSettings(database).set_log_channel(GUILD, 78, MODERATOR)
    assert [entry.action for _, entry in await AuditLog(database).unmirrored()] == [
        AuditAction.SET_SETTING
    ]
    assert [entry.reason for entry in (await AuditLog(database).page(GUILD, member_id=1))[1]] == [
        "after",
        "before",
    ]


async def test_cancelling_ones_own_job_is_not_recorded(database: Database) -> None:
    own, job = await insert_job(database), await insert_job(database)
    assert await Jobs(database).cancel(own.id, actor_id=own.member_id)
    assert await AuditLog(database).page(GUILD) == (0, [])
    assert await Jobs(database).cancel(job.id, actor_id=MODERATOR)
    _, (entry,) = await AuditLog(database).page(GUILD)
    assert (entry.job_id, entry.actor_id, entry.target_id) == (job.id, MODERATOR, job.member_id)


async def test_a_job_is_not_cancelled_or_stopped_without_an_entry(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that is killed in between leaves both or neither."""
    job, repository = await insert_job(database), Jobs(database)
    await Claims(database).claim("engine", 20)

    async def crash(*arguments: Any, **options: Any) -> None:
        raise RuntimeError("crashed")

    with monkeypatch.context() as patch:
        patch.setattr(audit_log, "record", crash)
        for action in (
            repository.cancel(job.id, actor_id=MODERATOR),
            repository.request_stop(job.id, actor_id=MODERATOR),
        ):
            with pytest.raises(RuntimeError):
                await action
    current = await repository.get(job.id)
    assert current
    assert (current.state, current.stopping) == (State.RUNNING, False)
    assert await repository.request_stop(job.id, actor_id=MODERATOR)
    assert await repository.cancel(job.id, actor_id=MODERATOR)
    assert await repository.cancel(job.id, actor_id=MODERATOR) is None
    _, entries = await AuditLog(database).page(GUILD)
    assert [entry.action for entry in entries] == [AuditAction.CANCEL, AuditAction.STOP]
