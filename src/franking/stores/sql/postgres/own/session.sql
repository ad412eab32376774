-- What only PostgreSQL is asked: its version of our schema, who we are there, whom to wake.

-- name: migrating
-- Nobody else migrates until the transaction ends.
SELECT pg_advisory_xact_lock(7237954630966275191);

-- name: versioned
-- Is there a table of the schema's version in the schema that we use?
SELECT to_regclass('franking_version') IS NOT NULL;

-- name: make_version!
-- The table of the schema's version: one row.
CREATE TABLE franking_version (number bigint NOT NULL);

-- name: begin_version!
-- The version of an empty schema.
INSERT INTO franking_version (number) VALUES (0);

-- name: version
-- The version of the schema.
SELECT number FROM franking_version;

-- name: raise_version!
-- The schema is of this version now.
UPDATE franking_version SET number = :version;

-- name: whoever
-- A name that no other process has.
SELECT gen_random_uuid()::text;

-- name: tell
-- Wake whoever waits for something to do; :me is who it comes from.
SELECT pg_notify('franking', :me);
