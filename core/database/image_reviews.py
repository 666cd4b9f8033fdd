"""The results of the image check: spoilers, and images held for a moderator.

A held image is a report that no member made; moderators close it like any other.
"""

import aiosqlite

from core.database import job_updates
from core.database.audit_log import record
from core.image_check import CheckAction, Concept
from core.job import Job
from core.moderation import IMAGE_CHECK, AuditAction


async def refuse_held(db: aiosqlite.Connection, job_id: int, now: float) -> None:
    """Refuses the images of a held job: deletes them and posts the reason."""
    if await job_updates.refuse_held(db, job_id, now):
        await _delete_folder(db, job_id, now)


async def record_match(db: aiosqlite.Connection, job: Job, match: Concept, now: float) -> None:
    """Takes the concept's action, in the transaction that ends the job."""
    if match.action is CheckAction.REFUSE:
        await _delete_folder(db, job.id, now)
    if match.action is CheckAction.SPOILER:
        await job_updates.set_spoilered(db, job.id, now)
    if match.action is CheckAction.HOLD:
        await job_updates.hold(db, job.id, now)
        await db.execute(
            "INSERT OR IGNORE INTO reports"
            " (guild_id, job_id, member_id, reported_by, reason, created_at)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (job.guild_id, job.id, job.member_id, IMAGE_CHECK, match.text, now),
        )
    if job.guild_id is not None:
        await record(
            db,
            now,
            job.guild_id,
            AuditAction.IMAGE_CHECK,
            None,
            target_id=job.member_id,
            job_id=job.id,
            details={"concept": match.text, "action": match.action.value},
        )


async def _delete_folder(db: aiosqlite.Connection, job_id: int, now: float) -> None:
    """Adds the job's folder to the outbox of `core.database.deletions`."""
    await db.execute(
        "INSERT INTO deletions (kind, job_id, due_at) VALUES ('folder', ?, ?)", (job_id, now)
    )
