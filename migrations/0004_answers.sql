-- Interactions that the bot has acknowledged but not responded to yet. A row is inserted before the
-- bot acknowledges, and deleted once Discord has accepted the response, so what a crash leaves open
-- is found here.

CREATE TABLE answers (
    interaction_id INTEGER PRIMARY KEY,
    -- The interaction's token, with which the response can be edited for 15 minutes.
    token TEXT NOT NULL,
    locale TEXT NOT NULL,
    -- The job that it requested, once that is queued.
    job_id INTEGER REFERENCES jobs (id) ON DELETE CASCADE
) STRICT;
CREATE INDEX answers_of_job ON answers (job_id) WHERE job_id IS NOT NULL;

-- How often the job message had to be posted again, because something else may have overwritten it.
ALTER TABLE jobs ADD COLUMN redraws INTEGER NOT NULL DEFAULT 0;
