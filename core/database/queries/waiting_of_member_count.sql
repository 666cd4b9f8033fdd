-- How many jobs of a member are waiting in a server.
-- Parameters: :guild_id, :member_id, :channel_id (NULL for any).
SELECT COUNT(*) FROM jobs INDEXED BY jobs_waiting_of_member
WHERE state = 'queued' AND member_id = :member_id AND guild_id = :guild_id
AND (:channel_id IS NULL OR channel_id = :channel_id);
