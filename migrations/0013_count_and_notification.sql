-- How many images a member requests at once, and when they are mentioned: always, long or never.
ALTER TABLE preferences ADD COLUMN count INTEGER;
ALTER TABLE preferences ADD COLUMN notify TEXT NOT NULL DEFAULT 'long';

-- A message that mentions a member is also a message of their job. SQLite can't change a CHECK, so
-- the table and the triggers that name it are created again.
DROP TRIGGER job_arrives_with_message;
DROP TRIGGER job_gets_message;
CREATE TABLE new_messages (
    job_id INTEGER NOT NULL,
    kind TEXT NOT NULL
        CHECK (kind IN ('job', 'timelapse', 'direct copy', 'show', 'report', 'notification')),
    channel_id INTEGER NOT NULL,
    message_id INTEGER,
    nonce TEXT,
    -- When it was about to be sent, in seconds since 1970.
    announced_at REAL,
    CHECK (message_id IS NOT NULL OR (nonce IS NOT NULL AND announced_at IS NOT NULL)),
    UNIQUE (job_id, message_id),
    UNIQUE (channel_id, nonce)
) STRICT;
INSERT INTO new_messages SELECT job_id, kind, channel_id, message_id, nonce, announced_at FROM messages;
DROP TABLE messages;
ALTER TABLE new_messages RENAME TO messages;
CREATE TRIGGER job_arrives_with_message AFTER INSERT ON jobs WHEN NEW.message_id IS NOT NULL BEGIN
    INSERT OR IGNORE INTO messages (job_id, kind, channel_id, message_id)
        VALUES (NEW.id, 'job', NEW.channel_id, NEW.message_id);
END;
CREATE TRIGGER job_gets_message AFTER UPDATE OF message_id ON jobs
    WHEN NEW.message_id IS NOT NULL BEGIN
    INSERT OR IGNORE INTO messages (job_id, kind, channel_id, message_id)
        SELECT NEW.id, 'job', NEW.channel_id, NEW.message_id WHERE NEW.deleted_at IS NULL;
    INSERT INTO deletions (kind, job_id, channel_id, message_id, due_at)
        SELECT 'message', NEW.id, NEW.channel_id, NEW.message_id, 0
        WHERE NEW.deleted_at IS NOT NULL;
END;
