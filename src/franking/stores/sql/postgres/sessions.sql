-- name: make_session_secret!
-- The secret that sessions are signed with, where there is none yet.
INSERT INTO session_secret (id, secret) VALUES (1, :secret) ON CONFLICT (id) DO NOTHING;

-- name: session_secret
-- The secret that sessions are signed with.
SELECT secret FROM session_secret;

-- name: add_session!
-- A new session.
INSERT INTO session (hash, key, signed_in_at, ends_at)
VALUES (:hash, :key, :signed_in_at, :ends_at);

-- name: find_session
-- The key of a session, and when it is over.
SELECT key, ends_at FROM session WHERE hash = :hash;

-- name: end_session!
-- A session that somebody signed out of.
DELETE FROM session WHERE hash = :hash;

-- name: forget_sessions!
-- The sessions that are over.
DELETE FROM session WHERE ends_at <= :now;

-- name: trim_sessions!
-- The oldest sessions of a key, where it has more than it may.
DELETE FROM session WHERE hash IN (
    SELECT s.hash FROM session s WHERE s.key = :key
    ORDER BY s.signed_in_at DESC OFFSET :most
);
