-- Counts the jobs that were requested since a time. Parameters: :since, :guild_id (NULL for all).
SELECT
    COUNT(*) AS jobs,
    COUNT(*) FILTER (WHERE state = 'done') AS done,
    COUNT(*) FILTER (WHERE state = 'failed') AS failed,
    COUNT(*) FILTER (WHERE state = 'cancelled') AS cancelled,
    COALESCE(SUM(pictures) FILTER (WHERE state = 'done'), 0) AS images,
    COUNT(DISTINCT member_id) AS members,
    COUNT(started_at) AS started
FROM jobs INDEXED BY jobs_by_creation
WHERE created_at >= :since AND (:guild_id IS NULL OR guild_id = :guild_id);
