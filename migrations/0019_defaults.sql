-- The defaults of a server or, with its id, of a channel, category or thread; NULL where there is
-- none. The server's own have channel 0.
CREATE TABLE guild_defaults (
    guild_id INTEGER NOT NULL,
    channel_id INTEGER NOT NULL,
    size TEXT,
    steps INTEGER,
    preset TEXT,
    exclude TEXT,
    count INTEGER,
    PRIMARY KEY (guild_id, channel_id)
) STRICT, WITHOUT ROWID;
