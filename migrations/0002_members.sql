-- Stopping a job early, where a job comes from, and members' favourites and preferences.

-- Whether to stop at the next step and keep the image so far.
ALTER TABLE jobs ADD COLUMN stopping INTEGER NOT NULL DEFAULT 0 CHECK (stopping IN (0, 1));
-- The job that this one repeats, varies or continues.
ALTER TABLE jobs ADD COLUMN parent_id INTEGER;
-- When its images were deleted; the row stays, for statistics.
ALTER TABLE jobs ADD COLUMN deleted_at REAL;
-- The Discord locale of its member.
ALTER TABLE jobs ADD COLUMN locale TEXT NOT NULL DEFAULT 'en';

CREATE INDEX jobs_by_age ON jobs (member_id, id);
CREATE INDEX jobs_by_message ON jobs (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX jobs_by_parent ON jobs (parent_id) WHERE parent_id IS NOT NULL;

CREATE TABLE favourites (
    member_id INTEGER NOT NULL,
    job_id INTEGER NOT NULL REFERENCES jobs (id),
    created_at REAL NOT NULL,
    PRIMARY KEY (member_id, job_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX favourites_by_job ON favourites (job_id);

-- A member's defaults; NULL where they have set none.
CREATE TABLE preferences (
    member_id INTEGER PRIMARY KEY,
    size TEXT,
    steps INTEGER,
    preset TEXT,
    direct_copy INTEGER NOT NULL DEFAULT 0 CHECK (direct_copy IN (0, 1))
) STRICT;
