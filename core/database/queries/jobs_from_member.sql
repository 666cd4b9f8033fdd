-- Queued and running jobs of others that start from an image that has just been added to the outbox
-- (see delete_images_of_member.sql), or queued ones that start from the member's jobs up to
-- :last_job.
SELECT id FROM jobs
WHERE state IN ('queued', 'running') AND NOT (member_id = :member AND id <= :last_job)
AND id IN (
    SELECT job_id FROM recipe_images WHERE name IN (
        SELECT image FROM deletions WHERE kind = 'image' AND due_at = :now
    )
)
UNION
SELECT id FROM jobs
WHERE state = 'queued' AND NOT (member_id = :member AND id <= :last_job)
AND finished_at IS NULL AND source_job_id IN (
    SELECT id FROM jobs WHERE member_id = :member AND id <= :last_job
);
