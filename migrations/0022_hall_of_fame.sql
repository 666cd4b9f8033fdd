-- The hall of fame of a server: the channel, and the number of members who must have an image among
-- their favourites; NULL if the server wants none.
ALTER TABLE guilds ADD COLUMN hall_channel INTEGER;
ALTER TABLE guilds ADD COLUMN hall_favourites INTEGER;

-- The images that have reached it, each once.
CREATE TABLE hall_of_fame (
    job_id INTEGER PRIMARY KEY,
    guild_id INTEGER NOT NULL,
    channel_id INTEGER NOT NULL,
    -- When it was posted or left out, in seconds since 1970; NULL while it is to be posted.
    settled_at REAL
) STRICT;
CREATE INDEX hall_of_fame_due ON hall_of_fame (job_id) WHERE settled_at IS NULL;

-- Images that are posted, are among enough members' favourites, and have not reached it before.
CREATE VIEW hall_of_fame_arrivals AS
    SELECT jobs.id AS job_id, guild_id, hall_channel AS channel_id
    FROM jobs JOIN guilds USING (guild_id)
    WHERE hall_channel IS NOT NULL AND state = 'done' AND kind = 'image' AND posted AND NOT held
    AND deleted_at IS NULL
    AND (SELECT COUNT(*) FROM favourites WHERE job_id = jobs.id) >= hall_favourites
    AND NOT EXISTS (SELECT 1 FROM hall_of_fame WHERE job_id = jobs.id);
CREATE TRIGGER favourite_reaches_hall AFTER INSERT ON favourites BEGIN
    INSERT INTO hall_of_fame (job_id, guild_id, channel_id)
        SELECT * FROM hall_of_fame_arrivals WHERE job_id = NEW.job_id;
END;
CREATE TRIGGER posted_image_reaches_hall AFTER UPDATE OF posted ON jobs
    WHEN NEW.posted = 1 AND OLD.posted = 0 BEGIN
    INSERT INTO hall_of_fame (job_id, guild_id, channel_id)
        SELECT * FROM hall_of_fame_arrivals WHERE job_id = NEW.id;
END;

-- The message that shows it belongs to its job. SQLite can't change a CHECK, so the table and the
-- triggers that name it are created again.
DROP TRIGGER job_arrives_with_message;
DROP TRIGGER job_gets_message;
CREATE TABLE new_messages (
    job_id INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (
        kind IN (
            'job', 'timelapse', 'direct copy', 'show', 'report', 'notification', 'group',
            'hall of fame'
        )
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
