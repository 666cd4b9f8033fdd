-- Several requests at once that wait for their member's confirmation.
CREATE TABLE drafts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    member_id INTEGER NOT NULL,
    -- A JSON array of recipes.
    recipes TEXT NOT NULL,
    created_at REAL NOT NULL
) STRICT;

-- The message that lists the jobs requested together belongs to each of them. SQLite can't change a
-- CHECK, so the table and the triggers that name it are created again.
DROP TRIGGER job_arrives_with_message;
DROP TRIGGER job_gets_message;
CREATE TABLE new_messages (
    job_id INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (
        kind IN ('job', 'timelapse', 'direct copy', 'show', 'report', 'notification', 'group')
    ),
    channel_id INTEGER NOT NULL,
    message_id INTEGER,
    nonce TEXT,
    -- When it was about to be sent, in seconds since 1970.
    announced_at REAL,
    CHECK (message_id IS NOT NULL OR (nonce IS NOT NULL AND announced_at IS NOT NULL)),
    UNIQUE (job_id, message_id),
    UNIQUE (channel_id, nonce)
) STRICT;
INSERT INTO new_messages
    SELECT job_id, kind, channel_id, message_id, nonce, announced_at FROM messages;
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
