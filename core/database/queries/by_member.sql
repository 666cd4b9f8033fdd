-- A member's running jobs, then their waiting ones in claim order.
-- Parameter: :member_id.
SELECT * FROM (
    SELECT * FROM jobs INDEXED BY jobs_running_of_member
    WHERE state = 'running' AND member_id = :member_id
    UNION ALL
    SELECT * FROM jobs INDEXED BY jobs_waiting_of_member
    WHERE state = 'queued' AND member_id = :member_id
)
ORDER BY state = 'queued', priority DESC, turn, id;
