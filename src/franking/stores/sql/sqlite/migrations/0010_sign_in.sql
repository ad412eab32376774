-- What the console's sessions are signed with: made once, the same for every process, 32 bytes in
-- hexadecimal digits.
CREATE TABLE session_secret (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    secret TEXT NOT NULL CHECK (length(secret) = 64)
) STRICT;

-- Who is signed in to the console. hash is the SHA-256 of a session's nonce, key the id of the key
-- that was shown. Times are milliseconds since 1970-01-01 UTC; after ends_at it is over, however
-- often it was renewed. What was signed out of is gone.
CREATE TABLE session (
    hash TEXT PRIMARY KEY,
    key TEXT NOT NULL,
    signed_in_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX session_end ON session (ends_at);
CREATE INDEX session_of_key ON session (key, signed_in_at);
