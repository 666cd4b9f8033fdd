-- What the host of the bot sees and does: see core.database.host, engines and statistics.

-- A pause of all servers; at most one row.
CREATE TABLE host_pause (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    paused_at REAL NOT NULL,
    paused_by INTEGER NOT NULL,
    reason TEXT
) STRICT;

-- Engines at work, each with the time of its last report, in seconds since 1970.
CREATE TABLE engines (
    name TEXT PRIMARY KEY,
    version TEXT NOT NULL,
    model TEXT NOT NULL,
    renderers INTEGER NOT NULL,
    seen_at REAL NOT NULL
) STRICT, WITHOUT ROWID;

-- Which servers a notice of the host has reached, so that a restart sends it only to the others.
-- A notice has the id of the interaction that sent it.
CREATE TABLE notices_sent (
    notice_id INTEGER NOT NULL,
    guild_id INTEGER NOT NULL,
    sent_at REAL NOT NULL,
    PRIMARY KEY (notice_id, guild_id)
) STRICT, WITHOUT ROWID;

-- For the statistics of the latest days.
CREATE INDEX jobs_by_creation ON jobs (created_at);
CREATE INDEX audit_log_refusals ON audit_log (created_at) WHERE action = 'refuse';
