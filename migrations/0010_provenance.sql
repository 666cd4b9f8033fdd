-- Age restriction, spoilers and uploads are inherited by everything that is made from an image.

-- Requested in an age-restricted channel: neither it nor anything made from it is shown in others.
ALTER TABLE jobs ADD COLUMN age_restricted INTEGER NOT NULL DEFAULT 0
    CHECK (age_restricted IN (0, 1));

-- Who uploaded an image, and where. Only they may reuse it. Jobs inherit the two flags.
CREATE TABLE uploaded_images (
    -- As in recipes: the SHA-256 of the stored file.
    name TEXT NOT NULL,
    member_id INTEGER NOT NULL,
    created_at REAL NOT NULL,
    age_restricted INTEGER NOT NULL CHECK (age_restricted IN (0, 1)),
    spoilered INTEGER NOT NULL CHECK (spoilered IN (0, 1)),
    PRIMARY KEY (name, member_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX uploaded_images_of_member ON uploaded_images (member_id);

-- For existing jobs: an image that is not their parent's was uploaded for them.
INSERT INTO uploaded_images (name, member_id, created_at, age_restricted, spoilered)
    SELECT image, jobs.member_id, MIN(created_at), 0, MAX(spoilered)
    FROM image_uploads JOIN jobs ON jobs.id = job_id GROUP BY image, jobs.member_id;

-- What was made from a spoiler is a spoiler, too.
UPDATE jobs SET spoilered = 1 WHERE NOT spoilered AND id IN (
    WITH RECURSIVE made_from (id) AS (
        SELECT id FROM jobs WHERE spoilered
        UNION
        SELECT jobs.id FROM jobs JOIN made_from ON parent_id = made_from.id
    )
    SELECT id FROM made_from
);
