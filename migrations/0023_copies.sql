-- Copies of images that members had sent to themselves. NULL for the messages of the job's own member.
ALTER TABLE messages ADD COLUMN recipient_id INTEGER;
CREATE INDEX messages_by_recipient ON messages (recipient_id) WHERE recipient_id IS NOT NULL;
