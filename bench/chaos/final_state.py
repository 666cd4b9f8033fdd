"""Reads the final state from SQLite, the disk and the channels, without code of the product."""

import json
import re
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from bench.chaos.history import FinalState, LogEntry, Row, Snapshot

MARKER = re.compile(rb"zq[a-z]{6}qz")


def marker(seed: int) -> str:
    """A word that only one request contains, so that any trace of its text can be found."""
    letters = ""
    for _ in range(6):
        seed, rest = divmod(seed, 26)
        letters += chr(ord("a") + rest)
    return f"zq{letters}qz"


def snapshot(database: Path, at: float) -> Snapshot:
    """The states of all jobs now. Raises sqlite3.Error."""
    with closing(_connect(database)) as db:
        rows = db.execute("SELECT id, state, guild_id FROM jobs").fetchall()
    return Snapshot(
        at, {job: state for job, state, _ in rows}, {job: guild for job, _, guild in rows}
    )


def uploads_of(database: Path, seed: int) -> list[str]:
    """The names of the images that a queued request uses."""
    sql = "SELECT recipe FROM jobs WHERE json_extract(recipe, '$.seed') = ?"
    with closing(_connect(database)) as db:
        return [name for (recipe,) in db.execute(sql, (seed,)) for name in _uploads(recipe)]


def pending(database: Path) -> int:
    """The number of pending deletions and responses."""
    sql = "SELECT (SELECT COUNT(*) FROM deletions) + (SELECT COUNT(*) FROM pending_responses)"
    with closing(_connect(database)) as db:
        return int(db.execute(sql).fetchone()[0])


def final_state(database: Path, data: Path, texts: Iterable[str]) -> FinalState:
    """The final state; `texts` are those of all messages that others can read."""
    state = FinalState()
    state.markers["the database's file"] = _markers(
        path.read_bytes() for path in data.glob(f"{database.name}*")
    )
    with closing(_connect(database)) as db:
        state.integrity = str(db.execute("PRAGMA integrity_check").fetchone()[0])
        state.rows = [
            Row(
                job,
                json.loads(recipe)["seed"],
                member,
                guild,
                kind,
                bool(posted),
                deleted is not None,
                reason or "",
                _uploads(recipe),
            )
            for job, recipe, member, guild, kind, posted, deleted, reason in db.execute(
                "SELECT id, recipe, member_id, guild_id, state, posted, deleted_at,"
                " COALESCE(reason_text, reason_code) FROM jobs"
            )
        ]
        state.log = [
            LogEntry(*entry)
            for entry in db.execute(
                "SELECT guild_id, action, actor_id, target_id, job_id FROM audit_log"
            )
        ]
        state.pending_deletions = db.execute("SELECT COUNT(*) FROM deletions").fetchone()[0]
        state.pending_answers = db.execute("SELECT COUNT(*) FROM pending_responses").fetchone()[0]
        state.markers["the database's rows"] = _markers(line.encode() for line in db.iterdump())
    folders = [path for path in (data / "pictures").glob("*") if path.name.isdigit()]
    state.folders = sorted(int(path.name) for path in folders)
    state.images = sorted(int(path.name) for path in folders if (path / "final-0.png").exists())
    state.uploads = sorted(path.stem for path in (data / "initial").glob("*.png"))
    state.markers["a message"] = _markers(text.encode() for text in texts)
    state.markers["a file"] = _markers(
        path.read_bytes() for folder in folders for path in folder.iterdir()
    )
    return state


def _connect(database: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=30)


def _markers(contents: Iterable[bytes]) -> list[str]:
    return sorted({found.decode() for each in contents for found in MARKER.findall(each)})


def _uploads(recipe: str) -> list[str]:
    name = json.loads(recipe).get("initial")
    return [name] if name else []
