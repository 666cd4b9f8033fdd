-- The job to claim next; no row if none may run now, or the host has paused all servers.
--
-- Finds the first job that may run now in each server that has waiting jobs and is not paused, then
-- the first of those. So the jobs of paused servers and for other models are not scanned. The
-- recursive part visits the servers by id; the last one, NULL, stands for direct messages.
-- Parameter: :model, the engine's; jobs without a model are for any engine.
WITH RECURSIVE servers (guild_id) AS (
    SELECT 0
    UNION ALL
    SELECT (
        SELECT MIN(guild_id) FROM jobs INDEXED BY jobs_waiting_in_guild
        WHERE state = 'queued' AND guild_id > servers.guild_id
    )
    FROM servers WHERE guild_id IS NOT NULL
),
rendered (model) AS (SELECT NULL UNION SELECT :model)
SELECT * FROM jobs WHERE id IN (
    SELECT (
        SELECT id FROM jobs INDEXED BY jobs_waiting_for_model
        WHERE state = 'queued' AND guild_id IS servers.guild_id AND model IS rendered.model
        AND (most_running IS NULL OR most_running > (
            SELECT COUNT(*) FROM jobs AS running WHERE running.state = 'running'
            AND running.member_id = jobs.member_id AND running.guild_id IS jobs.guild_id
        ))
        ORDER BY priority DESC, turn, id LIMIT 1
    )
    FROM servers CROSS JOIN rendered
    WHERE guild_id IS NULL
    OR guild_id NOT IN (SELECT guild_id FROM guilds WHERE paused_at IS NOT NULL)
)
AND NOT EXISTS (SELECT 1 FROM host_pause)
ORDER BY priority DESC, turn, id LIMIT 1;
