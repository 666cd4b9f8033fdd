-- How many frames a film may have if a member with this role requests it.
ALTER TABLE role_limits ADD COLUMN film_frames INTEGER CHECK (film_frames > 0);
