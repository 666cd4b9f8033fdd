-- When the next weekly digest of a server is due, in seconds since 1970; NULL if it wants none.
ALTER TABLE guilds ADD COLUMN digest_due_at REAL;
CREATE INDEX guilds_digest ON guilds (digest_due_at) WHERE digest_due_at IS NOT NULL;
