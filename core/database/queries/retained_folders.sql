-- Until when the folders of jobs are needed. Parameter: :jobs, a JSON array of ids.
--
-- Infinity (9e999) while a job is not posted yet, while a queued or running job starts from it, and
-- while it is a favourite of its own member. Otherwise the time at which it ended; NULL if deleted.
SELECT
    jobs.id,
    CASE
        WHEN deleted_at IS NOT NULL THEN NULL
        WHEN finished_at IS NULL OR posted = 0
        OR EXISTS (
            SELECT 1 FROM favourites
            WHERE job_id = jobs.id AND favourites.member_id = jobs.member_id
        )
        OR EXISTS (
            SELECT 1 FROM jobs AS later
            WHERE later.finished_at IS NULL AND later.source_job_id = jobs.id
        )
        THEN 9e999 ELSE finished_at
    END AS until
FROM json_each(:jobs) AS requested CROSS JOIN jobs ON jobs.id = requested.value;
