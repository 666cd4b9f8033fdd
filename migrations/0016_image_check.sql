-- The image check: concepts that moderators name, and images that wait for a moderator.
CREATE TABLE image_concepts (
    guild_id INTEGER NOT NULL,
    text TEXT NOT NULL,
    action TEXT NOT NULL CHECK (action IN ('spoiler', 'hold', 'refuse')),
    PRIMARY KEY (guild_id, text)
) STRICT, WITHOUT ROWID;

-- Whether its images are hidden until a moderator has reviewed them. The report of a held job has 0
-- as its reported_by.
ALTER TABLE jobs ADD COLUMN held INTEGER NOT NULL DEFAULT 0 CHECK (held IN (0, 1));
