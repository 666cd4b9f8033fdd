"""Reports of an image are closed together, once."""

from core.database.connection import Database
from core.database.guild_settings import GuildSettings
from core.database.reports import Reports
from core.moderation import Verdict
from tests.core.database.moderated import GUILD, MODERATOR, OTHER_GUILD, insert_job


async def test_reports_of_one_image_are_closed_together_and_once(database: Database) -> None:
    job, other = await insert_job(database), await insert_job(database)
    report = await Reports(database).insert(job, 2, "rude")
    assert report
    assert await Reports(database).insert(job, 2, "again") is None
    assert await Reports(database).insert(job, 3, None)
    kept = await Reports(database).insert(other, 3, None)
    assert await Reports(database).close(OTHER_GUILD, report.id, Verdict.DELETE, MODERATOR) is None
    assert await Reports(database).unannounced() == []  # no channel for them yet
    await GuildSettings(database).set_log_channel(GUILD, 77, MODERATOR)
    assert len(await Reports(database).unannounced()) == 3
    await Reports(database).mark_announced(report.id)
    assert len(await Reports(database).unannounced()) == 2
    closed = await Reports(database).close(GUILD, report.id, Verdict.DISMISS, MODERATOR)
    assert closed
    assert (closed.verdict, closed.closed_by) == (Verdict.DISMISS, MODERATOR)
    assert await Reports(database).close(GUILD, report.id, Verdict.BLOCK, MODERATOR) is None
    assert await Reports(database).open(GUILD) == (1, [kept])
