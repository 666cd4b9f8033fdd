-- The waiting jobs of a member in a server, in claim order.
-- Parameters: :guild_id, :member_id, :channel_id (NULL for any), :limit (-1 for all), :offset.
SELECT * FROM jobs INDEXED BY jobs_waiting_of_member
WHERE state = 'queued' AND member_id = :member_id AND guild_id = :guild_id
AND (:channel_id IS NULL OR channel_id = :channel_id)
ORDER BY priority DESC, turn, id LIMIT :limit OFFSET :offset;
