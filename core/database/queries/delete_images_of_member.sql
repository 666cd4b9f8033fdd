-- Adds a member's images to the outbox `deletions`: those that they uploaded or that their jobs up
-- to :last_job use, unless someone else uploaded the same image.
INSERT INTO deletions (kind, image, due_at)
    SELECT 'image', mine.name, :now FROM (
        SELECT name FROM uploaded_images WHERE member_id = :member AND created_at <= :at
        UNION
        SELECT name FROM jobs JOIN recipe_images ON job_id = jobs.id
        WHERE member_id = :member AND jobs.id <= :last_job
    ) AS mine
    WHERE NOT EXISTS (
        SELECT 1 FROM uploaded_images AS others WHERE others.name = mine.name
        AND NOT (others.member_id = :member AND others.created_at <= :at)
    );
