-- The waiting jobs of a server, in claim order.
-- Parameters: :guild_id, :channel_id (NULL for any), :limit (-1 for all), :offset.
SELECT * FROM jobs INDEXED BY jobs_waiting_in_guild
WHERE state = 'queued' AND guild_id = :guild_id
AND (:channel_id IS NULL OR channel_id = :channel_id)
ORDER BY priority DESC, turn, id LIMIT :limit OFFSET :offset;
