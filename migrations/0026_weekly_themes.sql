-- The weekly theme of a server, for which its members vote.
CREATE TABLE weekly_themes (
    guild_id INTEGER PRIMARY KEY,
    -- Where the votes are; NULL if the server wants no more.
    channel_id INTEGER,
    -- How long each vote is open.
    hours INTEGER NOT NULL CHECK (hours > 0),
    -- The server's own themes, as a JSON list of texts.
    own_themes TEXT NOT NULL,
    -- When the next vote is due, in seconds since 1970.
    due_at REAL NOT NULL,
    -- The poll of the vote that is open, and when it closes; NULL between two votes.
    poll_channel INTEGER,
    poll_message INTEGER,
    closes_at REAL,
    -- The theme that was chosen last.
    last_theme TEXT,
    CHECK ((poll_message IS NULL) = (poll_channel IS NULL)),
    CHECK ((poll_message IS NULL) = (closes_at IS NULL))
) STRICT;
