-- Deletes the images and messages of a job that has ended; its row stays, for statistics. If an
-- engine was rendering it (:was_running), the folder is deleted again once the engine has certainly
-- stopped.
INSERT INTO deletions (kind, job_id, due_at)
    SELECT 'folder', id, :now FROM jobs WHERE id = :job
    UNION ALL SELECT 'folder', id, :later FROM jobs WHERE id = :job AND :was_running;
INSERT INTO deletions (kind, job_id, channel_id, message_id, nonce, due_at)
    SELECT 'message', job_id, channel_id, message_id, nonce, iif(message_id IS NULL, :later, :now)
    FROM messages WHERE job_id = :job AND message_id IS NOT :but_message
    AND (message_id IS NOT NULL OR announced_at > :forgotten);
DELETE FROM messages WHERE job_id = :job AND message_id IS NOT :but_message;
DELETE FROM favourites WHERE job_id = :job;
DELETE FROM hall_of_fame WHERE job_id = :job;
DELETE FROM response_tokens WHERE job_id = :job;
