-- What only PostgreSQL is asked: its version of our schema, who we are there, whom to wake.

-- name: migrating
-- Nobody else migrates until the transaction ends.
SELECT pg_advisory_xact_lock(7237954630966275191);

-- name: versioned
-- Is there a table of the schema's version in the schema that we use?
SELECT to_regclass('franking_version') IS NOT NULL;

-- name: make_version!
-- The table of the schema's version: one row. Whoever knows the schema of the number least can work
-- on this one; where it is null, that is the number itself.
CREATE TABLE franking_version (number bigint NOT NULL, least bigint);

-- name: begin_version!
-- The version of an empty schema.
INSERT INTO franking_version (number) VALUES (0);

-- name: version
-- The version of the schema, and the least that must be known; there was a time without.
SELECT number, (to_jsonb(v) ->> 'least')::bigint FROM franking_version v;

-- name: raise_version!
-- The schema is of this version now.
UPDATE franking_version SET number = :version, least = CAST(:least AS bigint);

-- name: rest
-- Let others have what they wait for.
SELECT pg_sleep(0.5);

-- name: whoever
-- A name that no other process has.
SELECT gen_random_uuid()::text;

-- name: tell
-- Wake whoever waits for something to do; :me is who it comes from. Nothing is written here that
-- would have to be on disk first.
SELECT pg_notify('franking', :me), set_config('synchronous_commit', 'off', true);

-- name: time_there
-- What time it is at the database, in milliseconds since 1970 UTC.
SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint;

-- name: present
-- The names of franking's other connections to this database.
SELECT coalesce(json_agg(DISTINCT application_name), '[]')
FROM pg_stat_activity
WHERE datname = current_database() AND starts_with(application_name, 'franking/')
  AND application_name <> current_setting('application_name');
