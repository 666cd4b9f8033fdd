-- Makes a long queue fast: frequent queries read only a few rows.

-- How many jobs wait and how much work they are, summed over stretches of the claim order, so that
-- a position is the sum of some hundred rows however many jobs wait. A stretch of level 2 is 1,024
-- turns, one of level 1 a single turn (ids is 0 in both), one of level 0 is 1,024 job ids within a
-- turn. guild_id 0 stands for all servers; each server has its own rows as well, because those of
-- paused servers are subtracted. Stretches without jobs have no row.
CREATE TABLE stretches (
    guild_id INTEGER NOT NULL,
    level INTEGER NOT NULL CHECK (level IN (0, 1, 2)),
    priority INTEGER NOT NULL,
    turns INTEGER NOT NULL,
    ids INTEGER NOT NULL,
    jobs INTEGER NOT NULL,
    work INTEGER NOT NULL,
    PRIMARY KEY (guild_id, level, priority DESC, turns, ids)
) STRICT, WITHOUT ROWID;

-- A row written to this view is added to the sums: (1, work) when a job begins to wait, (-1, -work)
-- when it no longer does.
CREATE VIEW stretch_changes (guild_id, priority, turn, id, jobs, work)
    AS SELECT 0, 0, 0, 0, 0, 0 WHERE false;
CREATE TRIGGER sum_stretches INSTEAD OF INSERT ON stretch_changes BEGIN
    INSERT INTO stretches
        SELECT whose.guild_id, part.level, NEW.priority, part.turns, part.ids, NEW.jobs, NEW.work
        FROM (SELECT 0 AS guild_id UNION ALL SELECT NEW.guild_id WHERE NEW.guild_id > 0) AS whose
        CROSS JOIN (
            SELECT 2 AS level, NEW.turn >> 10 AS turns, 0 AS ids
            UNION ALL SELECT 1, NEW.turn, 0
            UNION ALL SELECT 0, NEW.turn, NEW.id >> 10
        ) AS part
        WHERE true
        ON CONFLICT DO UPDATE SET jobs = jobs + excluded.jobs, work = work + excluded.work;
    DELETE FROM stretches
        WHERE NEW.jobs < 0 AND jobs = 0 AND guild_id IN (0, NEW.guild_id)
        AND level = 2 AND priority = NEW.priority AND turns = NEW.turn >> 10 AND ids = 0;
    DELETE FROM stretches
        WHERE NEW.jobs < 0 AND jobs = 0 AND guild_id IN (0, NEW.guild_id)
        AND level = 1 AND priority = NEW.priority AND turns = NEW.turn AND ids = 0;
    DELETE FROM stretches
        WHERE NEW.jobs < 0 AND jobs = 0 AND guild_id IN (0, NEW.guild_id)
        AND level = 0 AND priority = NEW.priority AND turns = NEW.turn AND ids = NEW.id >> 10;
END;

CREATE TRIGGER job_arrives AFTER INSERT ON jobs WHEN NEW.state = 'queued' BEGIN
    INSERT INTO stretch_changes
        VALUES (NEW.guild_id, NEW.priority, NEW.turn, NEW.id, 1, NEW.work);
END;
CREATE TRIGGER job_changes AFTER UPDATE OF state, priority, turn, guild_id, work ON jobs
    WHEN OLD.state = 'queued' OR NEW.state = 'queued' BEGIN
    INSERT INTO stretch_changes
        SELECT OLD.guild_id, OLD.priority, OLD.turn, OLD.id, -1, -OLD.work
        WHERE OLD.state = 'queued';
    INSERT INTO stretch_changes
        SELECT NEW.guild_id, NEW.priority, NEW.turn, NEW.id, 1, NEW.work
        WHERE NEW.state = 'queued';
END;
CREATE TRIGGER job_goes AFTER DELETE ON jobs WHEN OLD.state = 'queued' BEGIN
    INSERT INTO stretch_changes
        VALUES (OLD.guild_id, OLD.priority, OLD.turn, OLD.id, -1, -OLD.work);
END;
INSERT INTO stretch_changes
    SELECT guild_id, priority, turn, id, 1, work FROM jobs WHERE state = 'queued';

CREATE INDEX guilds_paused ON guilds (guild_id) WHERE paused_at IS NOT NULL;
-- The queue of each server, for the next job and for its moderators.
CREATE INDEX jobs_waiting_in_guild ON jobs (guild_id, priority DESC, turn, id)
    WHERE state = 'queued';
CREATE INDEX jobs_waiting_by_age ON jobs (created_at) WHERE state = 'queued';

-- What counts against a member's limits, read in constant time.
CREATE INDEX jobs_live_of_member ON jobs (member_id) WHERE state IN ('queued', 'running');
CREATE INDEX jobs_running_of_member ON jobs (member_id, guild_id) WHERE state = 'running';
CREATE INDEX jobs_asked_by_member ON jobs (member_id, created_at);

-- Which stored images a recipe uses, and which jobs that have not ended start from another job's
-- images, so that retention looks up a few files instead of scanning all jobs.
CREATE TABLE pictures_in_recipes (
    name TEXT NOT NULL,
    job_id INTEGER NOT NULL,
    PRIMARY KEY (name, job_id)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER recipe_arrives AFTER INSERT ON jobs BEGIN
    INSERT OR IGNORE INTO pictures_in_recipes
        SELECT part.value, NEW.id FROM json_tree(NEW.recipe) AS part
        WHERE part.key IN ('initial', 'name') AND part.type = 'text';
END;
CREATE TRIGGER recipe_goes AFTER DELETE ON jobs BEGIN
    DELETE FROM pictures_in_recipes WHERE job_id = OLD.id AND name IN (
        SELECT part.value FROM json_tree(OLD.recipe) AS part
        WHERE part.key IN ('initial', 'name') AND part.type = 'text'
    );
END;
INSERT OR IGNORE INTO pictures_in_recipes
    SELECT part.value, jobs.id FROM jobs, json_tree(jobs.recipe) AS part
    WHERE part.key IN ('initial', 'name') AND part.type = 'text';
CREATE INDEX jobs_from_another ON jobs (json_extract(recipe, '$.source.job'))
    WHERE finished_at IS NULL AND json_extract(recipe, '$.source.job') IS NOT NULL;
