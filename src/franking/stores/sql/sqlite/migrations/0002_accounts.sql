-- Senders' mailboxes and their limits, keys, bounces, suppressed addresses, unknown errors.

-- An account: where to send through, its limits, its state. settings and limits are JSON; secret is
-- encrypted. state is ok or disconnected; a pause is paused_until. pauses counts the limits met in
-- a row; while it is not 0 one mail is tried first, under a lease that ends at probe_until.
-- tokens (as of tokens_at) are what may be sent now within perMinute.
ALTER TABLE account ADD COLUMN settings TEXT;
ALTER TABLE account ADD COLUMN limits TEXT;
ALTER TABLE account ADD COLUMN secret BLOB;
ALTER TABLE account ADD COLUMN state TEXT NOT NULL DEFAULT 'ok';
ALTER TABLE account ADD COLUMN reason TEXT;
ALTER TABLE account ADD COLUMN since INTEGER;
ALTER TABLE account ADD COLUMN pauses INTEGER NOT NULL DEFAULT 0;
ALTER TABLE account ADD COLUMN probe_until INTEGER;
ALTER TABLE account ADD COLUMN tokens REAL;
ALTER TABLE account ADD COLUMN tokens_at INTEGER;
ALTER TABLE account ADD COLUMN created_at INTEGER;
ALTER TABLE account ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
CREATE INDEX account_disconnected ON account (id) WHERE state = 'disconnected';
CREATE INDEX account_paused ON account (paused_until) WHERE paused_until IS NOT NULL;

-- What an account sent, by quarter of an hour, for its limits of a rolling day.
CREATE TABLE account_usage (
    account TEXT NOT NULL,
    slot INTEGER NOT NULL,
    mails INTEGER NOT NULL,
    recipients INTEGER NOT NULL,
    PRIMARY KEY (account, slot)
) STRICT, WITHOUT ROWID;

-- How many recipients a mail names, for limits that count them.
ALTER TABLE mail ADD COLUMN recipients INTEGER NOT NULL DEFAULT 1;

-- Which mail a Message-ID was given to, for bounces that come back.
ALTER TABLE attempt ADD COLUMN message_id TEXT;
CREATE INDEX attempt_message ON attempt (message_id) WHERE message_id IS NOT NULL;

-- Bounces and receipts that came back for a mail.
CREATE TABLE bounce (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    fingerprint TEXT NOT NULL UNIQUE,
    mail TEXT,
    recipient TEXT,
    action TEXT NOT NULL,
    status TEXT,
    received_at INTEGER NOT NULL,
    category TEXT,
    cause TEXT,
    text TEXT
) STRICT;
CREATE INDEX bounce_mail ON bounce (mail) WHERE mail IS NOT NULL;

-- Addresses that nothing is sent to.
CREATE TABLE suppression (
    address TEXT PRIMARY KEY,
    reason TEXT NOT NULL,
    source TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Errors that no rule knows, counted by their shape.
CREATE TABLE unknown_error (
    fingerprint TEXT PRIMARY KEY,
    example TEXT NOT NULL,
    seen INTEGER NOT NULL,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX unknown_error_seen ON unknown_error (seen);

-- Keys of programs and people; only the hash of a key's secret is kept.
CREATE TABLE api_key (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    hash TEXT NOT NULL,
    scopes TEXT NOT NULL,
    per_minute INTEGER,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;
