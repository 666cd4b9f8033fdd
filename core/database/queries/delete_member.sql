-- Deletes all data about a member, with their jobs up to :last_job. Data outside the database is
-- added to the outbox `deletions`. What moderators did stays recorded, as ids and times. The
-- member's images are already in the outbox (delete_images_of_member.sql).

-- The folder of a running job is deleted again, once its engine has certainly stopped.
INSERT INTO deletions (kind, job_id, due_at)
    SELECT 'folder', id, :now FROM jobs WHERE member_id = :member AND id <= :last_job
    UNION ALL
    SELECT 'folder', id, :later FROM jobs
    WHERE member_id = :member AND id <= :last_job AND state = 'running';
INSERT INTO deletions (kind, job_id, channel_id, message_id, nonce, due_at)
    SELECT 'message', job_id, messages.channel_id, messages.message_id, nonce,
        iif(messages.message_id IS NULL, :later, :now)
    FROM jobs JOIN messages ON job_id = jobs.id WHERE member_id = :member AND jobs.id <= :last_job
    AND (messages.message_id IS NOT NULL OR announced_at > :forgotten);
DELETE FROM messages
    WHERE job_id IN (SELECT id FROM jobs WHERE member_id = :member AND id <= :last_job);

-- Copies of other members' images that were sent to the member.
INSERT INTO deletions (kind, job_id, channel_id, message_id, nonce, due_at)
    SELECT 'message', job_id, channel_id, message_id, nonce, iif(message_id IS NULL, :later, :now)
    FROM messages WHERE recipient_id = :member
    AND (message_id IS NOT NULL OR announced_at > :forgotten);
DELETE FROM messages WHERE recipient_id = :member;

-- What the member wrote to moderators about others, and what others wrote about the member. Reports
-- and entries in log channels that show such a text are posted again without it.
INSERT INTO deletions (kind, job_id, channel_id, message_id, nonce, due_at)
    SELECT 'message', job_id, channel_id, message_id, nonce,
        iif(message_id IS NULL, :later, :now)
    FROM messages WHERE kind = 'report' AND job_id IN (
        SELECT job_id FROM reports WHERE reported_by = :member AND reason IS NOT NULL
    ) AND (message_id IS NOT NULL OR announced_at > :forgotten);
DELETE FROM messages WHERE kind = 'report' AND job_id IN (
    SELECT job_id FROM reports WHERE reported_by = :member AND reason IS NOT NULL
);
UPDATE reports SET shown = 0 WHERE verdict IS NULL AND job_id IN (
    SELECT job_id FROM reports WHERE reported_by = :member AND reason IS NOT NULL
);
INSERT INTO deletions (kind, channel_id, message_id, due_at)
    SELECT DISTINCT 'message', channel_id, message_id, :now
    FROM audit_log JOIN log_messages ON entry_id = audit_log.id
    WHERE :member IN (actor_id, target_id) AND reason IS NOT NULL;
UPDATE audit_log SET to_mirror = 1
    WHERE guild_id IN (SELECT guild_id FROM guilds WHERE log_channel IS NOT NULL) AND id IN (
        SELECT entry_id FROM log_messages WHERE message_id IN (
            SELECT message_id FROM deletions
            WHERE kind = 'message' AND due_at = :now AND job_id IS NULL
        )
    );
DELETE FROM log_messages WHERE message_id IN (
    SELECT message_id FROM deletions WHERE kind = 'message' AND due_at = :now AND job_id IS NULL
);
UPDATE reports SET reason = NULL WHERE :member IN (reported_by, member_id);
UPDATE audit_log SET reason = NULL WHERE :member IN (actor_id, target_id);
UPDATE blocks SET reason = NULL WHERE member_id = :member;

-- The payload of a request contains what the member typed. The row stays until it is responded to.
UPDATE pending_responses SET payload = NULL WHERE member_id = :member AND created_at <= :at;
DELETE FROM uploaded_images WHERE member_id = :member AND created_at <= :at;
-- A style remains, but without the example that the member uploaded.
UPDATE guild_styles SET image = NULL, image_by = NULL WHERE image_by = :member AND NOT EXISTS (
    SELECT 1 FROM uploaded_images WHERE name = image AND member_id = image_by
);
DELETE FROM preferences WHERE member_id = :member;
DELETE FROM drafts WHERE member_id = :member;
DELETE FROM favourites WHERE member_id = :member
    OR job_id IN (SELECT id FROM jobs WHERE member_id = :member AND id <= :last_job);
DELETE FROM hall_of_fame
    WHERE job_id IN (SELECT id FROM jobs WHERE member_id = :member AND id <= :last_job);
DELETE FROM jobs WHERE member_id = :member AND id <= :last_job;
