-- Jobs and work ahead of a waiting job, for its position and wait. Parameters: the job's :priority,
-- :turn, :id and :guild_id.
--
-- Sums whole buckets of queue_buckets, smaller and smaller towards the job, and counts the jobs in
-- the job's own smallest bucket one by one. Jobs of other servers that are paused are subtracted.
WITH counted (guild_id, sign) AS (
    SELECT 0, 1
    UNION ALL
    SELECT guild_id, -1 FROM guilds WHERE paused_at IS NOT NULL AND guild_id IS NOT :guild_id
),
buckets (level, priority, turn_bucket, id_bucket, jobs, work) AS NOT MATERIALIZED (
    SELECT level, priority, turn_bucket, id_bucket, sign * jobs, sign * work
    FROM counted CROSS JOIN queue_buckets USING (guild_id)
),
ahead (jobs, work) AS (
    SELECT jobs, work FROM buckets WHERE level = 2 AND priority > :priority
    UNION ALL
    SELECT jobs, work FROM buckets
    WHERE level = 2 AND priority = :priority AND turn_bucket < :turn >> 10
    UNION ALL
    SELECT jobs, work FROM buckets
    WHERE level = 1 AND priority = :priority
    AND turn_bucket >= :turn >> 10 << 10 AND turn_bucket < :turn
    UNION ALL
    SELECT jobs, work FROM buckets
    WHERE level = 0 AND priority = :priority AND turn_bucket = :turn AND id_bucket < :id >> 10
    UNION ALL
    SELECT 1, work FROM jobs
    WHERE state = 'queued' AND priority = :priority AND turn = :turn
    AND id >= :id >> 10 << 10 AND id < :id
    AND (
        guild_id IS :guild_id OR guild_id IS NULL
        OR guild_id NOT IN (SELECT guild_id FROM guilds WHERE paused_at IS NOT NULL)
    )
)
SELECT TOTAL(jobs) AS jobs, TOTAL(work) AS work FROM ahead;
