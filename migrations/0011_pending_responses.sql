-- What a restarted bot needs to resume a request, instead of only reporting the interruption.

-- The interaction as Discord sent it, as JSON; NULL in older rows.
ALTER TABLE answers ADD COLUMN payload TEXT;

-- Whether the response changes the message of the pressed button, rather than being a new message.
ALTER TABLE answers ADD COLUMN updates_message INTEGER NOT NULL DEFAULT 0
    CHECK (updates_message IN (0, 1));

-- What the request has already done, if doing it twice would undo it.
ALTER TABLE answers ADD COLUMN outcome TEXT;

ALTER TABLE answers ADD COLUMN created_at REAL NOT NULL DEFAULT 0;
