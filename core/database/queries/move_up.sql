-- Makes a waiting job its server's next: the priority of the server's first job, and one turn
-- before it. Parameters: :guild_id, :job_id.
WITH first AS (
    SELECT id, priority, turn FROM jobs INDEXED BY jobs_waiting_in_guild
    WHERE guild_id = :guild_id AND state = 'queued'
    ORDER BY priority DESC, turn, id LIMIT 1
)
UPDATE jobs SET
    priority = (SELECT priority FROM first),
    turn = (SELECT turn - (id != :job_id) FROM first)
WHERE id = :job_id AND guild_id = :guild_id AND state = 'queued'
RETURNING *;
