-- What an application writes in its own transaction, to be sent (office/inbox). It names document,
-- and id where it has one; the rest comes by itself. document is whatever was given, JSON or not:
-- nothing is refused here, for that would be the application's error. A row that could not be taken
-- in is put off until next_at, with its trouble.
CREATE TABLE inbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT DEFAULT (lower(hex(randomblob(16)))),
    document BLOB,
    created_at INTEGER NOT NULL
        DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER)),
    next_at INTEGER NOT NULL DEFAULT 0,
    tries INTEGER NOT NULL DEFAULT 0,
    trouble TEXT
);
CREATE INDEX inbox_next ON inbox (next_at, seq);
CREATE INDEX inbox_id ON inbox (id, seq);
