-- What counts against a member's limits in a server. Parameters: :member_id, :guild_id, :since.
SELECT
    (
        SELECT COUNT(*) FROM jobs INDEXED BY jobs_waiting_of_member
        WHERE state = 'queued' AND member_id = :member_id AND guild_id IS :guild_id
    ) AS waiting,
    (
        SELECT COUNT(*) FROM jobs INDEXED BY jobs_asked_by_member
        WHERE member_id = :member_id AND guild_id IS :guild_id
        AND created_at > :since AND state != 'failed'
        AND NOT (state = 'cancelled' AND started_at IS NULL)
    ) AS last_hour;
