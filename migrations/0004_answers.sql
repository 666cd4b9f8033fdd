-- What the bot has acknowledged and not answered yet. A row is written before the bot says that it
-- is thinking, and struck out once Discord has taken the answer: whatever a crash leaves open is
-- found here and brought to its end.

CREATE TABLE answers (
    interaction_id INTEGER PRIMARY KEY,
    -- The interaction's own, with which Discord lets its answer be edited for 15 minutes.
    token TEXT NOT NULL,
    locale TEXT NOT NULL,
    -- What it asked for, once that is queued.
    job_id INTEGER REFERENCES jobs (id) ON DELETE CASCADE
) STRICT;
CREATE INDEX answers_of_job ON answers (job_id) WHERE job_id IS NOT NULL;

-- How often a card has been asked to be shown once more, since something else may have hidden it.
ALTER TABLE jobs ADD COLUMN redraws INTEGER NOT NULL DEFAULT 0;
