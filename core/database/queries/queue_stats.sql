-- The queue in numbers, for metrics and health checks; each is read from an index or queue_buckets.
SELECT
    (SELECT TOTAL(jobs) FROM queue_buckets WHERE guild_id = 0 AND level = 2) AS waiting,
    (
        SELECT MIN(created_at) FROM jobs INDEXED BY jobs_waiting_by_age WHERE state = 'queued'
    ) AS oldest,
    (SELECT COUNT(*) FROM jobs WHERE state = 'running') AS running,
    (SELECT COUNT(*) FROM jobs WHERE finished_at IS NOT NULL AND posted = 0) AS unposted;
