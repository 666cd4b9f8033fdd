-- What members may ask of a job beside cancelling it, where a job comes from, and what they keep.

-- Its asker wants what is there so far: the next step is to be the last.
ALTER TABLE jobs ADD COLUMN stopping INTEGER NOT NULL DEFAULT 0 CHECK (stopping IN (0, 1));
-- The job that this one repeats, varies or goes on from.
ALTER TABLE jobs ADD COLUMN parent_id INTEGER;
-- When its pictures were deleted; the job itself stays, for the numbers.
ALTER TABLE jobs ADD COLUMN deleted_at REAL;
-- What its asker's Discord speaks, as Discord calls it.
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

-- What a member need not type each time; NULL where they have not chosen.
CREATE TABLE preferences (
    member_id INTEGER PRIMARY KEY,
    size TEXT,
    steps INTEGER,
    preset TEXT,
    direct_copy INTEGER NOT NULL DEFAULT 0 CHECK (direct_copy IN (0, 1))
) STRICT;
