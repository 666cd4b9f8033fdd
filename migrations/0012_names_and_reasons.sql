-- Clearer names, reasons as codes, and columns copied from the recipe's JSON, so that only the
-- insert needs a readable recipe.

-- jobs: why a job ended, as a code with parameters, or as free text in the member's language.
ALTER TABLE jobs RENAME COLUMN reason TO reason_text;
ALTER TABLE jobs ADD COLUMN reason_code TEXT;
ALTER TABLE jobs ADD COLUMN reason_params TEXT NOT NULL DEFAULT '{}';
UPDATE jobs SET
    reason_code = CASE reason_text
        WHEN 'The engine stopped 3 times while painting this.' THEN 'too_many_attempts'
        WHEN 'A moderator has cleared the queue.' THEN 'queue_cleared'
        WHEN 'A moderator has blocked its asker.' THEN 'member_blocked'
        WHEN 'A moderator has cancelled this.' THEN 'member_blocked'
        WHEN 'A moderator has deleted it.' THEN 'deleted_by_moderator'
        ELSE 'source_deleted'
    END,
    reason_text = NULL
    WHERE reason_text IN (
        'The engine stopped 3 times while painting this.',
        'A moderator has cleared the queue.',
        'A moderator has blocked its asker.',
        'A moderator has cancelled this.',
        'A moderator has deleted it.',
        'The image that this would have started from was deleted by its owner.'
    );
CREATE INDEX jobs_unreadable ON jobs (id) WHERE reason_code = 'unreadable';

-- jobs: copied from the recipe; NULL or empty if it could not be read.
DROP INDEX jobs_from_another;
ALTER TABLE jobs ADD COLUMN steps INTEGER;
ALTER TABLE jobs ADD COLUMN source_job_id INTEGER;
ALTER TABLE jobs ADD COLUMN prompt_text TEXT NOT NULL DEFAULT '';
UPDATE jobs SET
    steps = CASE WHEN json_valid(recipe) THEN CAST(json_extract(recipe, '$.steps') AS INTEGER) END,
    source_job_id = CASE
        WHEN json_valid(recipe) THEN CAST(json_extract(recipe, '$.source.job') AS INTEGER)
    END,
    prompt_text = searchable_text(CAST(recipe AS BLOB));
CREATE INDEX jobs_by_source ON jobs (source_job_id)
    WHERE finished_at IS NULL AND source_job_id IS NOT NULL;

-- A member's own waiting jobs; with jobs_running_of_member it replaces jobs_live_of_member.
DROP INDEX jobs_live_of_member;
CREATE INDEX jobs_waiting_of_member ON jobs (member_id, guild_id, priority DESC, turn, id)
    WHERE state = 'queued';

-- The queue's rollup: how many jobs wait and how much work they are, per bucket of the claim order,
-- so that a position is the sum of some hundred rows however many jobs wait. A bucket of level 2 is
-- 1,024 turns, one of level 1 a single turn (id_bucket is 0 in both), one of level 0 is 1,024 job
-- ids within a turn. guild_id 0 stands for all servers; each server has its own buckets as well,
-- because those of paused servers are subtracted. Empty buckets have no row.
DROP TRIGGER job_arrives;
DROP TRIGGER job_changes;
DROP TRIGGER job_goes;
DROP TRIGGER recipe_arrives;
DROP TRIGGER recipe_goes;
DROP TRIGGER sum_stretches;
DROP VIEW stretch_changes;
ALTER TABLE stretches RENAME TO queue_buckets;
ALTER TABLE queue_buckets RENAME COLUMN turns TO turn_bucket;
ALTER TABLE queue_buckets RENAME COLUMN ids TO id_bucket;

-- A row written to this view is added to the job's three buckets: (…, 1, work) when a job begins to
-- wait, (…, -1, -work) when it no longer does. SQLite has no procedures; this is one.
CREATE VIEW queue_bucket_deltas (guild_id, priority, turn, id, jobs, work)
    AS SELECT 0, 0, 0, 0, 0, 0 WHERE false;
CREATE TRIGGER queue_bucket_deltas_insert INSTEAD OF INSERT ON queue_bucket_deltas BEGIN
    INSERT INTO queue_buckets
        SELECT scope.guild_id, bucket.level, NEW.priority, bucket.turn_bucket, bucket.id_bucket,
            NEW.jobs, NEW.work
        FROM (SELECT 0 AS guild_id UNION ALL SELECT NEW.guild_id WHERE NEW.guild_id > 0) AS scope
        CROSS JOIN (
            SELECT 2 AS level, NEW.turn >> 10 AS turn_bucket, 0 AS id_bucket
            UNION ALL SELECT 1, NEW.turn, 0
            UNION ALL SELECT 0, NEW.turn, NEW.id >> 10
        ) AS bucket
        WHERE true
        ON CONFLICT DO UPDATE SET jobs = jobs + excluded.jobs, work = work + excluded.work;
    DELETE FROM queue_buckets
        WHERE NEW.jobs < 0 AND jobs = 0 AND guild_id IN (0, NEW.guild_id)
        AND level = 2 AND priority = NEW.priority AND turn_bucket = NEW.turn >> 10
        AND id_bucket = 0;
    DELETE FROM queue_buckets
        WHERE NEW.jobs < 0 AND jobs = 0 AND guild_id IN (0, NEW.guild_id)
        AND level = 1 AND priority = NEW.priority AND turn_bucket = NEW.turn AND id_bucket = 0;
    DELETE FROM queue_buckets
        WHERE NEW.jobs < 0 AND jobs = 0 AND guild_id IN (0, NEW.guild_id)
        AND level = 0 AND priority = NEW.priority AND turn_bucket = NEW.turn
        AND id_bucket = NEW.id >> 10;
END;

CREATE TRIGGER jobs_after_insert AFTER INSERT ON jobs BEGIN
    INSERT INTO queue_bucket_deltas
        SELECT NEW.guild_id, NEW.priority, NEW.turn, NEW.id, 1, NEW.work
        WHERE NEW.state = 'queued';
    INSERT OR IGNORE INTO pictures_in_recipes
        SELECT part.value, NEW.id FROM json_tree(NEW.recipe) AS part
        WHERE part.key IN ('initial', 'name') AND part.type = 'text';
END;
CREATE TRIGGER jobs_after_update AFTER UPDATE OF state, priority, turn, guild_id, work ON jobs
    WHEN OLD.state = 'queued' OR NEW.state = 'queued' BEGIN
    INSERT INTO queue_bucket_deltas
        SELECT OLD.guild_id, OLD.priority, OLD.turn, OLD.id, -1, -OLD.work
        WHERE OLD.state = 'queued';
    INSERT INTO queue_bucket_deltas
        SELECT NEW.guild_id, NEW.priority, NEW.turn, NEW.id, 1, NEW.work
        WHERE NEW.state = 'queued';
END;
CREATE TRIGGER jobs_after_delete AFTER DELETE ON jobs BEGIN
    INSERT INTO queue_bucket_deltas
        SELECT OLD.guild_id, OLD.priority, OLD.turn, OLD.id, -1, -OLD.work
        WHERE OLD.state = 'queued';
    DELETE FROM pictures_in_recipes WHERE job_id = OLD.id;
END;

-- Interactions that the bot has acknowledged but not responded to yet.
DROP INDEX answers_of_job;
ALTER TABLE answers RENAME TO pending_responses;
-- The member, so that the payload is deleted with all data about them. NULL in older rows.
ALTER TABLE pending_responses ADD COLUMN member_id INTEGER;
CREATE INDEX pending_responses_of_job ON pending_responses (job_id) WHERE job_id IS NOT NULL;

-- The audit log: an action with its details as JSON; `reason` is what a person wrote.
ALTER TABLE moderation_log RENAME TO audit_log;
DROP INDEX moderation_log_of_guild;
DROP INDEX moderation_log_to_mirror;
ALTER TABLE audit_log RENAME COLUMN act TO action;
ALTER TABLE audit_log RENAME COLUMN by_id TO actor_id;
ALTER TABLE audit_log RENAME COLUMN whom_id TO target_id;
ALTER TABLE audit_log RENAME COLUMN what TO details;
ALTER TABLE audit_log RENAME COLUMN why TO reason;
UPDATE audit_log SET
    details = CASE
        WHEN details IS NULL THEN NULL
        WHEN action = 'report closed' THEN json_object('verdict', details)
        ELSE json_object('text', details)
    END,
    action = CASE action
        WHEN 'refused' THEN 'refuse'
        WHEN 'cancelled' THEN 'cancel'
        WHEN 'stopped' THEN 'stop'
        WHEN 'deleted' THEN 'delete'
        WHEN 'removed' THEN 'remove'
        WHEN 'moved up' THEN 'move_up'
        WHEN 'cleared' THEN 'clear'
        WHEN 'paused' THEN 'pause'
        WHEN 'resumed' THEN 'resume'
        WHEN 'limited' THEN 'set_limits'
        WHEN 'blocked' THEN 'block'
        WHEN 'unblocked' THEN 'unblock'
        WHEN 'word' THEN 'set_word_rule'
        WHEN 'channel' THEN 'set_channel_rule'
        WHEN 'setting' THEN 'set_setting'
        WHEN 'reported' THEN 'report'
        WHEN 'report closed' THEN 'close_report'
        ELSE action
    END;
CREATE INDEX audit_log_of_guild ON audit_log (guild_id, id);
CREATE INDEX audit_log_to_mirror ON audit_log (guild_id, id) WHERE to_mirror = 1;

ALTER TABLE reports RENAME COLUMN asker_id TO member_id;
