-- To find the jobs of a message: those that were requested together, or that a forward shows.
CREATE INDEX messages_by_message ON messages (message_id) WHERE message_id IS NOT NULL;
