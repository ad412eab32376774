-- What `franking db copy` asks of the file that it copies, and the mark that it leaves there. Words
-- in braces are names of tables and columns, which are this franking's own.

-- name: tables_here
-- Tables with rows of their own: none of SQLite's, and none that a search is kept in.
SELECT name FROM sqlite_schema s
WHERE type = 'table' AND name NOT LIKE 'sqlite^_%' ESCAPE '^' AND sql NOT LIKE 'CREATE VIRTUAL %'
    AND NOT EXISTS (
        SELECT 1 FROM sqlite_schema v WHERE v.type = 'table' AND v.sql LIKE 'CREATE VIRTUAL %'
            AND s.name LIKE v.name || '^_%' ESCAPE '^'
    )
ORDER BY name;

-- name: count_here
-- How many rows a table has.
SELECT count(*) FROM {table};

-- name: rows_here
-- The rows of a table.
SELECT {columns} FROM {table};

-- name: numbered_here
-- The last number that a table ever gave; nothing where it gives none.
SELECT seq FROM sqlite_sequence WHERE name = :table;

-- name: epochs_here
-- The last epoch that was drawn.
SELECT value FROM counter WHERE name = 'epoch';

-- name: sealed_here
-- What is sealed: whose it is, and the secret.
SELECT 'account', id, secret FROM account WHERE secret IS NOT NULL
UNION ALL
SELECT 'webhook', id, secret FROM webhook;

-- name: make_moved!
-- Where the installation was moved from here, and when, in milliseconds since 1970 UTC.
CREATE TABLE moved (target TEXT NOT NULL, at INTEGER NOT NULL);

-- name: write_moved!
-- It was moved there.
INSERT INTO moved (target, at) VALUES (:target, :at);

-- name: close_inbox!
-- Nobody would take in what an application still writes here: it is told.
CREATE TRIGGER inbox_moved BEFORE INSERT ON inbox BEGIN
    SELECT RAISE(ABORT, 'franking was moved from this file to another database');
END;

-- name: moved_to
-- Where the installation was moved.
SELECT target FROM moved;

-- name: open_inbox!
-- It is taken in again what is written here.
DROP TRIGGER IF EXISTS inbox_moved;

-- name: forget_moved!
-- Nobody moved.
DROP TABLE IF EXISTS moved;
