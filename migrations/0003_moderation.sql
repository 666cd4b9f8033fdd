-- The settings and rules of a server, the log of its moderators, and members' reports.
-- Times are seconds since 1970.

-- How many of its member's jobs may run at a time in that server; NULL if there is no limit.
ALTER TABLE jobs ADD COLUMN most_running INTEGER CHECK (most_running > 0);
-- Whether its images are spoilers, because it was requested in a channel with that rule.
ALTER TABLE jobs ADD COLUMN spoilered INTEGER NOT NULL DEFAULT 0 CHECK (spoilered IN (0, 1));

-- As before, with the columns that decide whether a job may be claimed now.
DROP INDEX jobs_waiting;
CREATE INDEX jobs_waiting
    ON jobs (state, priority DESC, turn, id, work, guild_id, member_id, most_running)
    WHERE state = 'queued';
CREATE INDEX jobs_live_in_guild ON jobs (guild_id) WHERE state IN ('queued', 'running');

CREATE TABLE guilds (
    guild_id INTEGER PRIMARY KEY,
    moderator_role INTEGER,
    log_channel INTEGER,
    paused_at REAL,
    paused_by INTEGER,
    pause_reason TEXT,
    CHECK ((paused_at IS NULL) = (paused_by IS NULL))
) STRICT;

CREATE TABLE channel_rules (
    guild_id INTEGER NOT NULL,
    channel_id INTEGER NOT NULL,
    rule TEXT NOT NULL CHECK (rule IN ('allowed', 'spoilered')),
    PRIMARY KEY (guild_id, channel_id, rule)
) STRICT, WITHOUT ROWID;

-- The role with the server's own id is @everyone. NULL where a role has no limit.
CREATE TABLE role_limits (
    guild_id INTEGER NOT NULL,
    role_id INTEGER NOT NULL,
    running INTEGER CHECK (running > 0),
    waiting INTEGER CHECK (waiting > 0),
    per_hour INTEGER CHECK (per_hour > 0),
    size TEXT,
    steps INTEGER CHECK (steps > 0),
    PRIMARY KEY (guild_id, role_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE blocks (
    guild_id INTEGER NOT NULL,
    member_id INTEGER NOT NULL,
    until REAL,
    reason TEXT,
    blocked_by INTEGER NOT NULL,
    created_at REAL NOT NULL,
    PRIMARY KEY (guild_id, member_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE words (
    guild_id INTEGER NOT NULL,
    text TEXT NOT NULL,
    age_restricted INTEGER NOT NULL CHECK (age_restricted IN (0, 1)),
    PRIMARY KEY (guild_id, text)
) STRICT, WITHOUT ROWID;

-- Every action of a moderator, and every refused request (by_id is NULL then).
CREATE TABLE moderation_log (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    guild_id INTEGER NOT NULL,
    created_at REAL NOT NULL,
    act TEXT NOT NULL,
    by_id INTEGER,
    whom_id INTEGER,
    job_id INTEGER,
    what TEXT,
    why TEXT,
    -- Whether it still has to be posted in the server's log channel.
    to_mirror INTEGER NOT NULL CHECK (to_mirror IN (0, 1))
) STRICT;
CREATE INDEX moderation_log_of_guild ON moderation_log (guild_id, id);
CREATE INDEX moderation_log_to_mirror ON moderation_log (guild_id, id) WHERE to_mirror = 1;

CREATE TABLE reports (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    guild_id INTEGER NOT NULL,
    job_id INTEGER NOT NULL,
    asker_id INTEGER NOT NULL,
    reported_by INTEGER NOT NULL,
    reason TEXT,
    created_at REAL NOT NULL,
    shown INTEGER NOT NULL DEFAULT 0 CHECK (shown IN (0, 1)),
    verdict TEXT CHECK (verdict IN ('delete', 'block', 'dismiss')),
    closed_by INTEGER,
    UNIQUE (job_id, reported_by)
) STRICT;
CREATE INDEX reports_open ON reports (guild_id, id) WHERE verdict IS NULL;
