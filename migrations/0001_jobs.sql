-- Jobs: what was requested, by whom, where, and with what outcome. Times are seconds since 1970.
CREATE TABLE jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    recipe TEXT NOT NULL CHECK (json_valid(recipe)),
    guild_id INTEGER,
    channel_id INTEGER NOT NULL,
    message_id INTEGER,
    member_id INTEGER NOT NULL,
    member_name TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'queued'
        CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
    priority INTEGER NOT NULL DEFAULT 0,
    turn INTEGER NOT NULL,
    engine TEXT,
    lease_until REAL,
    attempts INTEGER NOT NULL DEFAULT 0,
    step INTEGER NOT NULL DEFAULT 0,
    created_at REAL NOT NULL,
    started_at REAL,
    finished_at REAL,
    reason TEXT,
    posted INTEGER NOT NULL DEFAULT 0 CHECK (posted IN (0, 1)),
    -- Copied from the recipe, so that they can be summed: the number of images, and pixel-steps.
    pictures INTEGER NOT NULL,
    work INTEGER NOT NULL,
    CHECK ((state = 'running') = (lease_until IS NOT NULL)),
    CHECK (state != 'running' OR engine IS NOT NULL),
    CHECK ((state IN ('done', 'failed', 'cancelled')) = (finished_at IS NOT NULL))
) STRICT;

-- The claim order (see core.fair_queue). `state` and `work` are included so that positions are
-- counted and waits are summed from the index alone.
CREATE INDEX jobs_waiting ON jobs (state, priority DESC, turn, id, work) WHERE state = 'queued';
CREATE INDEX jobs_running ON jobs (engine) WHERE state = 'running';
CREATE INDEX jobs_unposted ON jobs (finished_at) WHERE finished_at IS NOT NULL AND posted = 0;
CREATE INDEX jobs_done ON jobs (finished_at) WHERE state = 'done';
CREATE INDEX jobs_of_member ON jobs (member_id, priority, turn);

-- The virtual time of each priority: the highest turn claimed so far.
CREATE TABLE virtual_time (
    priority INTEGER PRIMARY KEY,
    turn INTEGER NOT NULL
) STRICT;
