-- How many images a member requests at once, and when they are mentioned: always, long or never.
ALTER TABLE preferences ADD COLUMN count INTEGER;
ALTER TABLE preferences ADD COLUMN notify TEXT NOT NULL DEFAULT 'long';
