-- Until when uploaded images are needed: as long as any job whose recipe names them (see
-- retained_folders.sql), and as long as they are the example of a style. Parameter: :images, a JSON
-- array of names.
SELECT name, MAX(until) AS until
FROM (
    SELECT
        name,
        CASE
            WHEN deleted_at IS NOT NULL THEN NULL
            WHEN finished_at IS NULL OR posted = 0
            OR EXISTS (
                SELECT 1 FROM favourites
                WHERE favourites.job_id = jobs.id AND favourites.member_id = jobs.member_id
            )
            OR EXISTS (
                SELECT 1 FROM jobs AS later
                WHERE later.finished_at IS NULL AND later.source_job_id = jobs.id
            )
            THEN 9e999 ELSE finished_at
        END AS until
    FROM json_each(:images) AS requested
    CROSS JOIN recipe_images ON name = requested.value
    CROSS JOIN jobs ON jobs.id = recipe_images.job_id
    UNION ALL
    SELECT image, 9e999
    FROM json_each(:images) AS requested
    CROSS JOIN guild_styles ON image = requested.value
)
GROUP BY name;
