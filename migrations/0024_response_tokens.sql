-- How a job is shown where the bot is not a member: by the token of the interaction that requested
-- it, which can edit its response for 15 minutes.
CREATE TABLE response_tokens (
    job_id INTEGER PRIMARY KEY,
    application_id INTEGER NOT NULL,
    token TEXT NOT NULL,
    -- The response, which only the job's member sees.
    message_id INTEGER NOT NULL,
    -- In seconds since 1970.
    expires_at REAL NOT NULL,
    -- Whether the response announces that it will soon no longer change.
    announced INTEGER NOT NULL DEFAULT 0 CHECK (announced IN (0, 1))
) STRICT;
CREATE INDEX response_tokens_unannounced ON response_tokens (expires_at) WHERE NOT announced;
CREATE TRIGGER response_token_goes AFTER DELETE ON jobs BEGIN
    DELETE FROM response_tokens WHERE job_id = OLD.id;
END;
