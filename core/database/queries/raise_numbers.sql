-- Makes sure that no job gets an id that another job may have had.
INSERT INTO sqlite_sequence (name, seq)
    SELECT 'jobs', 0 WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'jobs');
UPDATE sqlite_sequence SET seq = max(seq, :reserved) WHERE name = 'jobs';
