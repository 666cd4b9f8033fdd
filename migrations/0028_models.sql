-- Hosts can offer several models. The model that a job names; NULL for jobs that any engine may render.
ALTER TABLE jobs ADD COLUMN model TEXT;
CREATE INDEX jobs_waiting_for_model ON jobs (guild_id, model, priority DESC, turn, id)
    WHERE state = 'queued';
CREATE INDEX jobs_waiting_by_model ON jobs (model, priority DESC, turn, id, guild_id, work)
    WHERE state = 'queued';

ALTER TABLE guild_defaults ADD COLUMN model TEXT;
ALTER TABLE preferences ADD COLUMN model TEXT;
