-- How many jobs are waiting in a channel of a server. Parameters: :guild_id, :channel_id.
SELECT COUNT(*) FROM jobs INDEXED BY jobs_waiting_in_guild
WHERE state = 'queued' AND guild_id = :guild_id AND channel_id = :channel_id;
