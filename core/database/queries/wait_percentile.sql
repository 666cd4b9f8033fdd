-- The wait at a rank, from the shortest wait on. Parameters: :since, :guild_id (NULL for all),
-- :rank (from 0). A wait is never negative, even if the clock was set back.
SELECT MAX(0.0, started_at - created_at) AS wait
FROM jobs INDEXED BY jobs_by_creation
WHERE created_at >= :since AND (:guild_id IS NULL OR guild_id = :guild_id)
AND started_at IS NOT NULL
ORDER BY wait LIMIT 1 OFFSET :rank;
