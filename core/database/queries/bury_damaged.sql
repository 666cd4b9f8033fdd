-- Turns a job into a dead letter if SQLite refuses to update its row, because a column has a value
-- of a type that it does not declare. Every column gets a value of its type; the recipe is lost. A
-- row that `bury` has updated before keeps what it says about its images.
-- Parameters: :id, :now.
UPDATE jobs SET
    recipe = '{}',
    guild_id = CAST(guild_id AS INTEGER),
    channel_id = COALESCE(CAST(channel_id AS INTEGER), 0),
    message_id = CAST(message_id AS INTEGER),
    member_id = COALESCE(CAST(member_id AS INTEGER), 0),
    member_name = '',
    state = 'failed',
    priority = COALESCE(CAST(priority AS INTEGER), 0),
    turn = COALESCE(CAST(turn AS INTEGER), 0),
    engine = NULL,
    lease_until = NULL,
    attempts = 0,
    step = 0,
    created_at = COALESCE(CAST(created_at AS REAL), :now),
    started_at = NULL,
    finished_at = :now,
    reason_code = 'unreadable',
    reason_params = CASE
        WHEN reason_code = 'unreadable' THEN reason_params
        ELSE json_object('posted', json(iif(state = 'done' AND posted = 1, 'true', 'false')))
    END,
    reason_text = NULL,
    posted = deleted_at IS NOT NULL,
    pictures = 1,
    work = 0,
    steps = NULL,
    source_job_id = NULL,
    prompt_text = '',
    stopping = 0,
    parent_id = NULL,
    deleted_at = CAST(deleted_at AS REAL),
    locale = 'en',
    kind = 'image',
    model = NULL,
    held = 0,
    most_running = NULL,
    spoilered = 0,
    age_restricted = 0,
    redraws = COALESCE(CAST(redraws AS INTEGER), 0) % 1000000 + 1
WHERE id = :id;
