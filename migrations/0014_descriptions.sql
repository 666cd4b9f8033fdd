-- A job makes an image, or describes one: prompts that its model finds in the image.
ALTER TABLE jobs ADD COLUMN kind TEXT NOT NULL DEFAULT 'image'
    CHECK (kind IN ('image', 'description'));
