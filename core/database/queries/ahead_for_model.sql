-- Like ahead.sql, for a job that names its :model: jobs for other models, which other engines render,
-- are not ahead of it. Reads each of the model's waiting jobs from an index: queue_buckets has no
-- models. Parameters: the job's :model, :priority, :turn, :id and :guild_id.
SELECT COUNT(*) AS jobs, TOTAL(work) AS work FROM jobs INDEXED BY jobs_waiting_by_model
WHERE state = 'queued' AND (model = :model OR model IS NULL)
AND (-priority, turn, id) < (-:priority, :turn, :id)
AND (
    guild_id IS :guild_id OR guild_id IS NULL
    OR guild_id NOT IN (SELECT guild_id FROM guilds WHERE paused_at IS NOT NULL)
);
