"""What the moderators of a server settle and do, each act with its entry in the log.

It shares the database with `core.database.jobs`, and its transactions: an act and its entry are one
change. All methods raise StoreError. Times are seconds since 1970; `by` is the moderator's id,
`why` a sentence of theirs.
"""

from collections.abc import Iterable
from typing import Any

import aiosqlite

from core.database.connection import rows_of, value_of
from core.database.jobs import Store, as_job
from core.database.journal import JobDeleted
from core.job import Job
from core.moderation import (
    Act,
    Block,
    ChannelRule,
    Entry,
    Guild,
    Limits,
    Pause,
    Report,
    Rules,
    Usage,
    Verdict,
    WordRule,
)

HOUR = 3600.0


_LIVE = " WHERE guild_id = :guild_id AND state IN ('queued', 'running')"
"""The jobs of a server that wait or are being painted."""


class Moderation:
    """The word of a server's moderators."""

    def __init__(self, store: Store) -> None:
        self._store = store

    # -- what holds ------------------------------------------------------------------------

    async def guild(self, guild_id: int | None) -> Guild:
        """The settings of a server."""
        async with self._store.read() as db:
            return await _guild(db, guild_id)

    async def moderator_roles(self) -> dict[int, int]:
        """The moderator role of each server that has named one."""
        async with self._store.read() as db:
            found = await rows_of(
                db,
                "SELECT guild_id, moderator_role FROM guilds WHERE moderator_role IS NOT NULL",
            )
        return {row["guild_id"]: row["moderator_role"] for row in found}

    async def rules(self, guild_id: int | None, member_id: int) -> Rules:
        """What holds for a member at this moment; blocks that have ended are not among it."""
        async with self._store.snapshot() as db:
            blocks = await rows_of(
                db,
                "SELECT * FROM blocks WHERE guild_id = ? AND member_id = ?"
                " AND (until IS NULL OR until > ?)",
                (guild_id, member_id, self._store.now()),
            )
            return Rules(
                pause=(await _guild(db, guild_id)).pause,
                block=_block(blocks[0]) if blocks else None,
                allowed_channels=await _channels(db, guild_id, ChannelRule.ALLOWED),
                spoilered_channels=await _channels(db, guild_id, ChannelRule.SPOILERED),
                words=await _words(db, guild_id),
                limits=await _limits(db, guild_id),
            )

    async def usage(self, guild_id: int | None, member_id: int) -> Usage:
        """What counts against the limits of a member."""
        async with self._store.read() as db:
            (row,) = await rows_of(
                db,
                "SELECT (SELECT COUNT(*) FROM jobs INDEXED BY jobs_live_of_member"
                " WHERE member_id = :member AND guild_id IS :guild"
                " AND state IN ('queued', 'running') AND state = 'queued') AS waiting,"
                " (SELECT COUNT(*) FROM jobs INDEXED BY jobs_asked_by_member"
                " WHERE member_id = :member AND guild_id IS :guild"
                " AND created_at > :since AND state != 'failed'"
                " AND NOT (state = 'cancelled' AND started_at IS NULL)) AS last_hour",
                {"guild": guild_id, "member": member_id, "since": self._store.now() - HOUR},
            )
        return Usage(row["waiting"], row["last_hour"])

    # -- the queue -------------------------------------------------------------------------

    async def live(
        self,
        guild_id: int,
        *,
        member_id: int | None = None,
        channel_id: int | None = None,
        limit: int = 25,
        offset: int = 0,
    ) -> tuple[int, list[Job]]:
        """How many jobs of a server wait or are being painted, and some of them in their order."""
        chosen = {"guild_id": guild_id, "member_id": member_id, "channel_id": channel_id}
        # It says only what is wanted, so that SQLite sees which index leads there.
        which = _LIVE
        which += "" if member_id is None else " AND member_id = :member_id"
        which += "" if channel_id is None else " AND channel_id = :channel_id"
        waiting = " FROM jobs INDEXED BY "
        waiting += "jobs_waiting_in_guild" if member_id is None else "jobs_live_of_member"
        waiting += which + " AND state = 'queued'"
        order = " ORDER BY priority DESC, turn, id"
        count = "SELECT COUNT(*)" + waiting
        if member_id is None and channel_id is None:
            count = "SELECT TOTAL(jobs) FROM stretches WHERE guild_id = :guild_id AND level = 2"
        async with self._store.snapshot() as db:
            running = await rows_of(
                db,
                "SELECT * FROM jobs INDEXED BY jobs_running"
                + which
                + " AND state = 'running'"
                + order,
                chosen,
            )
            shown = running[offset : offset + limit]
            skipped = {"skipped": max(0, offset - len(running)), "limit": limit - len(shown)}
            shown += await rows_of(
                db,
                "SELECT *" + waiting + order + " LIMIT :limit OFFSET :skipped",
                chosen | skipped,
            )
            waits = int(await value_of(db, count, chosen))
        return len(running) + waits, [as_job(row) for row in shown]

    async def cancel(
        self,
        act: Act,
        guild_id: int,
        *,
        by: int,
        why: str | None,
        reason: str,
        job_id: int | None = None,
        member_id: int | None = None,
        channel_id: int | None = None,
        only_waiting: bool = False,
    ) -> list[Job]:
        """Cancels those jobs of a server that fit; the cancelled jobs. None fits: no entry.

        `reason` is the sentence that their askers read.
        """
        async with self._store.transaction() as db:
            jobs = await self._cancel(
                db,
                guild_id,
                reason,
                job_id=job_id,
                member_id=member_id,
                channel_id=channel_id,
                only_waiting=only_waiting,
            )
            for job in jobs:
                await self._record(db, guild_id, act, by, job.member_id, why, job=job.id)
        return jobs

    async def move_up(self, guild_id: int, job_id: int, by: int) -> Job | None:
        """Makes a waiting job the server's next; None if it does not wait there.

        Jobs of other servers that are at least a turn ahead stay ahead.
        """
        async with self._store.transaction() as db:
            found = await rows_of(
                db,
                "WITH first AS (SELECT id, priority, turn FROM jobs WHERE guild_id = :guild"
                " AND state = 'queued' ORDER BY priority DESC, turn, id LIMIT 1)"
                " UPDATE jobs SET priority = (SELECT priority FROM first),"
                " turn = (SELECT turn - (id != :job) FROM first)"
                " WHERE id = :job AND guild_id = :guild AND state = 'queued' RETURNING *",
                {"guild": guild_id, "job": job_id},
            )
            if not found:
                return None
            job = as_job(found[0])
            await self._record(db, guild_id, Act.MOVE_UP, by, job.member_id, job=job.id)
            return job

    async def pause(self, guild_id: int, by: int, why: str | None) -> None:
        """From now on nothing of this server is painted; what is goes back to its old place."""
        async with self._store.transaction() as db:
            await _touch(db, guild_id)
            await db.execute(
                "UPDATE guilds SET paused_at = ?, paused_by = ?, pause_reason = ?"
                " WHERE guild_id = ?",
                (self._store.now(), by, why, guild_id),
            )
            await db.execute(
                "UPDATE jobs SET state = 'queued', engine = NULL, lease_until = NULL, step = 0,"
                " attempts = attempts - 1 WHERE guild_id = ? AND state = 'running'",
                (guild_id,),
            )
            await self._record(db, guild_id, Act.PAUSE, by, why=why)

    async def resume(self, guild_id: int, by: int) -> bool:
        """Ends the pause; says whether there was one."""
        async with self._store.transaction() as db:
            cursor = await db.execute(
                "UPDATE guilds SET paused_at = NULL, paused_by = NULL, pause_reason = NULL"
                " WHERE guild_id = ? AND paused_at IS NOT NULL",
                (guild_id,),
            )
            if cursor.rowcount:
                await self._record(db, guild_id, Act.RESUME, by)
            return bool(cursor.rowcount)

    # -- members ---------------------------------------------------------------------------

    async def block(
        self,
        guild_id: int,
        member_id: int,
        *,
        by: int,
        why: str | None,
        until: float | None,
        reason: str,
    ) -> list[Job]:
        """Blocks a member, in place of an older block, and cancels their jobs; those jobs.

        `reason` is what the cards of those jobs say.
        """
        async with self._store.transaction() as db:
            await self._block(db, guild_id, member_id, by, why, until)
            return await self._cancel(db, guild_id, reason, member_id=member_id)

    async def unblock(self, guild_id: int, member_id: int, by: int) -> bool:
        """Ends a block; says whether there was one."""
        async with self._store.transaction() as db:
            cursor = await db.execute(
                "DELETE FROM blocks WHERE guild_id = ? AND member_id = ?"
                " AND (until IS NULL OR until > ?)",
                (guild_id, member_id, self._store.now()),
            )
            if cursor.rowcount:
                await self._record(db, guild_id, Act.UNBLOCK, by, member_id)
            return bool(cursor.rowcount)

    async def blocks(self, guild_id: int) -> list[Block]:
        """The blocks that hold, the newest first."""
        async with self._store.read() as db:
            found = await rows_of(
                db,
                "SELECT * FROM blocks WHERE guild_id = ? AND (until IS NULL OR until > ?)"
                " ORDER BY created_at DESC",
                (guild_id, self._store.now()),
            )
        return [_block(row) for row in found]

    async def limits(self, guild_id: int) -> dict[int, Limits]:
        """The limits of each role that has any."""
        async with self._store.read() as db:
            return await _limits(db, guild_id)

    async def limit(self, guild_id: int, role_id: int, limits: Limits, by: int, what: str) -> None:
        """Sets all limits of a role anew; without any number it has none. `what` says it."""
        numbers = (limits.running, limits.waiting, limits.per_hour, limits.size, limits.steps)
        async with self._store.transaction() as db:
            if limits == Limits():
                await db.execute(
                    "DELETE FROM role_limits WHERE guild_id = ? AND role_id = ?",
                    (guild_id, role_id),
                )
            else:
                await db.execute(
                    "INSERT OR REPLACE INTO role_limits VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (guild_id, role_id, *numbers),
                )
            await self._record(db, guild_id, Act.LIMIT, by, what=what)

    # -- words, channels, settings ---------------------------------------------------------

    async def words(self, guild_id: int) -> tuple[WordRule, ...]:
        """The words of a server, in the order of the alphabet."""
        async with self._store.read() as db:
            return await _words(db, guild_id)

    async def add_word(self, guild_id: int, rule: WordRule, by: int) -> None:
        """Adds a rule, in place of one with the same text."""
        async with self._store.transaction() as db:
            await db.execute(
                "INSERT OR REPLACE INTO words VALUES (?, ?, ?)",
                (guild_id, rule.text, rule.age_restricted),
            )
            where = "outside of age-restricted channels" if rule.age_restricted else "everywhere"
            await self._record(db, guild_id, Act.WORD, by, what=f"“{rule.text}” is refused {where}")

    async def remove_word(self, guild_id: int, text: str, by: int) -> bool:
        """Takes a rule out; says whether it was there."""
        async with self._store.transaction() as db:
            cursor = await db.execute(
                "DELETE FROM words WHERE guild_id = ? AND text = ?", (guild_id, text)
            )
            if cursor.rowcount:
                await self._record(
                    db, guild_id, Act.WORD, by, what=f"“{text}” is no longer refused"
                )
            return bool(cursor.rowcount)

    async def channels(self, guild_id: int, rule: ChannelRule) -> frozenset[int]:
        """The channels of which this is said."""
        async with self._store.read() as db:
            return await _channels(db, guild_id, rule)

    async def set_channel(
        self, guild_id: int, channel_id: int, rule: ChannelRule, holds: bool, by: int
    ) -> None:
        """Says something of a channel, or no longer."""
        where = (guild_id, channel_id, rule.value)
        async with self._store.transaction() as db:
            if holds:
                await db.execute("INSERT OR IGNORE INTO channel_rules VALUES (?, ?, ?)", where)
            else:
                await db.execute(
                    "DELETE FROM channel_rules WHERE guild_id = ? AND channel_id = ? AND rule = ?",
                    where,
                )
            what = f"<#{channel_id}> is {'' if holds else 'no longer '}{rule}"
            await self._record(db, guild_id, Act.CHANNEL, by, what=what)

    async def set_moderator_role(self, guild_id: int, role_id: int | None, by: int) -> None:
        """Names the role whose members moderate beside those who manage messages."""
        async with self._store.transaction() as db:
            await _touch(db, guild_id)
            await db.execute(
                "UPDATE guilds SET moderator_role = ? WHERE guild_id = ?", (role_id, guild_id)
            )
            what = f"<@&{role_id}> moderates" if role_id else "no further role moderates"
            await self._record(db, guild_id, Act.SETTING, by, what=what)

    async def set_log_channel(self, guild_id: int, channel_id: int | None, by: int) -> None:
        """Names the channel that mirrors the log from now on; None for none."""
        async with self._store.transaction() as db:
            await _touch(db, guild_id)
            await db.execute(
                "UPDATE guilds SET log_channel = ? WHERE guild_id = ?", (channel_id, guild_id)
            )
            if channel_id is None:
                await db.execute(
                    "UPDATE moderation_log SET to_mirror = 0 WHERE guild_id = ? AND to_mirror = 1",
                    (guild_id,),
                )
            what = f"the log goes to <#{channel_id}>" if channel_id else "the log goes nowhere"
            await self._record(db, guild_id, Act.SETTING, by, what=what)

    # -- the log ---------------------------------------------------------------------------

    async def cancel_job(self, job_id: int, by: int, reason: str) -> Job | None:
        """Cancels a queued or running job of any server; None if it is neither.

        Of one's own jobs there is no entry.
        """
        return await self._act_on_job(
            Act.CANCEL,
            by,
            "UPDATE jobs SET state = 'cancelled', reason = :reason, finished_at = :now,"
            " lease_until = NULL WHERE id = :id AND state IN ('queued', 'running') RETURNING *",
            {"id": job_id, "reason": reason, "now": self._store.now()},
        )

    async def stop_job(self, job_id: int, by: int) -> Job | None:
        """Asks the engine to finish a running job with the image so far; None if it is not running.

        Of one's own jobs there is no entry.
        """
        return await self._act_on_job(
            Act.STOP,
            by,
            "UPDATE jobs SET stopping = 1 WHERE id = :id AND state = 'running' RETURNING *",
            {"id": job_id},
        )

    async def delete(self, job_id: int, by: int) -> bool:
        """Deletes the images and messages of a job that has ended; False if it has not.

        Of one's own jobs there is no entry.
        """
        async with self._store.transaction() as db:
            found = await rows_of(
                db, "SELECT * FROM jobs WHERE id = ? AND finished_at IS NOT NULL", (job_id,)
            )
            if not found:
                return False
            job = as_job(found[0])
            await self._store.deletions.carry_out(db, JobDeleted(job.id, None, self._store.now()))
            if job.guild_id is not None and by != job.member_id:
                await self._record(db, job.guild_id, Act.DELETE, by, job.member_id, job=job.id)
        return True

    async def refused(self, guild_id: int, member_id: int, why: str) -> None:
        """Keeps that the rules refused a member's wish."""
        async with self._store.transaction() as db:
            await self._record(db, guild_id, Act.REFUSE, None, member_id, why)

    async def log(
        self, guild_id: int, *, member_id: int | None = None, limit: int = 20, offset: int = 0
    ) -> tuple[int, list[Entry]]:
        """How many entries there are, and some of them, the newest first.

        With a member only those by or about them.
        """
        chosen = {"guild": guild_id, "member": member_id}
        fitting = (
            " FROM moderation_log WHERE guild_id = :guild"
            " AND (:member IS NULL OR by_id = :member OR whom_id = :member)"
        )
        async with self._store.snapshot() as db:
            count = await value_of(db, "SELECT COUNT(*)" + fitting, chosen)
            found = await rows_of(
                db,
                "SELECT *" + fitting + " ORDER BY id DESC LIMIT :limit OFFSET :offset",
                chosen | {"limit": limit, "offset": offset},
            )
        return int(count), [_entry(row) for row in found]

    async def to_mirror(self, limit: int = 100) -> list[tuple[int, Entry]]:
        """Entries that no log channel shows yet, the oldest first, each with its channel."""
        async with self._store.read() as db:
            found = await rows_of(
                db,
                "SELECT moderation_log.*, log_channel FROM moderation_log JOIN guilds"
                " USING (guild_id) WHERE to_mirror = 1 AND log_channel IS NOT NULL"
                " ORDER BY moderation_log.id LIMIT ?",
                (limit,),
            )
        return [(row["log_channel"], _entry(row)) for row in found]

    async def mirrored(self, entries: Iterable[Entry]) -> None:
        """Remembers that these entries need not be shown any more."""
        async with self._store.transaction() as db:
            await db.executemany(
                "UPDATE moderation_log SET to_mirror = 0 WHERE id = ?",
                [(entry.id,) for entry in entries],
            )

    # -- reports ---------------------------------------------------------------------------

    async def report(self, job: Job, reported_by: int, reason: str | None) -> Report | None:
        """Keeps that a member reports a picture; None if they did so before."""
        if job.guild_id is None:
            return None
        async with self._store.transaction() as db:
            found = await rows_of(
                db,
                "INSERT OR IGNORE INTO reports (guild_id, job_id, asker_id, reported_by, reason,"
                " created_at) VALUES (?, ?, ?, ?, ?, ?) RETURNING *",
                (job.guild_id, job.id, job.member_id, reported_by, reason, self._store.now()),
            )
            if not found:
                return None
            await self._record(
                db, job.guild_id, Act.REPORT, reported_by, job.member_id, reason, job=job.id
            )
            return _report(found[0])

    async def open_reports(self, guild_id: int, limit: int = 5) -> tuple[int, list[Report]]:
        """How many reports wait for a moderator, and the oldest of them."""
        async with self._store.snapshot() as db:
            count = await value_of(
                db,
                "SELECT COUNT(*) FROM reports WHERE guild_id = ? AND verdict IS NULL",
                (guild_id,),
            )
            found = await rows_of(
                db,
                "SELECT * FROM reports WHERE guild_id = ? AND verdict IS NULL ORDER BY id LIMIT ?",
                (guild_id, limit),
            )
        return int(count), [_report(row) for row in found]

    async def reports_to_show(self, limit: int = 10) -> list[tuple[int, Report]]:
        """Open reports that no log channel shows yet, each with its channel."""
        async with self._store.read() as db:
            found = await rows_of(
                db,
                "SELECT reports.*, log_channel FROM reports JOIN guilds USING (guild_id)"
                " WHERE verdict IS NULL AND NOT shown AND log_channel IS NOT NULL"
                " ORDER BY reports.id LIMIT ?",
                (limit,),
            )
        return [(row["log_channel"], _report(row)) for row in found]

    async def report_shown(self, report_id: int) -> None:
        """Remembers that a log channel shows this report."""
        async with self._store.transaction() as db:
            await db.execute("UPDATE reports SET shown = 1 WHERE id = ?", (report_id,))

    async def close_report(
        self,
        guild_id: int,
        report_id: int,
        verdict: Verdict,
        by: int,
        *,
        until: float | None = None,
        reason: str = "",
        message_id: int | None = None,
    ) -> Report | None:
        """Closes a report, together with others of the same picture; None if none was open.

        The verdict BLOCK also blocks the asker, `until` then, and cancels their jobs for that
        `reason`. DELETE deletes the images and messages of the job, whatever its state, but for
        the message of the report itself.
        """
        async with self._store.transaction() as db:
            found = await rows_of(
                db,
                "UPDATE reports SET verdict = :verdict, closed_by = :by WHERE verdict IS NULL"
                " AND job_id = (SELECT job_id FROM reports WHERE id = :id AND guild_id = :guild"
                " AND verdict IS NULL) RETURNING *",
                {"verdict": verdict.value, "by": by, "id": report_id, "guild": guild_id},
            )
            if not found:
                return None
            report = next(_report(row) for row in found if row["id"] == report_id)
            await self._record(
                db,
                guild_id,
                Act.VERDICT,
                by,
                report.asker_id,
                report.reason,
                job=report.job_id,
                what=verdict.value,
            )
            if verdict is Verdict.BLOCK:
                await self._block(db, guild_id, report.asker_id, by, report.reason, until)
                await self._cancel(db, guild_id, reason, member_id=report.asker_id)
            if verdict is Verdict.DELETE:
                await self._store.deletions.carry_out(
                    db, JobDeleted(report.job_id, message_id, self._store.now())
                )
            return report

    # -- underneath ------------------------------------------------------------------------

    async def _act_on_job(
        self, act: Act, by: int, sql: str, parameters: dict[str, Any]
    ) -> Job | None:
        """Changes a job, and records it if it is somebody else's, in one transaction."""
        async with self._store.transaction() as db:
            found = await rows_of(db, sql, parameters)
            if not found:
                return None
            job = as_job(found[0])
            if job.guild_id is not None and by != job.member_id:
                await self._record(db, job.guild_id, act, by, job.member_id, job=job.id)
            return job

    async def _block(
        self,
        db: aiosqlite.Connection,
        guild_id: int,
        member_id: int,
        by: int,
        why: str | None,
        until: float | None,
    ) -> None:
        await db.execute(
            "INSERT OR REPLACE INTO blocks VALUES (?, ?, ?, ?, ?, ?)",
            (guild_id, member_id, until, why, by, self._store.now()),
        )
        what = "for ever" if until is None else f"until <t:{int(until)}>"
        await self._record(db, guild_id, Act.BLOCK, by, member_id, why, what=what)

    async def _cancel(
        self,
        db: aiosqlite.Connection,
        guild_id: int,
        reason: str,
        *,
        job_id: int | None = None,
        member_id: int | None = None,
        channel_id: int | None = None,
        only_waiting: bool = False,
    ) -> list[Job]:
        which = _LIVE
        which += "" if job_id is None else " AND id = :job_id"
        which += "" if member_id is None else " AND member_id = :member_id"
        which += "" if channel_id is None else " AND channel_id = :channel_id"
        which += " AND state = 'queued'" if only_waiting else ""
        found = await rows_of(
            db,
            "UPDATE jobs SET state = 'cancelled', reason = :reason, finished_at = :now,"
            " lease_until = NULL" + which + " RETURNING *",
            {
                "guild_id": guild_id,
                "reason": reason,
                "now": self._store.now(),
                "job_id": job_id,
                "member_id": member_id,
                "channel_id": channel_id,
            },
        )
        return [as_job(row) for row in found]

    async def _record(
        self,
        db: aiosqlite.Connection,
        guild_id: int,
        act: Act,
        by: int | None,
        whom: int | None = None,
        why: str | None = None,
        *,
        job: int | None = None,
        what: str | None = None,
    ) -> None:
        """An entry; it is mirrored if the server has a log channel now."""
        await db.execute(
            "INSERT INTO moderation_log (guild_id, created_at, act, by_id, whom_id, job_id, what,"
            " why, to_mirror) VALUES (:guild, :now, :act, :by, :whom, :job, :what, :why, EXISTS"
            " (SELECT 1 FROM guilds WHERE guild_id = :guild AND log_channel IS NOT NULL))",
            {
                "guild": guild_id,
                "now": self._store.now(),
                "act": act.value,
                "by": by,
                "whom": whom,
                "job": job,
                "what": what,
                "why": why,
            },
        )


async def _touch(db: aiosqlite.Connection, guild_id: int) -> None:
    """Sees to it that a server has a row."""
    await db.execute("INSERT OR IGNORE INTO guilds (guild_id) VALUES (?)", (guild_id,))


async def _guild(db: aiosqlite.Connection, guild_id: int | None) -> Guild:
    found = await rows_of(db, "SELECT * FROM guilds WHERE guild_id = ?", (guild_id,))
    if not found:
        return Guild()
    (row,) = found
    pause = None
    if row["paused_at"] is not None:
        pause = Pause(row["paused_at"], row["paused_by"], row["pause_reason"])
    return Guild(row["moderator_role"], row["log_channel"], pause)


async def _channels(
    db: aiosqlite.Connection, guild_id: int | None, rule: ChannelRule
) -> frozenset[int]:
    sql = "SELECT channel_id FROM channel_rules WHERE guild_id = ? AND rule = ?"
    return frozenset(row["channel_id"] for row in await rows_of(db, sql, (guild_id, rule.value)))


async def _words(db: aiosqlite.Connection, guild_id: int | None) -> tuple[WordRule, ...]:
    sql = "SELECT text, age_restricted FROM words WHERE guild_id = ? ORDER BY text"
    found = await rows_of(db, sql, (guild_id,))
    return tuple(WordRule(row["text"], bool(row["age_restricted"])) for row in found)


async def _limits(db: aiosqlite.Connection, guild_id: int | None) -> dict[int, Limits]:
    found = await rows_of(db, "SELECT * FROM role_limits WHERE guild_id = ?", (guild_id,))
    names = Limits.__dataclass_fields__
    return {row["role_id"]: Limits(**{name: row[name] for name in names}) for row in found}


def _block(row: Any) -> Block:
    return Block(row["member_id"], row["until"], row["reason"], row["blocked_by"])


def _entry(row: Any) -> Entry:
    columns = {name: row[name] for name in Entry.__dataclass_fields__}
    return Entry(**columns | {"act": Act(row["act"])})


def _report(row: Any) -> Report:
    columns = {name: row[name] for name in Report.__dataclass_fields__}
    verdict = row["verdict"]
    return Report(**columns | {"verdict": Verdict(verdict) if verdict else None})
