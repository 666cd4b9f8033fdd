-- The styles that moderators have added to a server. Prompts are in the grammar of `core.prompts`.
CREATE TABLE guild_styles (
    guild_id INTEGER NOT NULL,
    -- The name without regard to case, by which it is found.
    key TEXT NOT NULL,
    name TEXT NOT NULL,
    include TEXT NOT NULL,
    exclude TEXT NOT NULL,
    -- An example: an uploaded image, and who uploaded it.
    image TEXT,
    image_by INTEGER,
    PRIMARY KEY (guild_id, key),
    CHECK ((image IS NULL) = (image_by IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX guild_styles_by_image ON guild_styles (image) WHERE image IS NOT NULL;
CREATE INDEX guild_styles_by_uploader ON guild_styles (image_by) WHERE image_by IS NOT NULL;

-- The server whose own style a member prefers; NULL for a built-in style.
ALTER TABLE preferences ADD COLUMN preset_guild INTEGER;
