-- The least that must be known to work on the file, beside its version (stores/versions).

-- name: least_is_kept
-- Is it another than the version?
SELECT 1 FROM sqlite_schema WHERE name = 'franking_version' AND type = 'view';

-- name: least
-- The least.
SELECT least FROM franking_version;

-- name: forget_least!
-- It is the version itself.
DROP VIEW IF EXISTS franking_version;

-- name: keep_least!
-- It is this one. A view: a row would be one more table for whoever copies the file.
CREATE VIEW franking_version AS SELECT {least} AS least;
