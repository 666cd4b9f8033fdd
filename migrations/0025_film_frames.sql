-- How many frames a film may have that members of a role request.
ALTER TABLE role_limits ADD COLUMN film_frames INTEGER CHECK (film_frames > 0);
