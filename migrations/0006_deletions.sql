-- Which messages show a job, and what is still to be deleted (see core.database.messages and
-- core.database.deletions).

-- Every message that shows a job to anyone but the member who requested it. The id is NULL until
-- Discord has assigned it; until then, the nonce identifies the message.
CREATE TABLE messages (
    job_id INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('job', 'timelapse', 'direct copy', 'show', 'report')),
    channel_id INTEGER NOT NULL,
    message_id INTEGER,
    nonce TEXT,
    -- When it was announced, right before it was sent, in seconds since 1970.
    announced_at REAL,
    CHECK (message_id IS NOT NULL OR (nonce IS NOT NULL AND announced_at IS NOT NULL)),
    UNIQUE (job_id, message_id),
    UNIQUE (channel_id, nonce)
) STRICT;
INSERT INTO messages (job_id, kind, channel_id, message_id)
    SELECT id, 'job', channel_id, message_id FROM jobs
    WHERE message_id IS NOT NULL AND deleted_at IS NULL;

-- The outbox of deletions. A row is added in the transaction that deletes the rows it stands for,
-- and removed once its target is gone. The kinds are deleted in alphabetical order: folders and
-- images before messages.
CREATE TABLE deletions (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('folder', 'image', 'message')),
    -- The job of a folder or message; NULL for a message of the moderators' log.
    job_id INTEGER,
    -- The name of an uploaded image.
    image TEXT,
    channel_id INTEGER,
    message_id INTEGER,
    nonce TEXT,
    -- When it is tried, in seconds since 1970; a worker that takes it postpones it first.
    due_at REAL NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    CHECK ((kind = 'image') = (image IS NOT NULL)),
    CHECK ((kind = 'message') = (channel_id IS NOT NULL)),
    CHECK (kind != 'folder' OR job_id IS NOT NULL),
    CHECK (kind != 'message' OR message_id IS NOT NULL OR nonce IS NOT NULL)
) STRICT;
CREATE INDEX deletions_in_order ON deletions (kind, due_at);
CREATE INDEX deletions_being_sent ON deletions (channel_id, nonce) WHERE nonce IS NOT NULL;

-- The byte up to which this database has carried out its journal (see core.database.journal).
CREATE TABLE deletion_journal (position INTEGER NOT NULL) STRICT;
INSERT INTO deletion_journal VALUES (0);

-- Records a job's message, however it is set; the message of a deleted job is deleted at once.
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

-- Which uploaded images (see core.storage.uploaded_images) were uploaded for a job, as opposed to
-- inherited from its parent.
CREATE VIEW image_uploads (image, job_id, member_id) AS
    SELECT here.name, jobs.id, jobs.member_id
    FROM pictures_in_recipes AS here JOIN jobs ON jobs.id = here.job_id
    WHERE jobs.parent_id IS NULL OR EXISTS (
        SELECT 1 FROM jobs AS parent WHERE parent.id = jobs.parent_id AND NOT EXISTS (
            SELECT 1 FROM pictures_in_recipes AS there
            WHERE there.name = here.name AND there.job_id = parent.id
        )
    );

-- Makes deleting thousands of jobs at once fast.
CREATE INDEX pictures_in_recipes_by_job ON pictures_in_recipes (job_id);
DROP TRIGGER recipe_goes;
CREATE TRIGGER recipe_goes AFTER DELETE ON jobs BEGIN
    DELETE FROM pictures_in_recipes WHERE job_id = OLD.id;
END;

-- Which message in a server's log channel shows an entry of the moderators' log.
CREATE TABLE log_messages (
    entry_id INTEGER PRIMARY KEY,
    channel_id INTEGER NOT NULL,
    message_id INTEGER NOT NULL
) STRICT;
CREATE INDEX log_messages_by_message ON log_messages (message_id);
