"""Members' reports to the moderators of their server."""

import sqlite3

from core.columns import optional, required
from core.database import job_updates
from core.database.audit_log import record
from core.database.blocks import block_member
from core.database.connection import Database
from core.database.image_reviews import refuse_held
from core.database.interactions import once
from core.database.journal import JobDeleted
from core.database.journal_replay import carry_out
from core.database.rows import readable, rows_of, value_of
from core.job import Job
from core.moderation import AuditAction, Report, Verdict


class Reports:
    """The reports of all servers. All methods raise StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def insert(self, job: Job, reported_by: int, reason: str | None) -> Report | None:
        """Stores a member's report of a job; None if they reported it before."""
        if job.guild_id is None:
            return None
        now = self._database.now()
        async with once(self._database) as db:
            rows = await rows_of(
                db,
                "INSERT OR IGNORE INTO reports (guild_id, job_id, member_id, reported_by, reason,"
                " created_at) VALUES (?, ?, ?, ?, ?, ?) RETURNING *",
                (job.guild_id, job.id, job.member_id, reported_by, reason, now),
            )
            if not rows:
                return None
            await record(
                db,
                now,
                job.guild_id,
                AuditAction.REPORT,
                reported_by,
                target_id=job.member_id,
                job_id=job.id,
                reason=reason,
            )
            return _report(rows[0])

    async def open(self, guild_id: int, limit: int = 5) -> tuple[int, list[Report]]:
        """The number of open reports, and the oldest of them."""
        async with self._database.snapshot() as db:
            count = await value_of(
                db,
                "SELECT COUNT(*) FROM reports WHERE guild_id = ? AND verdict IS NULL",
                (guild_id,),
            )
            rows = await rows_of(
                db,
                "SELECT * FROM reports WHERE guild_id = ? AND verdict IS NULL ORDER BY id LIMIT ?",
                (guild_id, limit),
            )
        return int(count), readable("reports", rows, _report)

    async def unannounced(self, limit: int = 10) -> list[tuple[int, Report]]:
        """Open reports that no log channel shows yet, each with its channel."""
        async with self._database.read() as db:
            rows = await rows_of(
                db,
                "SELECT reports.*, log_channel FROM reports JOIN guilds USING (guild_id)"
                " WHERE verdict IS NULL AND NOT shown AND log_channel IS NOT NULL"
                " ORDER BY reports.id LIMIT ?",
                (limit,),
            )
        found = readable(
            "reports", rows, lambda row: (required(row, "log_channel", int), _report(row))
        )
        for unreadable in {row["id"] for row in rows} - {report.id for _, report in found}:
            await self.mark_announced(unreadable)  # or it would block the next ones
        return found

    async def mark_announced(self, report_id: int) -> None:
        """Records that a log channel shows this report."""
        async with self._database.transaction() as db:
            await db.execute("UPDATE reports SET shown = 1 WHERE id = ?", (report_id,))

    async def close(
        self,
        guild_id: int,
        report_id: int,
        verdict: Verdict,
        actor_id: int,
        *,
        block_until: float | None = None,
        but_message: int | None = None,
    ) -> Report | None:
        """Closes a report, together with others of the same job; None if none was open.

        The verdict BLOCK also blocks the job's member until `block_until`, and cancels their jobs.
        DELETE deletes the images and messages of the job, whatever its state, except
        `but_message`, the message of the report itself. If the job is held, DISMISS has its images
        posted; BLOCK, or DELETE for a report by the image check, deletes only the images and posts
        the reason.
        """
        now = self._database.now()
        async with once(self._database) as db:
            rows = await rows_of(
                db,
                "UPDATE reports SET verdict = :verdict, closed_by = :actor WHERE verdict IS NULL"
                " AND job_id = (SELECT job_id FROM reports WHERE id = :id AND guild_id = :guild"
                " AND verdict IS NULL) RETURNING *",
                {"verdict": verdict.value, "actor": actor_id, "id": report_id, "guild": guild_id},
            )
            closed = readable("reports", rows, _report)
            report = next((each for each in closed if each.id == report_id), None)
            if report is None:
                return None
            await record(
                db,
                now,
                guild_id,
                AuditAction.CLOSE_REPORT,
                actor_id,
                target_id=report.member_id,
                job_id=report.job_id,
                details={"verdict": verdict.value},
                reason=report.reason,
            )
            if verdict is Verdict.BLOCK:
                await block_member(
                    db,
                    now,
                    guild_id,
                    report.member_id,
                    actor_id=actor_id,
                    reason=report.reason,
                    until=block_until,
                )
            if verdict is Verdict.DISMISS:
                await job_updates.release(db, report.job_id, now)
            elif verdict is Verdict.BLOCK or report.by_image_check:
                await refuse_held(db, report.job_id, now)
            else:
                entry = JobDeleted(report.job_id, but_message, now)
                await carry_out(db, self._database.journal, now, entry)
            return report


def _report(row: sqlite3.Row) -> Report:
    verdict = optional(row, "verdict", str)
    return Report(
        id=required(row, "id", int),
        guild_id=required(row, "guild_id", int),
        job_id=required(row, "job_id", int),
        member_id=required(row, "member_id", int),
        reported_by=required(row, "reported_by", int),
        reason=optional(row, "reason", str),
        created_at=required(row, "created_at", float),
        verdict=None if verdict is None else Verdict(verdict),
        closed_by=optional(row, "closed_by", int),
    )
