-- Makes a waiting job its server's next: the priority of the server's first job, and one turn
-- before it. Parameters: :guild_id, and :ids, a JSON array of the one job.
WITH first AS (
    SELECT id, priority, turn FROM jobs INDEXED BY jobs_waiting_in_guild
    WHERE guild_id = :guild_id AND state = 'queued'
    ORDER BY priority DESC, turn, id LIMIT 1
)
UPDATE jobs SET
    priority = (SELECT priority FROM first),
    turn = (SELECT turn - (first.id != jobs.id) FROM first)
WHERE id IN (SELECT value FROM json_each(:ids)) AND guild_id = :guild_id AND state = 'queued'
RETURNING *;
