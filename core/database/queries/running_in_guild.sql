-- The running jobs of a server, in claim order. There are few, however long the queue is.
-- Parameters: :guild_id, and :member_id and :channel_id, each NULL for any.
SELECT * FROM jobs INDEXED BY jobs_running
WHERE state = 'running' AND guild_id = :guild_id
AND (:member_id IS NULL OR member_id = :member_id)
AND (:channel_id IS NULL OR channel_id = :channel_id)
ORDER BY priority DESC, turn, id;
