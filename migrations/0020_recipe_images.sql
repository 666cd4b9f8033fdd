-- The images that recipes name, under the name that the code uses. SQLite renames the table in all
-- triggers, too.
ALTER TABLE pictures_in_recipes RENAME TO recipe_images;
DROP INDEX pictures_in_recipes_by_job;
CREATE INDEX recipe_images_by_job ON recipe_images (job_id);
