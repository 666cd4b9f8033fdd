-- Deletes the images and messages of one job; its row stays, for the numbers. A job that waits or
-- is being painted is cancelled first.

UPDATE jobs
    SET state = 'cancelled', reason_code = 'source_deleted', finished_at = :now
    WHERE state = 'queued' AND finished_at IS NULL
    AND source_job_id = :job;
INSERT INTO deletions (kind, job_id, due_at)
    SELECT 'folder', id, :now FROM jobs WHERE id = :job
    UNION ALL SELECT 'folder', id, :later FROM jobs WHERE id = :job AND state = 'running';
UPDATE jobs
    SET state = 'cancelled', reason_code = 'deleted_by_moderator', finished_at = :now, lease_until = NULL
    WHERE id = :job AND state IN ('queued', 'running');
UPDATE jobs SET deleted_at = coalesce(deleted_at, :now), posted = 1 WHERE id = :job;
INSERT INTO deletions (kind, job_id, channel_id, message_id, nonce, due_at)
    SELECT 'message', job_id, channel_id, message_id, nonce, iif(message_id IS NULL, :later, :now)
    FROM messages WHERE job_id = :job AND message_id IS NOT :but_message
    AND (message_id IS NOT NULL OR announced_at > :forgotten);
DELETE FROM messages WHERE job_id = :job AND message_id IS NOT :but_message;
DELETE FROM favourites WHERE job_id = :job;
